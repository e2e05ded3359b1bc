"""Holds the infrastructure and its documents against the product: nothing is named that isn't there.

    infra/names.py

Variables of tasks are settings of docs/configuration.md; actions of the ingress's and the worker's roles are those of docs/fleet.md
or named by the code, and none of them is missing; commands, settings, metrics and alarms in the documents exist, and each alarm has its
section in the runbook. What the roles allow and nothing calls has its reason in docs/fleet.md.
Standard library only; prints what is wrong, and exits with 1.
"""

import json
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ["docs/install.md", "docs/runbook.md", "docs/scaling.md", "docs/costs.md", "docs/metrics.md", "docs/fleet.md", "infra/README.md"]
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
            # The collector's own.
            if variable not in variables | {"METRICS_PORT", "METRICS_LOG_GROUP"}:
                wrong.append(f"{name}: {variable} is no setting of docs/configuration.md")


def statements(role):
    body = text("infra/templates/roles.yaml").split(f"  {role}:\n", 1)[1]
    body = re.split(r"\n  [A-Z][A-Za-z]+:\n|\nOutputs:", body, maxsplit=1)[0]
    return set(re.findall(r'"([a-z0-9-]+:[A-Z][A-Za-z]+\*?)"', body))


def actions_of_roles():
    rows = {}
    for line in text("docs/fleet.md").splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 3 and cells[1].split(",")[0] in ("ingress", "worker", "collector", "operators"):
            found, service = set(), ""
            for word in re.findall(r"([a-z0-9-]+:)?([A-Z][A-Za-z]+)", cells[2]):
                service = word[0] or service
                found.add(service + word[1])
            rows[cells[1].split(",")[0]] = found
    keys = {"kms:Decrypt", "kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKey", "kms:GenerateDataKey*", "kms:DescribeKey", "sts:AssumeRole", "aws:SecureTransport"}
    # The image has no git, so it can't upload source to CodeGuru.
    not_ours = {"codeguru-reviewer:CreateCodeReview", "s3:PutObject", "s3:DeleteObject"}
    beside = {"ecs:UpdateTaskProtection"}
    for role, row in (("IngressRole", "ingress"), ("AgentRole", "worker")):
        has = {a for a in statements(role) if not a.startswith(("kms:", "sts:", "aws:", "bedrock:InferenceProfileArn"))}
        needs = {a for a in rows[row] if ":" in a and not a.endswith((":Bedrock", ":CodeGuru"))} - not_ours
        needs |= beside if role == "AgentRole" else set()
        needs |= rows["collector"]
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


def unused():
    """What the roles allow beyond the calls that the code counts is in docs/fleet.md, with its reason, and nothing else is."""
    counted = set()
    for path in [*(ROOT / "shared/src").rglob("*.rs"), *(ROOT / "worker/src").rglob("*.rs")]:
        for service, operation in re.findall(r'\bcount\("([a-z0-9-]+)", "([A-Z]\w+)"\)', path.read_text()):
            service = {"codeguruprofiler": "codeguru-profiler"}.get(service, service)
            counted.add(f"{service}:" + ("InvokeModel" if operation == "Converse" else operation.removesuffix("Batch")))
    beyond = {a for role in ("IngressRole", "AgentRole") for a in statements(role)} - counted
    beyond -= {a for a in beyond if a.startswith(("sts:", "aws:", "bedrock:InferenceProfileArn", "kms:ViaService"))}
    told = re.findall(r"^\| ([a-z0-9-]+:[A-Za-z*]*(?:, [a-z0-9-]+:[A-Za-z*]*)*)[^|]* \| ", text("docs/fleet.md").split("| action | why it is there |")[1], re.M)
    reasons = {action for row in told for action in row.split(", ")}
    for action in sorted(beyond):
        if action not in reasons and action.split(":")[0] + ":" not in reasons and action.split(":")[0] + ":*" not in reasons:
            wrong.append(f"roles.yaml allows {action}, which nothing calls, and docs/fleet.md gives no reason")
    for reason in sorted(reasons):
        if not reason.endswith((":", ":*")) and reason not in beyond | NOT_IN_A_TEST:
            wrong.append(f"docs/fleet.md gives a reason for {reason}, which is called, or not allowed")


# Counted by the code; no end-to-end test of whole processes comes there.
NOT_IN_A_TEST = {"codeguru-reviewer:DescribeRepositoryAssociation", "ssm:GetParameter"}


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
            if command not in top:
                wrong.append(f"{name}: eco-coder has no command {command}")


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


def alarms():
    """Each alarm has its section in the runbook, and each section that begins as an alarm's does has its alarm."""
    sections = re.findall(r"^###? (.+)$", text("docs/runbook.md"), re.M)
    described = tomllib.loads(text("infra/telemetry/telemetry.toml"))
    for alarm in described["alarm"]:
        if not any(section == alarm["runbook"] or section.startswith(alarm["runbook"] + ":") for section in sections):
            wrong.append(f"docs/runbook.md has no section for the alarm {alarm['name']}: {alarm['runbook']}")
    names = {series.get("metric") for alarm in described["alarm"] for series in alarm["series"]}
    for section in sections:
        for metric in re.findall(r"`EcoCoder/(\w+)`", section):
            if metric not in names:
                wrong.append(f"docs/runbook.md: {section}: there is no alarm on {metric}")
    templates = "".join(text(f"infra/templates/{name}.yaml") for name in ("alarms", "worker", "dns"))
    known = set(re.findall(r'AlarmName: !Sub "(eco-coder)\$\{Suffix\}(-[a-z-]+)"', templates))
    for name in DOCUMENTS:
        for alarm in re.findall(r"--alarm-name (eco-coder)(-[a-z-]+)", text(name)):
            if alarm not in known:
                wrong.append(f"{name}: there is no alarm {''.join(alarm)}")


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
unused()
commands()
documents(paths)
parameters()
alarms()
print("\n".join(wrong) or "names: everything that is named is there")
sys.exit(bool(wrong))
