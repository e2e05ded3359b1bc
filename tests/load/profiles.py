#!/usr/bin/env python3
"""Writes profiles of each format and measures how they are read: see profiles.sh, which builds the reader first."""

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

READER, MEGABYTES = sys.argv[1], int(sys.argv[2])
SIZE = MEGABYTES * 1_000_000
DICE = random.Random(7)
NAMES = [f"package{n % 40}.module{n % 300}.Class{n % 700}.method_{n}" for n in range(2_000)]
FILES = [f"/app/src/package{n % 40}/module{n % 300}.py" for n in range(2_000)]


def stacks(count):
    """Different stacks, root first: walks through a graph of calls, 10 to 40 deep."""
    calls = [[DICE.randrange(len(NAMES)) for _ in range(4)] for _ in NAMES]
    made = []
    for _ in range(count):
        stack = [DICE.randrange(4)]
        for _ in range(DICE.randrange(10, 40)):
            stack.append(DICE.choice(calls[stack[-1]]))
        made.append(stack)
    return made


STACKS = stacks(20_000)


def repeated(path, head, pieces, tail=b""):
    """A file of a head, then of pieces in any order until it is long enough, then of a tail."""
    with open(path, "wb") as out:
        size = out.write(head)
        while size < SIZE:
            size += out.write(b"".join(DICE.choices(pieces, k=2_000)))
        out.write(tail)


def folded(path):
    frame = lambda n: f"{NAMES[n]} ({FILES[n]}:{n % 90 + 1})"
    repeated(path, b"", [(";".join(map(frame, stack)) + " 3\n").encode() for stack in STACKS])


def perf(path):
    def sample(stack):
        frames = "".join(f"\t    55d0{n:08x} {NAMES[n]}+0x{n % 50:x} (/app/bin/server)\n" for n in reversed(stack))
        return f"server 4242/4243 [001] 1234.567890:   10101010 cpu-clock:pppH: \n{frames}\n".encode()

    repeated(path, b"", [sample(stack) for stack in STACKS])


def cpuprofile(path):
    nodes, index = [], {(): 0}
    frame = lambda name, url, line: {"functionName": name, "scriptId": "1", "url": url, "lineNumber": line, "columnNumber": 0}
    nodes.append({"id": 1, "callFrame": frame("(root)", "", -1), "hitCount": 0, "children": []})
    leaves = []
    for stack in STACKS[:5_000]:
        for depth in range(1, len(stack) + 1):
            key = tuple(stack[:depth])
            if key not in index:
                index[key] = len(nodes)
                n = stack[depth - 1]
                nodes.append({"id": len(nodes) + 1, "callFrame": frame(NAMES[n], "file://" + FILES[n], n % 90), "hitCount": 1, "children": []})
                nodes[index[key[:-1]]]["children"].append(len(nodes))
        leaves.append(index[tuple(stack)] + 1)
    head = json.dumps({"nodes": nodes, "startTime": 0, "endTime": 10**13})[:-1].encode()
    each = max(1, (SIZE - len(head)) // 11)
    with open(path, "wb") as out:
        out.write(head + b', "samples": [1')
        for _ in range(each // 2_000):
            out.write(b"".join(b",%d" % leaf for leaf in DICE.choices(leaves, k=2_000)))
        out.write(b'], "timeDeltas": [0')
        for _ in range(each // 2_000):
            out.write(b"".join(b",%d" % DICE.randrange(900, 1_200) for _ in range(2_000)))
        out.write(b"]}")


def speedscope(path):
    frames = [{"name": name, "file": file, "line": n % 90 + 1} for n, (name, file) in enumerate(zip(NAMES, FILES))]
    head = json.dumps({"shared": {"frames": frames}})[:-1] + ', "profiles": [{"type": "sampled", "unit": "seconds", "samples": [[0]'
    pieces = [("," + json.dumps(stack, separators=(",", ":"))).encode() for stack in STACKS]
    with open(path, "wb") as out:
        size, samples = out.write(head.encode()), 1
        while size < SIZE * 0.95:
            size += out.write(b"".join(DICE.choices(pieces, k=2_000)))
            samples += 2_000
        out.write(b'], "weights": [0.01' + b",0.01" * (samples - 1) + b"]}]}")


def varint(value):
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    made.append(value)
    return bytes(made)


def field(number, content):
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def pprof(path):
    texts = ["", "samples", "count", "cpu", "nanoseconds", *NAMES, *FILES]
    place = {text: n for n, text in enumerate(texts)}
    head = b"".join(field(1, field(1, place[kind]) + field(2, place[unit])) for kind, unit in [("samples", "count"), ("cpu", "nanoseconds")])
    for n, (name, file) in enumerate(zip(NAMES, FILES), 1):
        head += field(5, field(1, n) + field(2, place[name]) + field(4, place[file]) + field(5, 1))
        head += field(4, field(1, n) + field(4, field(1, n) + field(2, n % 90 + 1)))
    head += b"".join(field(6, text.encode()) for text in texts)
    sample = lambda stack: field(2, field(1, b"".join(varint(n + 1) for n in reversed(stack))) + field(2, varint(1) + varint(10_000_000)))
    repeated(path, head, [sample(stack) for stack in STACKS])


def read(path):
    """What the reader says of the file, its CPU seconds (the better of two runs), and the most memory that it had."""
    seconds, peak = [], 0
    for _ in range(2):
        process = subprocess.Popen([READER, path], stdout=subprocess.PIPE)
        said = json.loads(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0, status
        seconds.append(usage.ru_utime + usage.ru_stime)
        peak = max(peak, usage.ru_maxrss / 1024)
    return said, min(seconds), peak


def main():
    folder = tempfile.mkdtemp()
    try:
        print("| format | file, MB | MB/s of CPU time | peak, MB | samples | different calls |\n|---|---|---|---|---|---|")
        for name, write in [("pprof", pprof), ("folded", folded), ("perf script", perf), ("cpuprofile", cpuprofile), ("speedscope", speedscope)]:
            path = os.path.join(folder, "profile")
            write(path)
            row(name, path)
            if name == "pprof":
                with open(path, "rb") as plain, gzip.open(path + ".gz", "wb", compresslevel=1) as packed:
                    shutil.copyfileobj(plain, packed)
                row("pprof, gzip", path + ".gz", os.path.getsize(path))
                os.remove(path + ".gz")
            os.remove(path)
    finally:
        shutil.rmtree(folder)


def row(name, path, unzipped=None):
    said, seconds, peak = read(path)
    megabytes = os.path.getsize(path) / 1e6
    speed = (unzipped or said["bytes"]) / 1e6 / seconds
    of = f" of {unzipped / 1e6:.0f}" if unzipped else ""
    print(f"| {name} | {megabytes:.0f}{of} | {speed:.0f} | {peak:.0f} | {said['samples']:,} | {said['nodes'] - 1:,} |", flush=True)


if __name__ == "__main__":
    main()
