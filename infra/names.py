"""Holds the infrastructure and its documents against the product: nothing is named that isn't there.

    infra/names.py

Variables of tasks are settings of docs/configuration.md; actions of the ingress's and the worker's roles are those of docs/fleet.md
or named by the code, and none of them is missing; commands, settings, metrics and alarms' thresholds in the documents exist.
Standard library only; prints what is wrong, and exits with 1.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ["docs/install.md", "docs/runbook.md", "docs/scaling.md", "docs/costs.md", "infra/README.md"]
wrong = []


def text(name):
    return (ROOT / name).read_text()


def settings():
    table = text("docs/configuration.md")
    variables, paths = set(), set()
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 4 and cells[1].startswith("`"):
            paths |= set(re.findall(r"`([a-z_.]+)`", cells[1]))
            variables |= set(re.findall(r"`([A-Z_]+)`", cells[2]))
    return variables, paths


def environment_of_tasks(variables):
    for name in ("infra/templates/ingress.yaml", "infra/templates/worker.yaml"):
        for variable in re.findall(r"\{Name: ([A-Z][A-Z_]+), Value:", text(name)):
            if variable not in variables:
                wrong.append(f"{name}: {variable} is no setting of docs/configuration.md")


def statements(role):
    body = text("infra/templates/roles.yaml").split(f"  {role}:\n", 1)[1]
    body = re.split(r"\n  [A-Z][A-Za-z]+:\n|\nOutputs:", body, maxsplit=1)[0]
    return set(re.findall(r'"([a-z0-9-]+:[A-Z][A-Za-z]+\*?)"', body))


def actions_of_roles():
    rows = {}
    for line in text("docs/fleet.md").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 3 and cells[1] in ("ingress", "worker", "operators"):
            found, service = set(), ""
            for word in re.findall(r"([a-z0-9-]+:)?([A-Z][A-Za-z]+)", cells[2]):
                service = word[0] or service
                found.add(service + word[1])
            rows[cells[1]] = found
    keys = {"kms:Decrypt", "kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey", "kms:GenerateDataKey*", "kms:DescribeKey", "sts:AssumeRole", "aws:SecureTransport"}
    # The image has no git, so it can't upload source to CodeGuru.
    not_ours = {"codeguru-reviewer:CreateCodeReview", "s3:PutObject", "s3:DeleteObject"}
    beside = {"ecs:UpdateTaskProtection"}
    for role, row in (("IngressRole", "ingress"), ("AgentRole", "worker")):
        has = {a for a in statements(role) if not a.startswith(("kms:", "sts:", "aws:", "bedrock:InferenceProfileArn"))}
        needs = {a for a in rows[row] if ":" in a and not a.endswith((":Bedrock", ":CodeGuru"))} - not_ours
        needs |= beside if role == "AgentRole" else set()
        words = {"with", "and", "a"}
        needs = {a for a in needs if a.split(":")[1] not in words}
        for action in sorted(has - needs - keys):
            wrong.append(f"roles.yaml: {role} may {action}, which docs/fleet.md doesn't know")
        for action in sorted(needs - has):
            wrong.append(f"roles.yaml: {role} lacks {action}, which docs/fleet.md asks for")
    code = set()
    for path in (ROOT / "worker/src").rglob("*.rs"):
        if "test" not in path.as_posix():
            code |= set(re.findall(r'"((?:sqs|dynamodb|secretsmanager|ssm|bedrock|codeguru-reviewer|codeguru-profiler|s3|ecs):[A-Z][A-Za-z]+)"', path.read_text()))
    admin = {"dynamodb:CreateTable", "dynamodb:UpdateTimeToLive", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive"}
    for action in sorted(code - statements("AgentRole") - not_ours - admin):
        wrong.append(f"roles.yaml: AgentRole lacks {action}, which worker/src names")


def commands():
    source = text("src/commands.rs")
    block = source.split("enum Command {", 1)[1].split("\n}", 1)[0]
    top = {re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower() for name in re.findall(r"^    ([A-Z][A-Za-z]+)\(", block, re.M)}
    for name in DOCUMENTS:
        if not (ROOT / name).exists():
            continue
        inline = re.findall(r"`eco-coder ([a-z][a-z-]+)", text(name))
        fenced = re.findall(r"^ *(?:sudo -u eco-coder )?eco-coder ([a-z][a-z-]+)", text(name), re.M)
        for command in inline + fenced:
            if command not in top | PENDING_COMMANDS:
                wrong.append(f"{name}: eco-coder has no command {command}")


# Used by the image and the pipeline, and not in this tree yet: infra/README.md lists them.
PENDING_COMMANDS = {"smoke"}


def documents(paths):
    tables = {path.split(".")[0] for path in paths if "." in path}
    metrics = set(re.findall(r"^\| `([A-Z][A-Za-z]+)` \|", text("docs/metrics.md"), re.M))
    if not metrics:
        wrong.append("docs/metrics.md has no table of metrics")
    for name in DOCUMENTS:
        if not (ROOT / name).exists():
            continue
        for path in re.findall(r"`([a-z]+\.[a-z_]+)`", text(name)):
            if path.split(".")[0] in tables and path not in paths and not path.endswith((".yaml", ".md", ".json")):
                wrong.append(f"{name}: there is no setting {path}")
        for metric in re.findall(r"`EcoCoder/([A-Za-z]+)`", text(name)):
            if metric not in metrics:
                wrong.append(f"{name}: docs/metrics.md has no metric {metric}")
        for variable in re.findall(r"`?\b(ECO_CODER_[A-Z_]+)\b", text(name)):
            if variable not in settings()[0] and not variable.startswith("ECO_CODER_SECRET_") and variable not in {"ECO_CODER_GITHUB_TOKEN", "ECO_CODER_WEBHOOK_SECRET", "ECO_CODER_CONFIG"}:
                wrong.append(f"{name}: there is no variable {variable}")
        for file in re.findall(r"`((?:infra|docs|worker|shared|src|tests|ingress|\.github)/[A-Za-z0-9_./-]+\.[a-z]+)`", text(name)):
            if not (ROOT / file).exists():
                wrong.append(f"{name}: there is no file {file}")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text(name)):
            if not (ROOT / name).parent.joinpath(target).exists():
                wrong.append(f"{name}: a link leads to {target}, which is not there")


def parameters():
    template = text("infra/eco-coder.yaml")
    known = set(re.findall(r"^  ([A-Z][A-Za-z]+):", template.split("Parameters:\n", 1)[1].split("\nConditions:", 1)[0], re.M))
    for path in sorted((ROOT / "infra/parameters").glob("*.json")):
        for name in json.loads(path.read_text())["Parameters"]:
            if name not in known:
                wrong.append(f"{path.name}: infra/eco-coder.yaml has no parameter {name}")


variables, paths = settings()
environment_of_tasks(variables)
actions_of_roles()
commands()
documents(paths)
parameters()
print("\n".join(wrong) or "names: everything that is named is there")
sys.exit(bool(wrong))
