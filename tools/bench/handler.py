"""A Lambda handler like those in public samples for batch jobs, up to the point where it finds that the drop is gone."""

import boto3
from botocore.exceptions import ClientError

s3 = boto3.client("s3")
bedrock = boto3.client("bedrock")


def handler(event, _context):
    record = event["Records"][0]["s3"]
    try:
        s3.head_object(Bucket=record["bucket"]["name"], Key=record["object"]["key"])
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
