"""What a person is sent when drops have ended: into docs/recordings/emulator.md."""

import json

from questions import WRONG, lines, questions
from report import same, wait_for
from servers import REGION

ENDED = ("Completed", "Stopped")


def notices(stack, page, normal):
    """Lets drops end in every way, and writes down the message about each."""
    mailbox = Mailbox(stack)
    page.heading("Notices")
    page.say(
        "What arrives at a queue that is subscribed to the topic of `NoticeEmail`. The function, its answer, the rule with its"
        " transformer, and the topic are real; the emulator lacks OnSuccess destinations, so the program that runs it puts"
        " Lambda's documented record onto the event bus, and it names everyone `EXAMPLE`."
    )

    def ended(*keys):
        for key in keys:
            stack.report_of(key)
            normal.add(stack.drop_id(key))
        page.show(normal.text(mailbox.next()), "text")

    page.say("Each record has an answer:")
    stack.drop("good.jsonl", records())
    ended("good.jsonl")
    page.say("Three records have an error:")
    stack.drop("mistakes.jsonl", records(WRONG))
    ended("mistakes.jsonl")
    page.say("The file is refused:")
    stack.drop("refused.jsonl", b'{"modelInput": "hello"}\n')
    ended("refused.jsonl")
    page.say("An operator has cancelled the drop:")
    with stack.at_a_slow_bedrock():
        jobs = len(stack.cloud.stand_in.events)
        stack.drop("cancelled.jsonl", records())
        wait_for("the job of cancelled.jsonl", lambda: len(stack.cloud.stand_in.events) > jobs)
        drop_id = stack.drop_id("cancelled.jsonl")
        stack.cloud.s3_of("operator").put_object(Bucket=stack["OutputBucketName"], Key=f"requests/cancel/{drop_id}")
        stack.route_request(drop_id)
        ended("cancelled.jsonl")
    page.say("One sweep ends two drops whose events were lost:")
    seen = len(stack.cloud.stand_in.events)
    for key in ("lost-1.jsonl", "lost-2.jsonl"):
        stack.drop(key, records())
    wait_for("the ends of two jobs", lambda: ends(stack.cloud.stand_in.events[seen:]) == 2)
    stack.lose_events()
    stack.sweep()
    ended("lost-1.jsonl", "lost-2.jsonl")
    same("other messages", mailbox.messages(), [])
    mailbox.delete()


def records(wrong=()):
    return lines(questions(100, wrong)).encode()


def ends(events):
    return sum(event["detail"]["status"] in ENDED for event in events)


class Mailbox:
    """A queue that gets each message of the stack's topic as it is."""

    def __init__(self, stack):
        self.sqs = stack.cloud.sqs
        self.url = self.sqs.create_queue(QueueName="mailbox")["QueueUrl"]
        asked = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        arn, topic = asked["Attributes"]["QueueArn"], stack["NoticeTopicArn"]
        same("Region of the topic", topic.split(":")[3], REGION)
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})
        raw = {"RawMessageDelivery": "true"}
        stack.cloud.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=raw)

    def messages(self):
        found = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in found]

    def next(self):
        """Waits for a message, which must be the only one."""
        found = wait_for("a notice", self.messages)
        same("notices", len(found), 1)
        return found[0]

    def delete(self):
        self.sqs.delete_queue(QueueUrl=self.url)
