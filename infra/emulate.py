"""Deploys the templates into ministack, as far as it knows their types, and looks at what came of it.

    infra/emulate.py ENDPOINT [eco-coder] [Parameter=Value...]

Each template is deployed as a stack of its own, in the parent's order and with the parent's parameters, so that conditions,
references and outputs between them are resolved by an engine that is not ours. Resources of types that the emulator doesn't
have are left out, and what refers to them gets a placeholder; each is printed by its name. With a binary, its `doctor` is run in
the environment that the templates give to the tasks: every setting has to be one, and everything it looks at has to be there, but
GitHub and CodeGuru, which nobody emulates. The parameters are production's, but for those that are given. Needs boto3 and cfn-lint's
reader; start the emulator anew for each run.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import boto3
import cfnlint.decode.cfn_yaml
import ministack
from botocore.config import Config

HERE = Path(__file__).resolve().parent
REGION, ACCOUNT = "us-east-1", "000000000000"


def known_types():
    """What the emulator has a handler for, by its own sources."""
    found = set()
    for path in Path(ministack.__file__).parent.glob("services/cloudformation/**/*.py"):
        found |= set(re.findall(r'"(AWS::[A-Za-z0-9]+::[A-Za-z0-9]+)"', path.read_text()))
    return found


def plain(node):
    """cfn-lint's reading of YAML, with !Ref and its like written out, as plain JSON."""
    if isinstance(node, dict):
        return {str(key): plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(value) for value in node]
    return node


def read(path):
    return json.loads(json.dumps(plain(cfnlint.decode.cfn_yaml.load(str(path))), default=str))


def refers_to(node, names):
    if isinstance(node, dict):
        if node.get("Ref") in names:
            return True
        of = node.get("Fn::GetAtt")
        if of and (of.split(".")[0] if isinstance(of, str) else of[0]) in names:
            return True
        return any(refers_to(value, names) for value in node.values())
    if isinstance(node, list):
        return any(refers_to(value, names) for value in node)
    return False


def without(node, names):
    """The same, with placeholders where it refers to what is left out."""
    if isinstance(node, dict):
        if len(node) == 1 and refers_to(node, names) and ("Ref" in node or "Fn::GetAtt" in node):
            return "left-out"
        made = {key: without(value, names) for key, value in node.items()}
        if isinstance(made.get("Fn::Sub"), str):
            for name in names:
                for form in (f"${{{name}}}", *(f"${{{name}.{part}}}" for part in ("Arn", "Name"))):
                    made["Fn::Sub"] = made["Fn::Sub"].replace(form, "left-out")
        return made
    if isinstance(node, list):
        return [without(value, names) for value in node]
    return node


class Parent:
    """The parent's parameters and conditions, as far as nested stacks take them."""

    def __init__(self, template, given, cloudformation):
        self.template, self.cloudformation = template, cloudformation
        self.values = {name: str(spec.get("Default", "")) for name, spec in template["Parameters"].items()}
        self.values.update(given)
        self.values |= {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws"}
        self.outputs = {}

    def condition(self, name):
        return self.holds(self.template["Conditions"][name])

    def holds(self, node):
        (kind, arguments), = node.items()
        if kind == "Fn::Equals":
            left, right = (self.value(argument) for argument in arguments)
            return str(left) == str(right)
        if kind == "Fn::Not":
            return not self.holds(arguments[0])
        raise SystemExit(f"the parent's conditions have {kind}, which this script doesn't know")

    def value(self, node):
        if not isinstance(node, dict):
            return str(node)
        (kind, argument), = node.items()
        if kind == "Ref":
            return self.values.get(argument, f"eco-coder{self.suffix()}" if argument == "Cluster" else "")
        if kind == "Fn::GetAtt":
            stack, _, output = argument.partition(".") if isinstance(argument, str) else (argument[0], ".", argument[1])
            return self.outputs.get(stack, {}).get(output.removeprefix("Outputs."), "left-out")
        if kind == "Fn::If":
            return self.value(argument[1] if self.condition(argument[0]) else argument[2])
        if kind == "Fn::Sub":
            text, more = (argument, {}) if isinstance(argument, str) else argument
            names = {name: self.value(value) for name, value in more.items()}
            for name, value in {**self.values, **names}.items():
                text = text.replace(f"${{{name}}}", str(value))
            return text
        raise SystemExit(f"the parent's parameters have {kind}, which this script doesn't know")

    def suffix(self):
        return "" if self.values["Environment"] == "prod" else f"-{self.values['Environment']}"


def deploy(parent, name, resource, known, left_out):
    path = HERE / resource["Properties"]["TemplateURL"]
    template = read(path)
    missing = {n: r["Type"] for n, r in template["Resources"].items() if r["Type"] not in known}
    missing |= {n: f"{r['Type']} of several metrics" for n, r in template["Resources"].items() if "Metrics" in r.get("Properties", {}) and r["Type"].endswith("::Alarm")}
    for n, kind in missing.items():
        left_out.append((path.name, n, kind))
        del template["Resources"][n]
    for n, r in list(template["Resources"].items()):
        r.pop("Metadata", None)
        depends = [d for d in ([r["DependsOn"]] if isinstance(r.get("DependsOn"), str) else r.get("DependsOn", [])) if d not in missing]
        r.pop("DependsOn", None)
        if depends:
            r["DependsOn"] = depends
        # A function's code is a folder until it is packaged.
        if r["Type"] == "AWS::Lambda::Function":
            r["Properties"]["Code"] = {"ZipFile": "exports.handler = async () => {}"}
        # It keeps what it makes between runs only in memory.
        r.pop("DeletionPolicy", None), r.pop("UpdateReplacePolicy", None)
    template = without(template, set(missing))
    parameters = {key: parent.value(value) for key, value in resource["Properties"].get("Parameters", {}).items()}
    for r in template["Resources"].values():
        # Parameters are texts; AWS reads the number in them, the emulator doesn't.
        count = r.get("Properties", {}).get("DesiredCount")
        if r["Type"] == "AWS::ECS::Service" and isinstance(count, dict) and count.get("Ref") in parameters:
            r["Properties"]["DesiredCount"] = int(parameters[count["Ref"]])
    stack = f"eco-coder-{name.lower()}"
    cloudformation = parent.cloudformation
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    parent.outputs[name] = {o["OutputKey"]: o["OutputValue"] for o in described.get("Outputs", [])}
    made = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    print(f"{path.name}: {len(made)} resources, {len(missing)} left out")
    return parameters


def look(client, parent):
    """What the fleet rests on, asked of the services themselves."""
    out = parent.outputs
    sqs, dynamodb = client("sqs"), client("dynamodb")
    jobs = sqs.get_queue_attributes(QueueUrl=out["Queue"]["QueueUrl"], AttributeNames=["All"])["Attributes"]
    policy = json.loads(jobs["RedrivePolicy"])
    assert policy["deadLetterTargetArn"] == out["Queue"]["DeadLetterArn"] and int(policy["maxReceiveCount"]) == 1000, policy
    dead = sqs.get_queue_attributes(QueueUrl=out["Queue"]["DeadLetterUrl"], AttributeNames=["All"])["Attributes"]
    assert dead["MessageRetentionPeriod"] == "1209600", dead
    for attributes in (jobs, dead):
        assert attributes["KmsMasterKeyId"] == out["Keys"]["DataKeyArn"], attributes
    table = dynamodb.describe_table(TableName=out["Table"]["TableName"])["Table"]
    keys = {k["AttributeName"]: k["KeyType"] for k in table["KeySchema"]}
    assert keys == {"pk": "HASH", "sk": "RANGE"}, keys
    assert [i["IndexName"] for i in table["GlobalSecondaryIndexes"]] == ["by_time"], table
    # Its CloudFormation sets neither TTL nor backups: the template's words for them are all that can be held.
    # The stand-by's are replicas of the primary's.
    for name in ("webhook-secret", "session-key") if "Secrets" in out else ():
        value = client("secretsmanager").get_secret_value(SecretId=f"eco-coder/{name}")["SecretString"]
        # Of what is excluded the emulator knows the single characters only.
        assert len(value) == 64 and not set(value) & set("ghijklmnopqrstuvwxyz"), name
    cloudwatch = client("cloudwatch")
    alarms = {a["AlarmName"]: a for a in cloudwatch.describe_alarms()["MetricAlarms"]}
    for name, topic in (("high-error-rate", "Critical"), ("agent-timeout", "Critical"), ("dead-letters", "Warning")):
        alarm = alarms[f"eco-coder{parent.suffix()}-{name}"]
        assert alarm["AlarmActions"] == alarm["OKActions"] == [out["Notices"][f"{topic}TopicArn"]], alarm
    assert alarms[f"eco-coder{parent.suffix()}-agent-timeout"]["ExtendedStatistic"] == "p99"
    for name in ("operations", "performance", "costs") if "Dashboards" in out else ():
        body = cloudwatch.get_dashboard(DashboardName=f"eco-coder-{name}{parent.suffix()}")["DashboardBody"]
        assert "${" not in body and json.loads(body)["widgets"], name
    environment = {}
    for half in ("ingress", "agent"):
        task = client("ecs").describe_task_definition(taskDefinition=f"eco-coder-{half}{parent.suffix()}")["taskDefinition"]
        container, *beside = task["containerDefinitions"]
        assert task["memory"] == "2048" and container["readonlyRootFilesystem"], task
        assert [c["name"] for c in beside] == ["collector"] * bool(parent.values["CollectorImage"]), beside
        for collector in beside:
            # What the container's secrets name is lost in the emulator's answer.
            settings = client("ssm").get_parameter(Name=out["Collector"]["SettingsArn"].partition(":parameter")[2])["Parameter"]["Value"]
            asked = set(re.findall(r"\$\{env:(\w+)\}", settings))
            assert asked == {e["name"] for e in collector["environment"]} and not collector["essential"], collector
        environment |= {e["name"]: e["value"] for e in container["environment"]}
    return environment


def doctor(binary, client, parent, environment, endpoint):
    """`eco-coder doctor`, as the two tasks would be: what it finds wrong, GitHub left out, which isn't here."""
    secrets = client("secretsmanager")
    if "Secrets" not in parent.outputs:
        for name in ("webhook-secret", "session-key", "github-token", "github-app-key"):
            secrets.create_secret(Name=f"eco-coder/{name}", SecretString="5e" * 32)
    secrets.put_secret_value(SecretId="eco-coder/session-key", SecretString="5e" * 32)
    if "ECO_CODER_GITHUB_APP_ID" in environment:
        key = (HERE.parent / "worker/github/src/testing/app_key.pem").read_text()
        secrets.put_secret_value(SecretId="eco-coder/github-app-key", SecretString=key)
    else:
        secrets.put_secret_value(SecretId="eco-coder/github-token", SecretString="nobody's")
    client("dynamodb").update_time_to_live(
        TableName=parent.outputs["Table"]["TableName"],
        TimeToLiveSpecification={"AttributeName": "expires", "Enabled": True},
    )
    region = environment["ECO_CODER_CARBON_REGION"]
    client("ssm").put_parameter(
        Name=f"{environment['CARBON_DATA_PARAMETER_PATH']}/{region}", Type="String", Value='{"gco2_per_kwh": 244.8}',
    )
    run = subprocess.run(
        [binary, "doctor"], capture_output=True, text=True, timeout=120, check=False,
        env={
            **environment,
            "ECO_CODER_AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "ECO_CODER_GITHUB_API_URL": "http://127.0.0.1:1",
            "ECO_CODER_INGRESS_LISTEN": "127.0.0.1:0",
            "ECO_CODER_INGRESS_OPERATOR_LISTEN": "127.0.0.1:0",
            "ECO_CODER_WORKER_OPERATOR_LISTEN": "127.0.0.1:0",
        },
    )
    print(run.stdout + run.stderr)
    lines = run.stdout.splitlines()
    absent = ["MEND    github"]
    absent += ["MEND    analysis"] * (environment["ECO_CODER_ANALYSIS_KIND"] == "codeguru")
    absent += ["MEND    profiles"] * ("ECO_CODER_PROFILES_CODEGURU_GROUP" in environment)
    wrong = [line for line in lines if not line.startswith("ok") and not line.startswith(tuple(absent))]
    assert len(lines) > 8 and not wrong, wrong


def main():
    endpoint = sys.argv[1]
    parameters = HERE / "parameters/prod.json"
    more = dict(argument.split("=", 1) for argument in sys.argv[2:] if "=" in argument)
    binary = next((argument for argument in sys.argv[2:] if "=" not in argument), None)

    def client(service):
        return boto3.client(
            service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 1}),
        )

    given = {**json.loads(parameters.read_text())["Parameters"], "ImageTag": "v0.0.0", **more}
    zone = client("route53").create_hosted_zone(Name="example.com.", CallerReference="emulate")["HostedZone"]["Id"]
    given["HostedZoneId"] = zone.removeprefix("/hostedzone/")
    template = read(HERE / "eco-coder.yaml")
    parent = Parent(template, given, client("cloudformation"))
    known, left_out = known_types(), []
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::CloudFormation::Stack":
            if "Condition" not in resource or parent.condition(resource["Condition"]):
                deploy(parent, name, resource, known, left_out)
        else:
            assert resource["Type"] == "AWS::ECS::Cluster", resource
            client("ecs").create_cluster(clusterName=f"eco-coder{parent.suffix()}")
    environment = look(client, parent)
    for file, name, kind in left_out:
        print(f"not deployed, unknown to the emulator: {file} {name} ({kind})")
    if binary:
        doctor(binary, client, parent, environment, endpoint)


if __name__ == "__main__":
    main()
