"""Runs queries of CloudWatch Logs Insights on log lines, as far as this repository's queries go.

fields, filter (= != like /re/ like "text" and or not, brackets), stats (count avg sum min max pct, by fields and bin()), sort, limit; no | within a
pattern. A query that says anything else is refused, so none is taken for tested that isn't. Standard library only.
"""

import json
import re
from datetime import datetime

TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(/(?:[^/\\]|\\.)*/)|(\d+(?:\.\d+)?)(?![\w.])|([@\w][\w.@]*)|(!=|>=|<=|[=<>(),]))')
FUNCTIONS = {"count", "avg", "sum", "min", "max", "pct"}
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Refused(Exception):
    """The query says what this interpreter doesn't know."""


def tokens(text):
    found, at = [], 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if not match:
            raise Refused(text[at:])
        found.append(match.group(match.lastindex))
        at = match.end()
    return found


def value(line, name):
    """A field as Insights finds it: dots lead into objects; @timestamp is the line's time."""
    if name == "@timestamp":
        name = "timestamp"
    node = line
    for part in name.split("."):
        if not isinstance(node, dict) or part not in node:
            return None
        node = node[part]
    return node


class Filter:
    """A condition: `or` of `and` of comparisons."""

    def __init__(self, text):
        self.rest, self.names = tokens(text), set()
        self.holds = self.either()
        if self.rest:
            raise Refused(" ".join(self.rest))

    def take(self, *wanted):
        if self.rest and self.rest[0] in wanted:
            return self.rest.pop(0)
        return None

    def either(self):
        sides = [self.both()]
        while self.take("or"):
            sides.append(self.both())
        return lambda line: any(side(line) for side in sides)

    def both(self):
        sides = [self.one()]
        while self.take("and"):
            sides.append(self.one())
        return lambda line: all(side(line) for side in sides)

    def one(self):
        if self.take("not"):
            inner = self.one()
            return lambda line: not inner(line)
        if self.take("("):
            inner = self.either()
            if not self.take(")"):
                raise Refused("a bracket is not closed")
            return inner
        name, how, other = (self.rest.pop(0) for _ in range(3))
        self.names.add(name)
        if how == "like":
            pattern = re.compile(other[1:-1] if other[0] == "/" else re.escape(json.loads(other)))
            return lambda line: isinstance(value(line, name), str) and bool(pattern.search(value(line, name)))
        known = json.loads(other) if other[0] == '"' or other[0].isdigit() else None
        if how not in ("=", "!=") or known is None:
            raise Refused(f"{name} {how} {other}")
        return lambda line: (value(line, name) == known) == (how == "=")


def run(query, lines):
    """(rows, names of fields): what the query says of these lines, and which fields it reads."""
    rows, names, made = [dict(line) for line in lines], set(), set()
    for command in " ".join(query.split()).split("|"):
        command = command.strip()
        word, _, rest = command.partition(" ")
        if word == "filter":
            condition = Filter(rest)
            names |= condition.names
            rows = [row for row in rows if condition.holds(row)]
        elif word == "fields":
            names |= {name.strip() for name in rest.split(",")}
        elif word == "stats":
            rows, read, made = stats(rest, rows)
            names |= read
        elif word == "sort":
            by, _, way = rest.partition(" ")
            if by not in made:
                names.add(by)
            if way not in ("asc", "desc", ""):
                raise Refused(command)
            rows.sort(key=lambda row: (row.get(by) if by in made else value(row, by)) or 0, reverse=way == "desc")
        elif word == "limit":
            rows = rows[: int(rest)]
        else:
            raise Refused(command)
    return rows, names - {"@timestamp"}


def stats(text, rows):
    calls, _, by = text.partition(" by ")
    calls = re.findall(r"(\w+)\(([^)]*)\)", calls)
    groups = re.findall(r"bin\(\d+[smhd]\)|[@\w.]+", by)
    names, found = set(), {}
    for name, _ in calls:
        if name not in FUNCTIONS:
            raise Refused(name)
    for row in rows:
        key = []
        for group in groups:
            if group.startswith("bin("):
                size = int(group[4:-2]) * SECONDS[group[-2]]
                at = datetime.fromisoformat(value(row, "@timestamp").replace("Z", "+00:00")).timestamp()
                key.append(int(at // size * size))
            else:
                names.add(group)
                key.append(value(row, group))
        found.setdefault(tuple(key), []).append(row)
    for group in groups:
        if not group.startswith("bin("):
            names.add(group)
    made = []
    for key, some in found.items():
        row = dict(zip(groups, key))
        for name, arguments in calls:
            field, *more = [part.strip() for part in arguments.split(",")]
            if field:
                names.add(field)
            numbers = sorted(v for v in (value(one, field) for one in some) if isinstance(v, (int, float))) if field else some
            row[f"{name}({arguments})"] = calculate(name, numbers, more)
        made.append(row)
    return made, names, {f"{name}({arguments})" for name, arguments in calls} | set(groups)


def calculate(name, numbers, more):
    if name == "count":
        return len(numbers)
    if not numbers:
        return None
    if name == "pct":
        return numbers[min(len(numbers) - 1, int(len(numbers) * float(more[0]) / 100))]
    return {"avg": sum(numbers) / len(numbers), "sum": sum(numbers), "min": numbers[0], "max": numbers[-1]}[name]
