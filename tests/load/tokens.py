#!/usr/bin/env python3
"""What a model reads and costs for five real changes: releases of public packages, each against the one before it.

    cargo build --release --package eco-coder && python3 tests/load/tokens.py

Fetches the packages from the package registry, makes a repository of two commits of each, has `eco-coder review` ask a model
that is this script, and counts the tokens of what it was asked with o200k_base (npm gpt-tokenizer). Prices are those of
worker/src/model/prices.json. Needs python3, git, node and npm.
"""

import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BINARY = TARGET / os.environ.get("PROFILE", "release") / "eco-coder"
MODEL = "claude-sonnet-5-5"
CHANGES = [
    ("requests", "2.31.0", "2.32.0"),
    ("httpx", "0.23.3", "0.24.0"),
    ("flask", "2.2.5", "2.3.0"),
    ("rich", "12.6.0", "13.0.0"),
    ("django", "5.0.6", "5.1"),
]
COUNT = """
const { encode } = require('gpt-tokenizer/encoding/o200k_base');
const asked = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(asked.map((text) => encode(text, { allowedSpecial: 'all' }).length)));
"""
REPORT = {
    "verdict": "consider",
    "summary": "The changes look sound. Two places deserve a look: the new timeout is not passed on, and an error is lost.",
    "suggestions": ["A test for the new default would keep it from changing unnoticed."],
}
asked = []


class Server(http.server.BaseHTTPRequestHandler):
    """A model that reads all and ends with its report."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        asked.append(json.loads(body))
        call = {"name": "post_github_comment", "arguments": json.dumps({"report": REPORT})}
        message = {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": call}]}
        answer = json.dumps({
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1},
        }).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def run(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def repository(home, package, versions):
    """Two commits: the older release, then the newer one."""
    repo = home / package
    run("git", "init", "--quiet", "--initial-branch=main", str(repo))
    for version in versions:
        wheels = home / f"{package}-{version}"
        run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
            "--dest", str(wheels), f"{package}=={version}")
        run("git", "-C", str(repo), "rm", "-rq", "--ignore-unmatch", ".")
        with zipfile.ZipFile(next(wheels.glob("*.whl"))) as archive:
            names = [name for name in archive.namelist() if ".dist-info/" not in name]
            archive.extractall(repo, names)
        run("git", "-C", str(repo), "add", "--all")
        identity = ["-c", "user.name=tokens", "-c", "user.email=tokens@localhost"]
        run("git", "-C", str(repo), *identity, "commit", "--quiet", "--message", version)
    return repo


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    prices = json.loads((ROOT / "worker/src/model/prices.json").read_text())["models"]
    price = next(row for row in prices if row["id"] == MODEL)
    counter = TARGET / "tokens"
    counter.mkdir(parents=True, exist_ok=True)
    if not (counter / "node_modules" / "gpt-tokenizer").exists():
        run("npm", "install", "--silent", "--prefix", str(counter), "gpt-tokenizer@3")
    with tempfile.TemporaryDirectory() as temporary:
        home = pathlib.Path(temporary)
        settings = home / "eco-coder.toml"
        url = f"http://127.0.0.1:{server.server_port}/v1"
        settings.write_text(f'[model]\nkind = "openai"\nid = "scripted"\nurl = "{url}"\n')
        print("| change | files | lines | findings | tokens in | out | US dollars |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        for package, *versions in CHANGES:
            repo = repository(home, package, versions)
            stat = run("git", "-C", str(repo), "diff", "--shortstat", "HEAD~1", "HEAD").replace(",", "").split()
            lines = sum(int(n) for n, what in zip(stat, stat[1:]) if what.startswith(("insertion", "deletion")))
            asked.clear()
            report = json.loads(run(str(BINARY), "review", "--config", str(settings), "--repo", str(repo),
                                    "--base", "HEAD~1", "--format", "json"))
            texts = [json.dumps(question["tools"]) + "".join(m.get("content") or "" for m in question["messages"])
                     for question in asked]
            texts.append(json.dumps({"report": REPORT}))
            *read, written = json.loads(run("node", "-e", COUNT, input=json.dumps(texts), cwd=counter))
            dollars = (sum(read) * price["input"] + written * price["output"]) / 1e6
            found = report["quality"]["total_recommendations"]
            print(f"| {package} {versions[0]} to {versions[1]} | {stat[0]} | {lines:,} | {found} | {sum(read):,} | "
                  f"{written} | {dollars:.4f} |", flush=True)
    print(f"o200k_base; {MODEL}: ${price['input']} in, ${price['output']} out per million")


main()
