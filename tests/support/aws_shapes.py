#!/usr/bin/env python3
"""Holds the answers of our fakes of CodeGuru and Bedrock against AWS's own description of the services, so that they can't drift from
the real ones, and drives each operation once with AWS's own client.

    pip install boto3
    cargo run --example fake-aws &        # prints three addresses: Profiler, Reviewer, Converse
    tests/support/aws_shapes.py PROFILER_URL REVIEWER_URL CONVERSE_URL

Prints each operation and every difference, and fails if there is one.
"""

import datetime
import gzip
import json
import pathlib
import sys

import boto3
import botocore.exceptions
from botocore.config import Config
from botocore.loaders import Loader
from botocore.model import ServiceModel

profiler_url, reviewer_url, converse_url = sys.argv[1:]
failures = 0


def differs(where, what):
    global failures
    failures += 1
    print(f"  {where}: {what}")


def check(shape, value, where):
    """Unknown members, missing ones that are required, enums, types; of everything inside, too."""
    kind = shape.type_name
    if getattr(shape, "is_document_type", False):
        return None
    if kind == "structure":
        if not isinstance(value, dict):
            return differs(where, f"{value!r} is no structure")
        names = {(member.serialization.get("name") or name): (name, member) for name, member in shape.members.items()}
        for name in value.keys() - names.keys():
            differs(where, f"the service has no member {name}")
        for name in shape.required_members:
            wire = shape.members[name].serialization.get("name") or name
            in_body = shape.members[name].serialization.get("location") is None
            if in_body and wire not in value and getattr(shape, "serialization", {}).get("payload") != name:
                differs(where, f"{name} is required")
        for name, inner in value.items():
            if name in names and inner is not None:
                check(names[name][1], inner, f"{where}.{name}")
    elif kind == "list":
        if not isinstance(value, list):
            return differs(where, f"{value!r} is no list")
        for at, inner in enumerate(value):
            check(shape.member, inner, f"{where}[{at}]")
    elif kind == "map":
        for name, inner in value.items():
            check(shape.value, inner, f"{where}.{name}")
    else:
        types = {
            "string": str, "integer": int, "long": int, "boolean": bool, "double": (int, float), "float": (int, float),
            "timestamp": (int, float, str),
        }
        wanted = types.get(kind)
        if wanted and not isinstance(value, wanted):
            differs(where, f"{value!r} is no {kind}")
        if kind == "string" and shape.enum and value not in shape.enum:
            differs(where, f"{value!r} is not one of {shape.enum}")


def drive(service, url, calls):
    """Each call (operation, its arguments) through AWS's client; the raw body is what is checked."""
    model = ServiceModel(Loader().load_service_model(service, "service-2"))
    client = boto3.client(
        service, endpoint_url=url, region_name="us-east-1", aws_access_key_id="t", aws_secret_access_key="t",
    )
    raw = {}
    client.meta.events.register("before-parse", lambda response_dict, **_: raw.update(response_dict))
    for operation, arguments in calls:
        method = "".join("_" + c.lower() if c.isupper() else c for c in operation).lstrip("_")
        answer = getattr(client, method)(**arguments)
        print(f"{service} {operation} {answer['ResponseMetadata']['HTTPStatusCode']}")
        shape = model.operation_model(operation).output_shape
        payload = shape.serialization.get("payload")
        if payload and shape.members[payload].type_name == "blob":
            body = answer[payload].read()
            # AWS's client leaves the encoding to whoever asked for it.
            body = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
            json.loads(body)
            continue
        if payload:
            shape = shape.members[payload]
        check(shape, json.loads(raw["body"]), operation)


now = datetime.datetime.now(datetime.timezone.utc)
groups = ["shop-api", "shop-zipped"]
drive("codeguruprofiler", profiler_url, [
    *[("DescribeProfilingGroup", {"profilingGroupName": name}) for name in [*groups, "shop-empty"]],
    *[("GetProfile", {"profilingGroupName": name, "accept": "application/json", "period": "P1D"}) for name in groups],
    ("GetRecommendations", {
        "profilingGroupName": "shop-api", "startTime": now - datetime.timedelta(days=1), "endTime": now,
    }),
])
association = "arn:aws:codeguru-reviewer:us-east-1:123456789012:association:association-{}"
review = "arn:aws:codeguru-reviewer:us-east-1:123456789012:association:a:codereview:PullRequest-GitHub-17-aaaaaaa-{}"
# The call as the worker makes it: a test of the worker compares what it sends with the same file.
text = (pathlib.Path(__file__).parents[2] / "worker/src/backends/codeguru_reviewer/tests/create_code_review.json").read_text()
for name, value in {
    "DIGEST": "d" * 64, "ASSOCIATION": association.format(2), "HEAD_SHA": "a" * 40, "BASE_SHA": "b" * 40,
}.items():
    text = text.replace(name, value)
asked = json.loads(text)
check(ServiceModel(Loader().load_service_model("codeguru-reviewer", "service-2")).operation_model(
    "CreateCodeReview").input_shape, asked, "CreateCodeReview request")
scan = association.format(2) + ":codereview:RepositoryAnalysis-" + asked["Name"]
bucket = asked["Type"]["RepositoryAnalysis"]["SourceCodeType"]["S3BucketRepository"]["Details"]
place = {"Bucket": bucket["BucketName"], "Key": bucket["CodeArtifacts"]["SourceCodeArtifactsObjectKey"]}
s3 = boto3.client(
    "s3", endpoint_url=reviewer_url, region_name="us-east-1", aws_access_key_id="t", aws_secret_access_key="t",
    config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
)
s3.put_object(**place, Body=b"source", ExpectedBucketOwner="123456789012")
if s3.get_object(**place)["Body"].read() != b"source":
    differs("s3", "the object is another one")
drive("codeguru-reviewer", reviewer_url, [
    *[("DescribeRepositoryAssociation", {"AssociationArn": association.format(n)}) for n in range(3)],
    ("CreateCodeReview", asked),
    ("CreateCodeReview", asked),
    ("DescribeCodeReview", {"CodeReviewArn": scan}),
    ("ListCodeReviews", {"Type": "RepositoryAnalysis", "ProviderTypes": ["S3Bucket"], "RepositoryNames": ["shop-scans"]}),
    ("ListCodeReviews", {"Type": "PullRequest", "ProviderTypes": ["GitHub"], "RepositoryNames": ["shop"]}),
    *[("DescribeCodeReview", {"CodeReviewArn": review.format(n)}) for n in range(3)],
    ("ListRecommendations", {"CodeReviewArn": review.format(0)}),
    ("ListRecommendations", {"CodeReviewArn": review.format(0), "MaxResults": 100, "NextToken": "100"}),
])
s3.delete_object(**place)

# The question as the worker asks it: a test of the worker compares what it sends with the same file.
asked = json.loads((pathlib.Path(__file__).parents[2] / "worker/src/model/bedrock/tests/converse.json").read_text())
converse = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2")).operation_model("Converse")
check(converse.input_shape, asked["body"], "Converse request")
question = {"modelId": asked["modelId"], "messages": [{"role": "user", "content": [{"text": "Results"}]}]}
drive("bedrock-runtime", converse_url, [("Converse", question)] * 5)
client = boto3.client(
    "bedrock-runtime", endpoint_url=converse_url, region_name="us-east-1", aws_access_key_id="t",
    aws_secret_access_key="t", config=Config(retries={"total_max_attempts": 1}),
)
described = {shape.name: shape.metadata.get("error", {}).get("httpStatusCode") for shape in converse.error_shapes}
for _ in range(10):
    try:
        client.converse(**question)
    except botocore.exceptions.ClientError as error:
        code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        print(f"bedrock-runtime Converse {status} {code}")
        known = described.pop(code, "unknown")
        if code == "ServiceQuotaExceededException" and known == "unknown":
            continue  # documented for the service, not described for this call
        if known != status:
            differs("Converse", f"{code} is {known}, not {status}")
for code in described:
    differs("Converse", f"{code} is an error that the fake doesn't know")
print(f"{failures} differences")
sys.exit(failures > 0)
