"""Compares our cyclomatic and cognitive complexity with other tools', function by function.

    pip install radon complexipy cognitive_complexity lizard
    cargo run --release -p eco-coder-analyzer --example shape -- functions DIRECTORY > ours.tsv
    python complexity.py TOOL DIRECTORY ours.tsv [EXAMPLES]

TOOL is radon, complexipy, cognitive_complexity, lizard (cyclomatic, any language), lizard-cognitive, or the path of a
JSON file of eslint's (complexity.mjs writes it). Functions are matched by file and first line; lines on which either
has two are left out. Prints how many are equal, and examples of those that are not.
"""

import collections
import json
import pathlib
import sys

CYCLOMATIC, COGNITIVE = 6, 7


def radon(path, text):
    from radon.complexity import cc_visit

    def walk(blocks):
        for block in blocks:
            if hasattr(block, "methods"):
                yield from walk(block.methods)
                yield from walk(block.inner_classes)
            else:
                yield block.lineno, block.complexity
                yield from walk(block.closures)

    # Methods are listed by themselves and with their class.
    return list(dict(walk(cc_visit(text, no_assert=True))).items())


def complexipy(path, text):
    from complexipy import code_complexity

    return [(f.line_start, f.complexity) for f in code_complexity(text).functions]


def cognitive_complexity(path, text):
    import ast

    from cognitive_complexity.api import get_cognitive_complexity

    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [(n.lineno, get_cognitive_complexity(n)) for n in ast.walk(ast.parse(text)) if isinstance(n, kinds)]


def lizard(path, text):
    import lizard as tool

    found = tool.analyze_file.analyze_source_code(str(path), text).function_list
    return [(f.start_line, f.cyclomatic_complexity) for f in found]


def lizard_cognitive(path, text):
    import lizard as tool

    extensions = tool.get_extensions(["cognitive"])
    found = tool.FileAnalyzer(extensions).analyze_source_code(str(path), text).function_list
    return [(f.start_line, f.cognitive_complexity) for f in found]


TOOLS = {
    "radon": (radon, CYCLOMATIC),
    "complexipy": (complexipy, COGNITIVE),
    "cognitive_complexity": (cognitive_complexity, COGNITIVE),
    "lizard": (lizard, CYCLOMATIC),
    "lizard-cognitive": (lizard_cognitive, COGNITIVE),
}


def by_line(pairs):
    """What each line's only function is worth."""
    lines = collections.defaultdict(list)
    for line, value in pairs:
        lines[line].append(value)
    return {line: values[0] for line, values in lines.items() if len(values) == 1}


def main():
    name, root, listing = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    wanted = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    ours = collections.defaultdict(list)
    recorded = None
    if name in TOOLS:
        measure, column = TOOLS[name]
    else:
        recorded = json.loads(pathlib.Path(name).read_text())
        column = CYCLOMATIC if recorded["measure"] == "cyclomatic" else COGNITIVE
    for row in open(listing, encoding="utf-8"):
        cells = row.rstrip("\n").split("\t")
        if len(cells) == 9:
            ours[cells[0]].append((int(cells[2]), (int(cells[column]), cells[1])))
    equal = both = unmatched = failed = 0
    over = agree_over = 0
    differences = collections.Counter()
    examples = []
    for file, functions in ours.items():
        try:
            theirs = recorded["files"].get(file, []) if recorded else measure(root / file, (root / file).read_text("utf-8"))
        except Exception:  # whatever another tool can't read
            failed += 1
            continue
        theirs = by_line(theirs)
        for line, (value, function) in by_line(functions).items():
            if line not in theirs:
                unmatched += 1
                continue
            both += 1
            equal += value == theirs[line]
            limit = 15 if column == COGNITIVE else 10
            over += theirs[line] > limit or value > limit
            agree_over += theirs[line] > limit and value > limit
            if value != theirs[line]:
                differences[value - theirs[line]] += 1
                examples.append((file, line, function, value, theirs[line]))
    print(f"{name}: {both} functions, {equal} equal ({100 * equal / max(both, 1):.2f} %), {unmatched} only ours, {failed} files failed")
    print(f"above the limit in either: {over}, in both: {agree_over}; ours minus theirs: {differences.most_common(8)}")
    step = max(1, len(examples) // max(wanted, 1))
    for example in examples[::step][:wanted]:
        print(*example)


main()
