#!/usr/bin/env bash
# Deploys the fleet, or changes it:
#
#   infra/deploy.sh ENVIRONMENT [IMAGE_TAG] [--standby]
#
# ENVIRONMENT is dev, staging or prod; the credentials are that environment's account. Parameters are those of
# infra/parameters/ENVIRONMENT.json (with --standby ENVIRONMENT-standby.json, in ECO_STANDBY_REGION, us-west-2). Without
# IMAGE_TAG what runs stays, and a first deployment makes everything but the tasks, so that images can be pushed. To roll back,
# deploy the tag before: it is printed first, and the stack has it as its output ImageTag.
#
# Needs the AWS command line and python3, and the stack of infra/bootstrap.yaml in the account.
set -euo pipefail
cd "$(dirname "$0")"

usage() { sed -n '2,6p' "${0##*/}" >&2; exit 2; }
environment='' tag='' standby=''
for argument in "$@"; do
    case $argument in
        --standby) standby=-standby ;;
        -*) usage ;;
        *) if [ -z "$environment" ]; then environment=$argument; elif [ -z "$tag" ]; then tag=$argument; else usage; fi ;;
    esac
done
case $environment in dev | staging | prod) ;; *) usage ;; esac
parameters=parameters/$environment$standby.json
[ -f "$parameters" ] || { echo "infra/$parameters is not there: copy another environment's, and change it" >&2; exit 2; }
if grep -q 'example\.com\|EXAMPLE' "$parameters"; then
    echo "infra/$parameters still names example.com: put your host, zone and repositories there" >&2
    exit 2
fi

if [ -n "$standby" ]; then region=${ECO_STANDBY_REGION:-us-west-2}; else region=${AWS_REGION:-us-east-1}; fi
export AWS_REGION=$region AWS_DEFAULT_REGION=$region
stack=eco-coder-$environment
account=$(aws sts get-caller-identity --query Account --output text)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

before=$(aws cloudformation describe-stacks --stack-name "$stack" \
    --query "Stacks[0].Outputs[?OutputKey=='ImageTag'].OutputValue" --output text 2>/dev/null || echo none)
echo "account $account, $region, stack $stack; image before: $before, now: ${tag:-as before}"

# As Key=Value: both versions of the command line take that.
readarray -t overrides < <(python3 - "$parameters" "$tag" <<'PY'
import json, sys
given = json.load(open(sys.argv[1]))["Parameters"]
if sys.argv[2]:
    given["ImageTag"] = sys.argv[2]
print("\n".join(f"{name}={value}" for name, value in given.items()))
PY
)
[ "${#overrides[@]}" -gt 10 ] || { echo "infra/$parameters can't be read" >&2; exit 2; }

aws cloudformation package --template-file eco-coder.yaml --s3-bucket "eco-coder-artifacts-$account-$region" \
    --s3-prefix "$stack" --output-template-file "$work/packaged.yaml" >/dev/null
aws cloudformation deploy --stack-name "$stack" --template-file "$work/packaged.yaml" \
    --s3-bucket "eco-coder-artifacts-$account-$region" --s3-prefix "$stack" \
    --role-arn "arn:aws:iam::$account:role/EcoCoderCloudFormation" --capabilities CAPABILITY_NAMED_IAM \
    --parameter-overrides "${overrides[@]}" --no-fail-on-empty-changeset \
    --tags Project=EcoCoder "Environment=$environment"
