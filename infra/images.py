"""Starts an image's program from its file system, as a task of the fleet would be; says the median milliseconds until it is ready.

    unshare --mount infra/images.py ingress|worker ROOT MINISTACK

The root is read-only, the user is nobody, and of what an engine adds there are the devices alone: no shell, no /tmp, no /proc. Queue
and table are those of an emulator on loopback. Ready is what the load balancer and the container's health check would ask for: 200 of
/readyz. Needs root, a mount namespace of its own, and boto3.
"""

import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3

STARTS = 21
PATIENCE = 20
DEVICES = ("null", "random", "urandom", "zero")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port, path):
    """The status of a GET, or None if nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def wait(process, what, is_so, log=None):
    until = time.monotonic() + PATIENCE
    while not is_so():
        if process.poll() is not None:
            if log:
                log.seek(0)
                sys.stderr.write(log.read().decode())
            raise SystemExit(f"{what} ended with {process.returncode}")
        if time.monotonic() > until:
            raise SystemExit(f"{what} is not ready after {PATIENCE} s")
        time.sleep(0.0005)


def fleet(endpoint):
    """Queues and a table, as docs/fleet.md has them, and the settings that lead to them."""
    of = {"region_name": "us-east-1", "endpoint_url": endpoint, "aws_access_key_id": "a", "aws_secret_access_key": "b"}
    sqs = boto3.client("sqs", **of)
    url, dead = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("jobs", "dead"))
    strings = [{"AttributeName": name, "AttributeType": kind} for name, kind in (("pk", "S"), ("sk", "S"), ("day", "S"), ("at", "N"))]
    keys = lambda *names: [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"))]  # noqa: E731
    boto3.client("dynamodb", **of).create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=strings,
        KeySchema=keys("pk", "sk"),
        GlobalSecondaryIndexes=[{"IndexName": "by_time", "KeySchema": keys("day", "at"), "Projection": {"ProjectionType": "ALL"}}],
    )
    return {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "ECO_CODER_AWS_REGION": "us-east-1",
        "ECO_CODER_AWS_ENDPOINT_URL": endpoint,
        "ECO_CODER_QUEUE_KIND": "sqs",
        "ECO_CODER_QUEUE_URL": url,
        "ECO_CODER_QUEUE_DEAD_LETTER_URL": dead,
        "ECO_CODER_STORE_KIND": "dynamodb",
        "ECO_CODER_STORE_TABLE": "table",
        "ECO_CODER_STORE_SESSION_KEY": "env:SESSION_KEY",
        "SESSION_KEY": "0" * 64,
        "ECO_CODER_WEBHOOK_SECRET": "a secret for measuring",
        "ECO_CODER_GITHUB_TOKEN": "a token for measuring",
        # Nobody's, and never asked: no webhook comes.
        "ECO_CODER_GITHUB_API_URL": f"http://127.0.0.1:{free_port()}",
        "ECO_CODER_POLICY_REPOSITORIES": "acme/*",
        "ECO_CODER_MODEL_KIND": "none",
    }


def as_an_engine_does(root, home):
    """The root as an engine shows it to the program."""
    upper, work, shown = (home / name for name in ("upper", "work", "root"))
    for made in (upper / "dev", work, shown):
        made.mkdir(parents=True)
    for device in DEVICES:
        (upper / "dev" / device).touch()
    mount = lambda *arguments: subprocess.run(["mount", *arguments], check=True)  # noqa: E731
    mount("--types", "overlay", "overlay", "--options", f"lowerdir={root},upperdir={upper},workdir={work}", str(shown))
    for device in DEVICES:
        mount("--bind", f"/dev/{device}", str(shown / "dev" / device))
    mount("--options", "remount,ro", str(shown))
    return shown


def start(image, root, settings):
    """Milliseconds from the start until it is ready."""
    listen, operator = free_port(), free_port()
    own = {f"ECO_CODER_{image.upper()}_OPERATOR_LISTEN": f"127.0.0.1:{operator}"}
    if image == "ingress":
        own["ECO_CODER_INGRESS_LISTEN"] = f"127.0.0.1:{listen}"
    command = ["chroot", "--userspec=65532:65532", root, f"/eco-coder-{image}"]
    environment = {"PATH": os.environ["PATH"], "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt", **settings, **own}
    log = tempfile.TemporaryFile()
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log)
    try:
        wait(process, f"/eco-coder-{image}", lambda: answers(operator, "/readyz") == 200, log)
        took = (time.perf_counter() - began) * 1000
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
    return took


def main():
    image, root, ministack = sys.argv[1:]
    port = free_port()
    emulator = subprocess.Popen(
        [ministack], env={**os.environ, "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    home = tempfile.TemporaryDirectory()
    # Of this namespace alone, and gone with it.
    subprocess.run(["mount", "--types", "tmpfs", "tmpfs", home.name], check=True)
    try:
        wait(emulator, "ministack", lambda: answers(port, "/") is not None)
        settings = fleet(f"http://127.0.0.1:{port}")
        shown = as_an_engine_does(root, Path(home.name))
        print(round(statistics.median(start(image, shown, settings) for _ in range(STARTS)), 1))
    finally:
        emulator.terminate()
        subprocess.run(["umount", "--recursive", home.name], check=True)


if __name__ == "__main__":
    main()
