"""Checks a bill of materials: sbom.py BOM, with what is compiled in on standard input, as `cargo tree` prints it."""

import json
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

path = Path(sys.argv[1])
text = path.read_text()
wrong = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
if wrong:
    sys.exit(f"{path} is not valid CycloneDX 1.5: {wrong}")

bom = json.loads(text)
listed = {(c["name"], c["version"]): c for c in [bom["metadata"]["component"], *bom["components"]]}
compiled = {(name, version.removeprefix("v")) for name, version, *_ in map(str.split, sys.stdin)}
missing = sorted(compiled - listed.keys())
if missing:
    sys.exit(f"{path} lacks {len(missing)} crates, such as {missing[:5]}")
foreign = [c for c in bom["components"] if not c["name"].startswith("eco-coder")]
bare = [c["name"] for c in foreign if not c.get("purl") or not c.get("licenses")]
if bare or len(foreign) < 100:
    sys.exit(f"{path}: {len(foreign)} components, without address or licence: {bare[:5]}")
print(f"{path}: {len(listed)} components, {len(compiled)} of them compiled in; valid")
