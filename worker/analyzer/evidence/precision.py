"""How often the rules are right about well-kept code: fetches the packages of precision-packages.tsv, runs the rules over
them, draws a sample to read, and makes the tables of precision.md of what was read (precision-verdicts.tsv).

    cargo build --release -p eco-coder-analyzer --example scan
    python3 precision.py fetch WORK                    # packages into WORK/code, one folder each
    python3 precision.py scan WORK ../../../target/release/examples/scan
    python3 precision.py again WORK ...examples/scan   # after a rule was mended: only where something was said
    python3 precision.py sample WORK --per-rule 7      # what nobody has judged yet, with the lines around it
    python3 precision.py tables WORK                   # Markdown, for precision.md
    python3 precision.py speaks WORK ...examples/scan  # rules that need code of another kind to say something

WORK is a folder outside the repository: the packages are other people's and take several gigabytes. Packages come from
their registries by the registries' own clients, as set up on the machine: pip, npm, cargo and apt (mostly source packages;
the list of them is kept below WORK, so nothing about the machine changes). Code of tests is left out, since nearly all rules
are silent there. Python 3.11, standard library only.
"""

import argparse
import collections
import csv
import math
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).parent
RULES = HERE.parent / "rules"
PACKAGES = HERE / "precision-packages.tsv"
VERDICTS = HERE / "precision-verdicts.tsv"
ENDINGS = {
    "python": (".py",),
    "java": (".java",),
    "javascript": (".js", ".mjs", ".cjs", ".jsx"),
    "typescript": (".ts", ".tsx", ".mts", ".cts"),
    "csharp": (".cs",),
    "php": (".php",),
    "go": (".go",),
    "rust": (".rs",),
}
NAMES = {
    "python": "Python",
    "java": "Java",
    "javascript": "JavaScript",
    "typescript": "TypeScript",
    "csharp": "C#",
    "php": "PHP",
    "go": "Go",
    "rust": "Rust",
}
# As in src/skip.rs.
TEST_FOLDERS = set(
    "test tests testing __tests__ spec specs testdata fixtures e2e __mocks__ benches benchmarks test-framework testutil "
    "testutils fuzz stress".split()
)
MORE_TEST_FOLDERS = {"php": {"Tests", "Test", "Fixtures"}, "csharp": {"Test"}}
TEST_STEMS = {"java": ("Test", "Tests", "IT", "TestCase", "TestUtil", "TestUtils"), "csharp": ("Test", "Tests"), "php": ("Test",)}
AROUND = 5


class Failed(Exception):
    """What went wrong, and what to do next."""


def packages():
    rows = []
    for line in PACKAGES.read_text().splitlines():
        if line and not line.startswith("#"):
            language, registry, name, version, folders, licence, set_ = line.split("\t")
            rows.append(
                {
                    "language": language,
                    "registry": registry,
                    "name": name,
                    "version": version,
                    "folders": [] if folders == "-" else folders.split(","),
                    "licence": licence,
                    # As it is now, or as it was before a known fault was found in it.
                    "old": set_ == "old",
                    "label": f"{name}@{version}" if set_ == "old" else name,
                }
            )
    return rows


def folder_of(package):
    return f"{package['language']}/{package['label'].replace('/', '__')}"


# Fetching


def run(command, cwd):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command[:3])}: {done.stderr.strip()[-400:]}")
    return done.stdout


def apt_options(work):
    """apt's options for source packages, listed below WORK; the sources are the machine's own."""
    apt = work / "apt"
    options = []
    for key, value in [
        ("Dir::Etc::sourcelist", "/dev/null"),
        ("Dir::Etc::sourceparts", apt / "sources"),
        ("Dir::State::lists", apt / "lists"),
        ("Dir::Cache", apt / "cache"),
        ("APT::Sandbox::User", "root"),
    ]:
        options += ["-o", f"{key}={value}"]
    for folder in ["sources", "lists/partial", "cache/archives/partial"]:
        (apt / folder).mkdir(parents=True, exist_ok=True)
    if not (apt / "ready").exists():
        for listed in pathlib.Path("/etc/apt/sources.list.d").glob("*.sources"):
            text = re.sub(r"(?m)^Types:.*", "Types: deb-src", listed.read_text())
            (apt / "sources" / listed.name).write_text(text)
        for listed in [pathlib.Path("/etc/apt/sources.list"), *pathlib.Path("/etc/apt/sources.list.d").glob("*.list")]:
            if listed.exists():
                text = re.sub(r"(?m)^deb(?:-src)? ", "deb-src ", listed.read_text())
                (apt / "sources" / listed.name).with_suffix(".list").write_text(text)
        run(["apt-get", *options, "update"], apt)
        (apt / "ready").touch()
    return options


def download(package, work, into):
    """The archives, or the folder, that hold the package's sources."""
    name, version = package["name"], package["version"]
    match package["registry"]:
        case "pip":
            # Wheels: pure sources are in them too, and nothing has to be built.
            run(["pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--ignore-requires-python", "-d", ".", f"{name}=={version}"], into)
        case "npm":
            run(["npm", "pack", "--silent", f"{name}@{version}"], into)
        case "apt":
            options = apt_options(work)
            wish = ["source", "--download-only", "--only-source", f"{name}={version}"]
            try:
                run(["apt-get", *options, "-qq", *wish], into)
            except Failed:
                # The distribution's own part may have gone from a mirror; the sources proper are all that is needed.
                if not any(is_archive(path.name) for path in into.iterdir()):
                    raise
        case "apt-binary":
            run(["apt-get", "-qq", "download", f"{name}={version}"], into)
            for path in list(into.glob("*.deb")):
                with path.with_suffix(".tar").open("wb") as out:
                    subprocess.run(["dpkg-deb", "--fsys-tarfile", path], stdout=out, check=True)
        case "cargo":
            run(["cargo", "info", "--quiet", f"{name}@{version}"], into)
            home = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
            found = list((home / "registry/src").glob(f"*/{name}-{version}"))
            if not found:
                raise Failed("cargo info left no sources; fetch it as a dependency of a scratch package")
            return found[:1]
        case other:
            raise Failed(f"no registry {other!r}: one of pip, npm, apt, apt-binary, cargo")
    found = [path for path in sorted(into.iterdir()) if is_archive(path.name)]
    if not found:
        raise Failed("nothing to unpack came of it")
    return found


def is_archive(name):
    return name.endswith((".whl", ".tgz", ".tar")) or (".orig" in name and ".tar" in name and not name.endswith(".asc"))


def members(source):
    """(path, read) of every plain file, the top folder of an archive left out."""
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.is_file():
                yield path.relative_to(source).as_posix(), path.read_bytes
    elif source.suffix == ".whl":
        with zipfile.ZipFile(source) as archive:
            for name in archive.namelist():
                yield name, lambda name=name: archive.read(name)
    else:
        with tarfile.open(source) as archive:
            for member in archive:
                if member.isfile():
                    top, _, rest = member.name.removeprefix("./").partition("/")
                    yield rest or top, lambda member=member: archive.extractfile(member).read()


def is_test(path, language):
    *folders, name = path.split("/")
    stem = name.split(".")[0]
    return (
        any(folder in TEST_FOLDERS or folder in MORE_TEST_FOLDERS.get(language, ()) for folder in folders)
        or (language == "csharp" and any(folder.endswith((".Test", "Tests")) for folder in folders))
        or stem.startswith("test_")
        or stem.endswith(("_test", "_tests", *TEST_STEMS.get(language, ())))
        or stem in ("tests", "conftest", "testutil", "testutils")
        or ".test." in name
        or ".spec." in name
    )


def wanted(path, package):
    parts = path.split("/")
    return (
        path.endswith(ENDINGS[package["language"]])
        and not path.endswith((".d.ts", ".d.mts", ".d.cts"))
        and ".." not in parts
        and not path.startswith("/")
        and (not package["folders"] or path.startswith(tuple(package["folders"])))
        and not is_test(path, package["language"])
    )


def fetch_one(package, work):
    target = work / "code" / folder_of(package)
    stamp = target.with_name(target.name + ".version")
    wish = f"{package['version']} {','.join(package['folders'])}"
    if stamp.exists() and stamp.read_text() == wish:
        return "there"
    shutil.rmtree(target, ignore_errors=True)
    loading = work / "loading" / folder_of(package)
    shutil.rmtree(loading, ignore_errors=True)
    loading.mkdir(parents=True)
    count = 0
    for source in download(package, work, loading):
        for path, read in members(source):
            if wanted(path, package):
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                (target / path).write_bytes(read())
                count += 1
    shutil.rmtree(loading)
    if count == 0:
        raise Failed("no file of its language is in it: check the folders in the list")
    stamp.write_text(wish)
    return f"{count} files"


def fetch(work, only):
    chosen = [package for package in packages() if not only or package["name"] in only or package["language"] in only]
    if any(package["registry"] == "apt" for package in chosen):
        apt_options(work)

    def attempt(package):
        try:
            return package, fetch_one(package, work), True
        except (Failed, OSError, tarfile.TarError, zipfile.BadZipFile) as error:
            return package, str(error), False

    with ThreadPoolExecutor(3) as pool:
        failed = 0
        for package, words, good in pool.map(attempt, chosen):
            failed += not good
            print(f"{folder_of(package)} {package['version']}: {words}", flush=True)
    return 1 if failed else 0


# Scanning

FINDING = re.compile(r"(EC-[A-Z]+-\d+) (.*?):(\d+) ")
LOOKED_AT = re.compile(r"looked at (\d+) files, (\d+) lines, (\d+) in part")


def scan(work, scanner, only):
    for package in packages():
        if only and package["name"] not in only and package["language"] not in only:
            continue
        root = work / "code" / folder_of(package)
        out = work / "said" / (folder_of(package) + ".txt")
        out.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([scanner, root], capture_output=True, text=True, errors="replace")
        if done.returncode != 0:
            raise Failed(f"{scanner} over {root}: {done.stderr[-400:]}")
        out.write_text(done.stdout)
        print(folder_of(package), LOOKED_AT.search(done.stdout).group(), flush=True)
    return 0


def again(work, scanner, only, containing):
    """Scans anew the files in which something was said, which is enough for rules that were narrowed; and for rules that
    were widened, the files that contain a text that they need."""
    for package in packages():
        out = work / "said" / (folder_of(package) + ".txt")
        if not out.exists() or (only and package["name"] not in only and package["language"] not in only):
            continue
        text = out.read_text()
        root = work / "code" / folder_of(package)
        kept = LOOKED_AT.search(text).group()
        with tempfile.TemporaryDirectory(dir=work) as folder:
            some = pathlib.Path(folder)
            chosen = {match[2].removeprefix(f"{root}/") for line in text.splitlines() if (match := FINDING.match(line))}
            if containing:
                for path in root.rglob("*"):
                    if path.is_file() and any(part in path.read_text(errors="replace") for part in containing):
                        chosen.add(path.relative_to(root).as_posix())
            for path in chosen:
                (some / path).parent.mkdir(parents=True, exist_ok=True)
                os.link(root / path, some / path)
            done = subprocess.run([scanner, some], capture_output=True, text=True, errors="replace")
            if done.returncode != 0:
                raise Failed(f"{scanner} over {some}: {done.stderr[-400:]}")
            said_now = [line.replace(str(some), str(root)) for line in done.stdout.splitlines() if FINDING.match(line)]
        out.write_text("\n".join(said_now) + f"\n{kept}\n")
    return 0


def said(work, wholly=True):
    """What the last scan said: (package, files, lines, files in part, [(rule, path, line)]) of each package scanned."""
    for package in packages():
        out = work / "said" / (folder_of(package) + ".txt")
        if not out.exists():
            if not wholly:
                continue
            raise Failed(f"{package['name']} wasn't scanned: run fetch and scan first")
        text = out.read_text()
        root = f"{work / 'code' / folder_of(package)}/"
        found = []
        for line in text.splitlines():
            if match := FINDING.match(line):
                found.append((match[1], match[2].removeprefix(root), int(match[3])))
        files, lines, parts = map(int, LOOKED_AT.search(text).groups())
        yield package, files, lines, parts, found


def rules():
    """id: (confidence, severity, title, folder), from the rule files."""
    found = {}
    for path in sorted(RULES.glob("*/*.yml")):
        for document in re.split(r"(?m)^---$", path.read_text()):
            keys = dict(re.findall(r"(?m)^(id|confidence|severity|title): *(.*)$", document))
            if "id" in keys:
                found[keys["id"]] = (keys["confidence"], keys["severity"], keys["title"], path.parent.name)
    return found


# Reading


def verdicts():
    """(rule, language, package, path, line): (right, wrong or arguable, why)."""
    if not VERDICTS.exists():
        return {}
    with VERDICTS.open(newline="") as file:
        rows = csv.reader((line for line in file if not line.startswith("#")), delimiter="\t", quoting=csv.QUOTE_NONE)
        return {(rule, language, name, path, int(line)): (verdict, why) for verdict, rule, language, name, path, line, why in rows}


def sample(work, per_rule, seed, only):
    judged = verdicts()
    known = rules()
    by_rule = collections.defaultdict(list)
    for package, _, _, _, found in said(work, wholly=False):
        for rule, path, line in found:
            by_rule[rule].append((package["language"], package["label"], path, line))
    for rule in sorted(by_rule):
        if only and rule not in only:
            continue
        places = sorted(by_rule[rule])
        read = [place for place in places if (rule, *place) in judged]
        open_ = [place for place in places if (rule, *place) not in judged]
        # Package by package, so that one that repeats itself doesn't fill the sample.
        random.Random(f"{seed} {rule}").shuffle(open_)
        turns = collections.Counter(place[1] for place in read)
        order = []
        for place in open_:
            order.append((turns[place[1]], place))
            turns[place[1]] += 1
        order.sort(key=lambda item: item[0])
        for _, (language, name, path, line) in order[: max(0, per_rule - len(read))]:
            print(f"=== {rule} [{known[rule][0]}] {known[rule][2]}\n    {language}\t{name}\t{path}\t{line}")
            root = work / "code" / language / name.replace("/", "__")
            text = (root / path).read_text(errors="replace").splitlines()
            for number in range(max(1, line - AROUND), min(len(text), line + AROUND) + 1):
                print(f"{'>' if number == line else ' '} {text[number - 1][:180]}")
    return 0


# Telling


def wilson(right, n):
    """The 95 % interval of a share by Wilson's method."""
    z = 1.96
    middle = (right + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(right * (n - right) / n + z * z / 4)
    return middle - half, middle + half


def judged_now(work, judged):
    """What the last scan and the verdicts come to, by language and by rule."""
    sums = collections.defaultdict(collections.Counter)
    here, reasons = set(), collections.defaultdict(list)
    for package, files, lines, parts, found in said(work):
        language, set_ = package["language"], "old" if package["old"] else "kept"
        for what, number in [("files", files), ("lines", lines), ("parts", parts)]:
            sums[f"{what} {set_}"][language] += number
        for rule, path, line in found:
            sums[f"hits {set_}"][rule] += 1
            here.add((rule, language, package["label"], path, line))
    for key, (verdict, why) in judged.items():
        rule = key[0]
        if key in here:
            sums["read"][rule] += 1
            sums[verdict][rule] += 1
            if verdict != "right":
                reasons[rule].append(f"{verdict}: {why}")
        elif verdict != "right":
            sums["silenced"][rule] += 1
    return sums, reasons


def tables(work):
    known = rules()
    sums, reasons = judged_now(work, verdicts())
    hits, old, read, right, silenced = (sums[name] for name in ["hits kept", "hits old", "read", "right", "silenced"])
    on = [rule for rule in known if known[rule][0] != "Low"]
    folders = list(dict.fromkeys(known[rule][3] for rule in known))
    of = {folder: [folder, "typescript"] if folder == "javascript" else [folder] for folder in folders}
    lines = {folder: sum(sums["lines kept"][language] for language in of[folder]) for folder in folders}
    names = {folder: " and ".join(NAMES[language] for language in of[folder]) for folder in folders}

    for words, chosen in [("on", on), ("off", [rule for rule in known if rule not in on])]:
        r, n = sum(right[rule] for rule in chosen), sum(read[rule] for rule in chosen)
        a = sum(sums["arguable"][rule] for rule in chosen)
        low, high = wilson(r, n)
        print(f"Rules that are {words} by default: {n} readings, {r} right, {a} arguable, {n - r - a} wrong: {r / n:.3f} right", end="")
        print(f" (95 % interval {low:.3f} to {high:.3f}).", end=" ")
        # The same by how often each rule speaks: what a reader of findings meets.
        weighed = [rule for rule in chosen if read[rule]]
        spoke = sum(hits[rule] + old[rule] for rule in weighed)
        share = sum((hits[rule] + old[rule]) * right[rule] / read[rule] for rule in weighed) / spoke
        print(f"Weighted by hits: {share:.3f}.\n")

    print("| Language | Files | Lines | Rules | on | that spoke | Findings by default | per 1,000 lines | Files not parsed whole |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for folder in folders:
        mine = [rule for rule in known if known[rule][3] == folder]
        found = sum(hits[rule] for rule in mine if rule in on)
        total = {what: sum(sums[f"{what} kept"][language] for language in of[folder]) for what in ["files", "parts"]}
        print(
            f"| {names[folder]} | {total['files']:,} | {lines[folder]:,} | {len(mine)} | {sum(rule in on for rule in mine)} "
            f"| {sum(hits[rule] + old[rule] > 0 for rule in mine)} | {found:,} | {1000 * found / lines[folder]:.2f} | {total['parts']:,} |"
        )

    for folder in folders:
        mine = [rule for rule in known if known[rule][3] == folder]
        print(f"\n## {names[folder]}\n")
        print("| Rule | Title | Confidence | Hits | per 1,000 lines | Read | Right | Precision | Note |")
        print("|---|---|---|---:|---:|---:|---:|---:|---|")
        for rule in (rule for rule in mine if hits[rule] + old[rule]):
            confidence, _, title, _ = known[rule]
            share = f"{right[rule] / read[rule]:.2f}" if read[rule] else ""
            notes = list(dict.fromkeys(reasons[rule]))[:2]
            if silenced[rule]:
                notes.append(f"{silenced[rule]} silenced")
            spoke = f"{hits[rule]:,}" + (f" + {old[rule]}" if old[rule] else "")
            print(
                f"| {rule} | {title} | {confidence} | {spoke} | {1000 * hits[rule] / lines[folder]:.4f} "
                f"| {read[rule]} | {right[rule]} | {share} | {'; '.join(notes)} |"
            )
        still = [rule for rule in mine if not hits[rule] + old[rule]]
        shown = ", ".join(rule + (f" ({silenced[rule]} silenced)" if silenced[rule] else "") for rule in still)
        print(f"\nNo finding in {lines[folder]:,} lines: {shown or 'none'}.")

    print("\n## The code\n\n| Language | Package | Version | Files | Lines | Licence |\n|---|---|---|---:|---:|---|")
    for package, files, count, _, _ in said(work):
        mark = " (old)" if package["old"] else ""
        print(
            f"| {NAMES[package['language']]} | {package['name']}{mark} | {package['version']} | {files:,} | {count:,} "
            f"| {package['licence'].strip('-')} |"
        )
    return 0


def speaks(scanner):
    """Which rules notice code that was written from their titles alone (the folder speaks), where comments name them."""
    said_of = collections.defaultdict(set)
    for line in subprocess.run([scanner, HERE / "speaks"], capture_output=True, text=True, check=True).stdout.splitlines():
        if match := FINDING.match(line):
            said_of[pathlib.Path(match[2]).name].add(match[1])
    hoped = sorted({(rule, path.name) for path in (HERE / "speaks").iterdir() for rule in re.findall(r"EC-[A-Z]+-\d+", path.read_text())})
    silent = [rule for rule, name in hoped if rule not in said_of[name]]
    print(f"{len(hoped) - len(silent)} of {len(hoped)} notice; silent: {', '.join(silent) or 'none'}")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["fetch", "scan", "again", "sample", "tables", "speaks"])
    parser.add_argument("work", type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("scanner", nargs="?", help="the built example, for the step scan")
    parser.add_argument("--only", action="append", default=[], help="a language or package (fetch, scan) or a rule (sample)")
    parser.add_argument("--containing", action="append", default=[], help="a text (again)")
    parser.add_argument("--per-rule", type=int, default=7)
    parser.add_argument("--seed", default="1")
    chosen = parser.parse_args()
    try:
        match chosen.step:
            case "fetch":
                return fetch(chosen.work, chosen.only)
            case "scan" | "again":
                if not chosen.scanner:
                    parser.error("scan needs the path of the built example")
                if chosen.step == "scan":
                    return scan(chosen.work, chosen.scanner, chosen.only)
                return again(chosen.work, chosen.scanner, chosen.only, chosen.containing)
            case "speaks":
                return speaks(chosen.scanner)
            case "sample":
                return sample(chosen.work, chosen.per_rule, chosen.seed, chosen.only)
            case "tables":
                return tables(chosen.work)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
