#!/usr/bin/env bash
# Compares this package with codecarbon 2.3.4 and 3.3.2 (PyPI) and Cloud Carbon Footprint (npm), installed side by side in
# target/carbon-parity. Needs python3 with venv, node with npm, and the network at the first run.
set -euo pipefail
cd "$(dirname "$0")/../../.."

target="${CARGO_TARGET_DIR:-target}"
home="$target/carbon-parity"
mkdir -p "$home/npm"
for pair in v2=2.3.4 v3=3.3.2; do
    if ! "$home/${pair%=*}/bin/python" -c "import codecarbon; assert codecarbon.__version__ == '${pair#*=}'" 2>/dev/null; then
        python3 -m venv "$home/${pair%=*}"
        "$home/${pair%=*}/bin/pip" install --quiet --disable-pip-version-check "codecarbon==${pair#*=}"
    fi
done
ccf=("@cloud-carbon-footprint/aws@0.15.0" "@cloud-carbon-footprint/core@1.0.0")
if [ ! -d "$home/npm/node_modules/@cloud-carbon-footprint/aws" ]; then
    (cd "$home/npm" && npm init --yes >/dev/null && npm install --silent --no-audit --no-fund --ignore-scripts "${ccf[@]}")
fi
cargo build --quiet --locked -p eco-coder-carbon --example footprints
python3 worker/carbon/evidence/parity.py "$home" "$target/debug/examples/footprints"
