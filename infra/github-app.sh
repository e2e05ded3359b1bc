#!/usr/bin/env bash
# Makes the GitHub App from infra/github-app-manifest.json, with exactly the permissions and the events that it needs:
#
#   infra/github-app.sh page ORGANISATION HOST >app.html   open the page in a browser, press the button; GitHub makes the App and
#                                                          leads to https://HOST/created?code=CODE, where nothing is: copy the code
#   infra/github-app.sh convert CODE DIRECTORY             within the hour: app-id, github-app-key.pem, webhook-secret, mode 600
#
# For an App of your own account, ORGANISATION is "-". Needs curl and python3.
set -euo pipefail
cd "$(dirname "$0")"
usage() { sed -n '2,6p' "${0##*/}" >&2; exit 2; }

page() {
    python3 - "$1" "$2" <<'PY'
import html, json, re, sys
organisation, host = sys.argv[1:]
if not re.fullmatch(r"-|[A-Za-z0-9-]{1,39}", organisation):
    sys.exit("an organisation's name is letters, digits and '-'")
if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", host):
    sys.exit("the host is a name only, such as eco-coder.acme.com: no https://, no path")
manifest = open("github-app-manifest.json").read().replace("HOST", host)
json.loads(manifest)
of = "settings" if organisation == "-" else f"organizations/{organisation}/settings"
print(f"""<!doctype html><meta charset="utf-8"><title>Make the App</title>
<form action="https://github.com/{of}/apps/new" method="post">
<input type="hidden" name="manifest" value="{html.escape(manifest, quote=True)}">
<button>Make the GitHub App for {host}</button></form>""")
PY
}

convert() {
    local code=$1 directory=$2
    [[ $code =~ ^[A-Za-z0-9]+$ ]] || { echo "that is no code: copy what stands behind code= in the address" >&2; exit 2; }
    umask 077
    mkdir -p "$directory"
    curl --silent --show-error --fail --request POST -H 'accept: application/vnd.github+json' \
        "${GITHUB_API_URL:-https://api.github.com}/app-manifests/$code/conversions" |
        python3 -c '
import json, os, sys
app, directory = json.load(sys.stdin), sys.argv[1]
for name, value in (("app-id", str(app["id"])), ("github-app-key.pem", app["pem"]), ("webhook-secret", app["webhook_secret"])):
    with open(os.open(os.path.join(directory, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(value.rstrip("\n") + "\n")
print("the App", app["name"], "is made:", app["html_url"], "- now install it on the repositories")
' "$directory"
}

case ${1:-} in
    page) [ $# -eq 3 ] || usage; page "$2" "$3" ;;
    convert) [ $# -eq 3 ] || usage; convert "$2" "$3" ;;
    *) usage ;;
esac
