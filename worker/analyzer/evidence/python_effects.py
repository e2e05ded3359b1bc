"""Measures the effects that Python rules claim: `python3 python_effects.py` (the standard library is enough).

The two sides take turns; each time is the least of 9 turns, in milliseconds of processor time (waiting: of wall time),
which a busy machine disturbs least.
"""

import asyncio
import functools
import gc
import re
import sqlite3
import sys
import time
import weakref
from collections import deque


def least_ms(bad, good, turns=9, clock=time.process_time):
    least = [float("inf"), float("inf")]
    for _ in range(turns):
        for side, work in enumerate((bad, good)):
            start = clock()
            work()
            least[side] = min(least[side], (clock() - start) * 1e3)
    return least


def compare(name, bad, good, **options):
    b, g = least_ms(bad, good, **options)
    print(f"{name}: {b:.3f} ms against {g:.3f} ms, {b / g:.1f}x")


class Buffer:
    pass


def local_concat(n):
    out = ""
    for i in range(n):
        out += "0123456789"
    return out


def attribute_concat(n):
    b = Buffer()
    b.out = ""
    for i in range(n):
        b.out += "0123456789"
    return b.out


def join(n):
    parts = []
    for i in range(n):
        parts.append("0123456789")
    return "".join(parts)


def insert_front(n):
    items = []
    for i in range(n):
        items.insert(0, i)


def append_left(n):
    items = deque()
    for i in range(n):
        items.appendleft(i)


LINES = [f"user{i}=value{i}" for i in range(20_000)]
PATTERN = re.compile(r"(\w+)=(\w+)")


def module_level_match():
    for line in LINES:
        re.match(r"(\w+)=(\w+)", line)


def compiled_match():
    for line in LINES:
        PATTERN.match(line)


NUMBERS = [(i * 7919) % 100_003 for i in range(100_000)]

DB = sqlite3.connect(":memory:")
DB.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)")
DB.executemany("INSERT INTO item VALUES (?, ?)", ((i, f"n{i}") for i in range(10_000)))
IDS = list(range(0, 10_000, 100))


def sqlite_one_by_one():
    for i in IDS:
        DB.execute("SELECT name FROM item WHERE id = ?", (i,)).fetchone()


def sqlite_at_once():
    DB.execute(f"SELECT name FROM item WHERE id IN ({','.join('?' * len(IDS))})", IDS).fetchall()


def ten_tasks(blocking):
    async def wait():
        if blocking:
            time.sleep(0.05)
        else:
            await asyncio.sleep(0.05)

    async def all_of_them():
        await asyncio.gather(*(wait() for _ in range(10)))

    asyncio.run(all_of_them())


class Store:
    @functools.cache
    def price(self, item):
        return item


class PlainStore:
    def price(self, item):
        return item


def kept_alive(kind):
    watched = []
    for n in range(1_000):
        store = kind()
        store.price(n)
        watched.append(weakref.ref(store))
    del store
    gc.collect()
    return sum(reference() is not None for reference in watched)


if __name__ == "__main__":
    print(sys.version)
    for n in (10_000, 50_000):
        compare(f"local string +=, {n}", lambda: local_concat(n), lambda: join(n))
        compare(f"attribute string +=, {n}", lambda: attribute_concat(n), lambda: join(n), turns=3)
    compare("list.insert(0, x) against deque, 20000", lambda: insert_front(20_000), lambda: append_left(20_000))
    compare("re.match against a compiled pattern, 20000 lines", module_level_match, compiled_match)
    compare("sorted(xs)[0] against min(xs), 100000 in mixed order", lambda: sorted(NUMBERS)[0], lambda: min(NUMBERS))
    compare(
        "any([...]) against any(...), 100000, second item decides",
        lambda: any([n > 5_000 for n in NUMBERS]),
        lambda: any(n > 5_000 for n in NUMBERS),
        clock=time.perf_counter,
    )
    compare("100 queries against one, SQLite in memory", sqlite_one_by_one, sqlite_at_once, clock=time.perf_counter)
    compare(
        "10 tasks that wait 50 ms: time.sleep against asyncio.sleep",
        lambda: ten_tasks(True),
        lambda: ten_tasks(False),
        turns=3,
        clock=time.perf_counter,
    )
    print(f"instances alive of 1000 dropped: {kept_alive(Store)} with functools.cache, {kept_alive(PlainStore)} without")
