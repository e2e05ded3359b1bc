"""Measures the effects that rules on Python packages claim: `python3 python_packages.py`, with boto3 and pandas installed.

The same method as python_effects.py. Nothing is sent: making an AWS client needs no network.
"""

import boto3
import pandas as pd

from python_effects import compare


def client_per_event():
    for _ in range(10):
        boto3.client("s3", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")


def client_once():
    boto3.client("s3", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")


PIECE = pd.DataFrame({"a": range(100), "b": range(100)})


def grow():
    frame = PIECE
    for _ in range(500):
        frame = pd.concat([frame, PIECE])


def concat_once():
    pd.concat([PIECE for _ in range(501)])


if __name__ == "__main__":
    print(f"boto3 {boto3.__version__}, pandas {pd.__version__}")
    compare("10 S3 clients against one", client_per_event, client_once, turns=3)
    compare("500 times concat against once, 100 rows each", grow, concat_once, turns=3)
