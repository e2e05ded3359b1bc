"""Code as one meets it, written from the rules' titles alone: `precision.py speaks` says which rules notice."""

import os
import ssl
import tempfile
import threading
import time

import boto3
import ldap
import numpy as np
import requests
import torch
from flask import Flask, render_template_string, request
from lxml import etree

app = Flask(__name__)


def copy_reports(buckets, target):
    for bucket in buckets:
        s3 = boto3.client("s3")  # EC-PY-144
        for entry in s3.list_objects_v2(Bucket=bucket, MaxKeys=10)["Contents"]:
            s3.copy_object(Bucket=target, Key=entry["Key"], CopySource={"Bucket": bucket, "Key": entry["Key"]})


def publish(queue_url, orders):
    sqs = boto3.client("sqs")
    for order in orders:
        sqs.send_message(QueueUrl=queue_url, MessageBody=order.to_json())  # EC-PY-146


def save(orders):
    table = boto3.resource("dynamodb").Table("orders")
    for order in orders:
        table.put_item(Item=order.as_dict())  # EC-PY-146


def wait_until_started(server):
    while not server.started:  # EC-PY-401
        pass
    print("ready")


def evaluate(model, loader, device):
    model.eval()  # EC-PY-100
    correct = 0
    for images, labels in loader:
        scores = model(images.to(device))
        correct += (scores.argmax(1).cpu() == labels).sum().item()
    return correct / len(loader.dataset)


def load_features(path):
    return torch.tensor(np.load(path))  # EC-PY-104


def rotate(matrix, vectors):
    result = [[0.0] * len(vectors[0]) for _ in matrix]
    for i in range(len(matrix)):
        for j in range(len(vectors[0])):
            for k in range(len(vectors)):
                result[i][j] += matrix[i][k] * vectors[k][j]  # EC-PY-107
    return result


def add_revenue(frame):
    frame["revenue"] = frame.apply(lambda row: row["price"] * row["quantity"] - row["discount"], axis=1)  # EC-PY-138
    return frame


def lambda_handler(event, context):
    dynamodb = boto3.resource("dynamodb")  # EC-PY-128
    table = dynamodb.Table(os.environ["TABLE"])
    return table.get_item(Key={"id": event["id"]})["Item"]


def check_total(order):
    assert (order.total > 0, "an order must cost something")  # EC-PY-204


def count_up(counters, name):
    with threading.Lock():  # EC-PY-209
        counters[name] = counters.get(name, 0) + 1


def export(rows):
    path = tempfile.mktemp(suffix=".csv")  # EC-PY-309
    with open(path, "w") as out:
        out.writelines(rows)
    return path


def read_invoice(body):
    parser = etree.XMLParser(resolve_entities=True)  # EC-PY-314
    return etree.fromstring(body, parser)


def old_terminal_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLSv1)  # EC-PY-326
    context.load_default_certs()
    return context


def find_person(connection, login):
    return connection.search_s("ou=people,dc=example,dc=org", ldap.SCOPE_SUBTREE, f"(uid={login})")  # EC-PY-329


@app.route("/preview")
def preview():
    url = request.args["url"]
    return requests.get(url, timeout=5).text  # EC-PY-316


@app.route("/avatar")
def avatar():
    return requests.get(request.args["image"], timeout=5).content  # EC-PY-316


@app.route("/hello")
def hello():
    name = request.args.get("name", "you")
    return render_template_string(f"<h1>Hello {name}</h1>")  # EC-PY-318


def delete_account(current_user, account):
    assert current_user.is_admin, "admins only"  # EC-PY-324
    account.delete()
    time.sleep(0)
