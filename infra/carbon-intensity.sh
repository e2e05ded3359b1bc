#!/usr/bin/env bash
# Writes the carbon intensity of each region into Parameter Store, as /eco-coder/carbon-intensity/REGION:
#
#   infra/carbon-intensity.sh KEY_ALIAS [REGION...]        alias/eco-coder-data in production
#
# CloudFormation can't make parameters of the type SecureString, so this does, once and whenever worker/carbon/data/intensity.json
# changes. Regions: all that the file knows, or those that are named. Needs the AWS command line and python3.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { sed -n '2,4p' "infra/${0##*/}" >&2; exit 2; }
key=$1
shift
values() {
    python3 - "$@" <<'PY'
import json, sys
table = json.load(open("worker/carbon/data/intensity.json"))
rows = {name: row for name, row in table["regions"].items() if name in sys.argv[1:] or len(sys.argv) == 1}
missing = set(sys.argv[1:]) - set(rows)
if missing:
    sys.exit(f"worker/carbon/data/intensity.json has no {', '.join(sorted(missing))}")
for name, row in rows.items():
    grams = next((row[source] for source in ("codecarbon_3_3_2", "ccf_0_15_0") if row.get(source)), None)
    if grams:
        value = {"gco2_per_kwh": round(grams, 1), "updated": f"{table['date']}-01T00:00:00Z"}
        print(name, json.dumps(value), sep="\t")
PY
}
values "$@" | while IFS=$'\t' read -r region value; do
    aws ssm put-parameter --name "/eco-coder/carbon-intensity/$region" --type SecureString --key-id "$key" \
        --value "$value" --overwrite --output text --query Version >/dev/null
    echo "$region $value"
done
