"""What other programs do: python peers.py json|orjson FILE, or python peers.py iter-lines|chunks BUCKET KEY"""

import json
import sys


def file_lines(loads, path):
    with open(path, "rb") as file:
        for line in file:
            loads(line)


def iter_lines(bucket, key):
    """Reads lines as the Lambda handlers in public samples do."""
    import boto3

    for line in boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].iter_lines():
        json.loads(line)


def chunks(bucket, key):
    """Reads large chunks and parses with orjson, the fastest way in Python."""
    import boto3
    import orjson

    rest = b""
    for chunk in boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(1 << 20):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            orjson.loads(line)
    if rest:
        orjson.loads(rest)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["json", path]:
            file_lines(json.loads, path)
        case ["orjson", path]:
            import orjson

            file_lines(orjson.loads, path)
        case ["iter-lines", bucket, key]:
            iter_lines(bucket, key)
        case ["chunks", bucket, key]:
            chunks(bucket, key)
        case _:
            sys.exit(__doc__)
