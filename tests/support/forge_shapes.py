#!/usr/bin/env python3
"""Holds the local forge's answers against GitHub's own OpenAPI description, so that they can't drift from the real ones.

    npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-23.0.2.tgz
    pip install jsonschema
    tests/support/forge_shapes.py package/generated/api.github.com.deref.json http://127.0.0.1:PORT TOKEN OWNER/NAME NUMBER [APP_TOKEN]

The forge must serve that pull request. Writes a comment and a status, and with an installation's token of its App check runs, which
only Apps write. Prints every difference, and fails if there is one.

    cargo test -p eco-coder --lib a_forge_to_hold_against_githubs_description -- --ignored --nocapture

serves one for five minutes, and says how to call this.
"""

import json
import sys
import urllib.request

import jsonschema

description, root, token, repo, number, *app_token = sys.argv[1:]
paths = json.load(open(description, encoding="utf-8"))["paths"]


def modern(schema):
    """OpenAPI 3.0's `nullable` in JSON Schema's words; addresses may be local, so their format isn't checked."""
    if isinstance(schema, list):
        return [modern(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: modern(value) for key, value in schema.items() if key not in ("nullable", "format", "example", "examples")}
    return {"anyOf": [changed, {"type": "null"}]} if schema.get("nullable") is True else changed


def call(method, path, body=None):
    request = urllib.request.Request(
        root + path, method=method, data=json.dumps(body).encode() if body else None,
        headers={"authorization": f"Bearer {token}", "user-agent": "forge-shapes"},
    )
    with urllib.request.urlopen(request) as answer:
        return answer.status, json.loads(answer.read() or b"null")


failures = 0


def check(template, path, method="GET", body=None):
    global failures
    status, answer = call(method, path, body)
    response = paths[template][method.lower()]["responses"][str(status)]
    if "content" in response:
        schema = modern(response["content"]["application/json"]["schema"])
        for error in jsonschema.Draft202012Validator(schema).iter_errors(answer):
            best = jsonschema.exceptions.best_match([error])
            print(f"{method} {template}: {'/'.join(map(str, best.absolute_path))}: {best.message[:200]}")
            failures += 1
    print(f"{method} {template} {status}")
    return answer


R = "/repos/{owner}/{repo}"
at = f"/repos/{repo}"
check("/user", "/user")
check("/rate_limit", "/rate_limit")
check(R, at)
check(f"{R}/pulls", f"{at}/pulls")
pull = check(f"{R}/pulls/{{pull_number}}", f"{at}/pulls/{number}")
head, base = pull["head"]["sha"], pull["base"]["sha"]
files = check(f"{R}/pulls/{{pull_number}}/files", f"{at}/pulls/{number}/files")
check(f"{R}/pulls/{{pull_number}}/commits", f"{at}/pulls/{number}/commits")
check(f"{R}/compare/{{basehead}}", f"{at}/compare/{base}...{head}")
check(f"{R}/commits/{{ref}}", f"{at}/commits/{head}")
check(f"{R}/contents/{{path}}", f"{at}/contents/{files[0]['filename']}?ref={head}")
check(f"{R}/contents/{{path}}", f"{at}/contents?ref={head}")
check(f"{R}/git/blobs/{{file_sha}}", f"{at}/git/blobs/{files[0]['sha']}")
comment = check(f"{R}/issues/{{issue_number}}/comments", f"{at}/issues/{number}/comments", "POST", {"body": "A shape"})
check(f"{R}/issues/{{issue_number}}/comments", f"{at}/issues/{number}/comments")
one = f"{at}/issues/comments/{comment['id']}"
check(f"{R}/issues/comments/{{comment_id}}", one)
check(f"{R}/issues/comments/{{comment_id}}", one, "PATCH", {"body": "Another shape"})
check(f"{R}/issues/comments/{{comment_id}}", one, "DELETE")
added = next(file for file in files if "+" in file.get("patch", "") and file["status"] != "removed")
line = int(added["patch"].split("+", 1)[1].split(",")[0].split(" ")[0]) or 1
remark = {"event": "COMMENT", "commit_id": head, "comments": [{"path": added["filename"], "line": line, "side": "RIGHT", "body": "A line"}]}
check(f"{R}/pulls/{{pull_number}}/reviews", f"{at}/pulls/{number}/reviews", "POST", remark)
remarks = check(f"{R}/pulls/{{pull_number}}/comments", f"{at}/pulls/{number}/comments")
check(f"{R}/pulls/comments/{{comment_id}}", f"{at}/pulls/comments/{remarks[0]['id']}", "DELETE")
check(f"{R}/actions/artifacts", f"{at}/actions/artifacts")
check(f"{R}/statuses/{{sha}}", f"{at}/statuses/{head}", "POST", {"state": "success", "context": "shapes"})
check(f"{R}/commits/{{ref}}/statuses", f"{at}/commits/{head}/statuses")
check(f"{R}/commits/{{ref}}/status", f"{at}/commits/{head}/status")
if app_token:
    token = app_token[0]
    output = {"title": "A shape", "summary": "In words"}
    run = {"name": "shapes", "head_sha": head, "external_id": "shape", "status": "in_progress", "output": output}
    run = check(f"{R}/check-runs", f"{at}/check-runs", "POST", run)
    one = f"{at}/check-runs/{run['id']}"
    check(f"{R}/check-runs/{{check_run_id}}", one, "PATCH", {"conclusion": "success", "output": output})
    check(f"{R}/check-runs/{{check_run_id}}", one)
    check(f"{R}/commits/{{ref}}/check-runs", f"{at}/commits/{head}/check-runs?filter=all&check_name=shapes")
print(f"{failures} differences")
sys.exit(failures > 0)
