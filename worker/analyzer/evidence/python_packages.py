"""Measures the effects that rules on Python packages claim: `python3 python_packages.py`, with boto3, pandas, requests
and openssl installed.

The same method as python_effects.py. Nothing leaves the machine: making an AWS client needs no network, and the requests
go to a server that the script starts itself.
"""

import io
import ssl
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import numpy as np
import pandas as pd
import requests

from python_effects import MATRIX, SIZE, compare


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


ORDERS = pd.DataFrame({"price": np.arange(2_000.0), "count": np.arange(2_000), "name": [f"n{i}" for i in range(2_000)]})


def walk_iterrows():
    total = 0
    for _, row in ORDERS.iterrows():
        total += row["price"] * row["count"]


def walk_itertuples():
    total = 0
    for row in ORDERS.itertuples():
        total += row.price * row.count


def apply_by_row():
    ORDERS.apply(lambda row: row["price"] * row["count"], axis=1)


def by_column():
    ORDERS["price"] * ORDERS["count"]


WIDE = pd.DataFrame({f"c{i}": np.arange(5_000) * 1.5 for i in range(20)}).to_csv(index=False)


def grow_array(n):
    out = np.array([])
    for i in range(n):
        out = np.append(out, i)


def array_once(n):
    out = []
    for i in range(n):
        out.append(i)
    return np.array(out)


def loop_product():
    out = [[0.0] * SIZE for _ in range(SIZE)]
    for i in range(SIZE):
        for j in range(SIZE):
            for k in range(SIZE):
                out[i][j] += MATRIX[i][k] * MATRIX[k][j]


ARRAY = np.array(MATRIX)


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
        self.wfile.flush()

    def log_message(self, *_):
        pass


def start_server(certificate, key):
    """A TLS server on this machine; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"https://127.0.0.1:{server.server_port}/"


def make_certificate(folder):
    certificate, key = f"{folder}/certificate.pem", f"{folder}/key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    return certificate, key


def get_each(url, certificate):
    for _ in range(50):
        requests.get(url, timeout=5, verify=certificate)


def get_in_session(url, certificate):
    with requests.Session() as session:
        for _ in range(50):
            session.get(url, timeout=5, verify=certificate)


if __name__ == "__main__":
    print(f"boto3 {boto3.__version__}, numpy {np.__version__}, pandas {pd.__version__}, requests {requests.__version__}")
    compare("10 S3 clients against one", client_per_event, client_once, turns=3)
    compare("500 times concat against once, 100 rows each", grow, concat_once, turns=3)
    compare("iterrows against itertuples, 2000 rows", walk_iterrows, walk_itertuples, turns=3)
    compare("apply(axis=1) against columns, 2000 rows", apply_by_row, by_column, turns=3, clock=time.perf_counter)
    compare(
        "read_csv: 20 columns against 2 of them, 5000 rows",
        lambda: pd.read_csv(io.StringIO(WIDE)),
        lambda: pd.read_csv(io.StringIO(WIDE), usecols=["c0", "c1"]),
    )
    compare("np.append in a loop against one array, 20000", lambda: grow_array(20_000), lambda: array_once(20_000), turns=3)
    compare("60 x 60 product by loops against @", loop_product, lambda: ARRAY @ ARRAY, turns=3, clock=time.perf_counter)
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = make_certificate(folder)
        url = start_server(certificate, key)
        compare(
            "50 requests over TLS on one machine: requests.get against a session",
            lambda: get_each(url, certificate),
            lambda: get_in_session(url, certificate),
            turns=3,
            clock=time.perf_counter,
        )
