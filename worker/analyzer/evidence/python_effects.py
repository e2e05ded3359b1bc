"""Measures the effects that Python rules claim: `python3 python_effects.py` (the standard library is enough).

The two sides take turns; each time is the least of 9 turns, in milliseconds of processor time (waiting: of wall time),
which a busy machine disturbs least.
"""

import asyncio
import copy
import functools
import gc
import json
import re
import sqlite3
import sys
import threading
import time
import weakref
from collections import deque
from datetime import datetime


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


PRICES = {f"item{i}": i for i in range(10_000)}


def sum_by_pairs():
    total = 0
    for _, price in PRICES.items():
        total += price


def sum_by_values():
    total = 0
    for price in PRICES.values():
        total += price


def empty_list_queue(n):
    queue = list(range(n))
    while queue:
        queue.pop(0)


def empty_deque(n):
    queue = deque(range(n))
    while queue:
        queue.popleft()


WORDS = [f"word{(i * 7919) % 5_003}" for i in range(10_000)]


def distinct_in_list():
    seen = []
    for word in WORDS:
        if word not in seen:
            seen.append(word)


def distinct_in_dict():
    seen = {}
    for word in WORDS:
        seen[word] = None
    return list(seen)


def squares_by_append():
    out = []
    for n in NUMBERS:
        out.append(n * 2)


def squares_by_comprehension():
    out = [n * 2 for n in NUMBERS]


DATES = [f"2024-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(2_000)]
SIZE = 60
MATRIX = [[float(i + j) for j in range(SIZE)] for i in range(SIZE)]
FLOATS = [float(n) for n in NUMBERS]
RECORD = {"name": "a", "tags": ["x", "y", "z"] * 10, "sizes": {str(i): i for i in range(50)}}


def processor_share(wait, seconds=2.0):
    """The share of one core that a second thread takes while it waits, in percent."""
    done = threading.Event()
    waiting = threading.Thread(target=wait, args=(done,))
    start, spent = time.perf_counter(), time.process_time()
    waiting.start()
    time.sleep(seconds)
    done.set()
    waiting.join()
    return 100 * (time.process_time() - spent) / (time.perf_counter() - start)


def wait_by_looking(interval):
    def wait(done):
        while not done.is_set():
            time.sleep(interval)

    return wait


IN_ORDER = list(range(100_000))


def try_inside():
    for n in NUMBERS:
        try:
            n + 1
        except TypeError:
            pass


def try_around():
    try:
        for n in NUMBERS:
            n + 1
    except TypeError:
        pass


def ten_reads(together):
    async def fetch(_):
        await asyncio.sleep(0.05)

    async def one_by_one():
        return [await fetch(i) for i in range(10)]

    async def at_once():
        return await asyncio.gather(*(fetch(i) for i in range(10)))

    asyncio.run(at_once() if together else one_by_one())


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

    compare(".items() with one half unused against .values(), 10000 entries", sum_by_pairs, sum_by_values)
    compare("set([...]) against {...}, 100000", lambda: set([n % 1_000 for n in NUMBERS]), lambda: {n % 1_000 for n in NUMBERS})
    compare("dict([(k, v) ...]) against {k: v ...}, 100000", lambda: dict([(n, n) for n in NUMBERS]), lambda: {n: n for n in NUMBERS})
    compare("set(list(x)) against set(x), 100000", lambda: set(list(NUMBERS)), lambda: set(NUMBERS))
    compare("sorted(list(x)) against sorted(x), 100000 in order", lambda: sorted(list(IN_ORDER)), lambda: sorted(IN_ORDER))
    compare("list(d)[0] against next(iter(d)), 10000 entries", lambda: list(PRICES)[0], lambda: next(iter(PRICES)), clock=time.perf_counter)
    for n in (2_000, 100_000):
        compare(f"list.pop(0) against deque.popleft, {n}", lambda: empty_list_queue(n), lambda: empty_deque(n), turns=3)
    compare("5000 distinct of 10000: list against dict", distinct_in_list, distinct_in_dict, turns=3)
    compare(
        "strptime against fromisoformat, 2000 dates",
        lambda: [datetime.strptime(d, "%Y-%m-%d") for d in DATES],
        lambda: [datetime.fromisoformat(d) for d in DATES],
    )
    compare("10 reads of 50 ms: one by one against gather", lambda: ten_reads(False), lambda: ten_reads(True), turns=3, clock=time.perf_counter)
    print(
        f"share of a core while waiting: {processor_share(wait_by_looking(0.001)):.2f} % looking every ms, "
        f"{processor_share(wait_by_looking(0.01)):.2f} % every 10 ms, "
        f"{processor_share(lambda done: done.wait()):.2f} % with Event.wait"
    )
    # Measured and found too small, or the other way round: no rule says these.
    compare("append in a loop against a comprehension, 100000", squares_by_append, squares_by_comprehension)
    compare("x ** 2 against x * x, 100000 ints", lambda: [n**2 for n in NUMBERS], lambda: [n * n for n in NUMBERS])
    compare("x ** 2 against x * x, 100000 floats", lambda: [n**2 for n in FLOATS], lambda: [n * n for n in FLOATS])
    compare("sum([...]) against sum(...), 100000", lambda: sum([n * 2 for n in NUMBERS]), lambda: sum(n * 2 for n in NUMBERS))
    compare("json.loads(json.dumps(x)) against copy.deepcopy(x)", lambda: json.loads(json.dumps(RECORD)), lambda: copy.deepcopy(RECORD), clock=time.perf_counter)
    compare("try in every round against try around the loop, 100000", try_inside, try_around)
