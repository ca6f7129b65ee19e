"""The records that are dropped."""

import json

# Those with a temperature that the model refuses.
WRONG = (17, 58, 99)


def questions(count, wrong=(), first=1):
    """Returns this many records, which are numbered from `first`."""
    return [question(number, 2 if number in wrong else 0.5) for number in range(first, first + count)]


def question(number, temperature=0.5):
    """Returns a record. The model refuses a temperature above 1."""
    message = {"role": "user", "content": [{"text": f"What is {number} times {number}?"}]}
    limits = {"maxTokens": 200, "temperature": temperature}
    body = {"schemaVersion": "messages-v1", "messages": [message], "inferenceConfig": limits}
    return {"recordId": f"Q{number:04}", "modelInput": body}


def lines(records):
    return "".join(f"{json.dumps(record)}\n" for record in records)
