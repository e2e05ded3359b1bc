"""The collector's settings, and what CloudWatch keeps of the metrics.

The OpenTelemetry collector stands beside each task, in AWS's distribution of it, on loopback alone: what /metrics tells goes to
CloudWatch, what is traced to X-Ray.
"""

import json

# Parameter Store's limit of a standard parameter.
MOST = 4096


def declared(description):
    """Counters and gauges by what they are declared with: {(sets of labels, what a label must be): names}."""
    found = {}
    for metric in description.metrics.values():
        # The values of histograms are in the log already, and would be counted twice.
        if metric.kind == "histogram":
            continue
        free = [labels for labels, only in description.sets(metric) if not only]
        found.setdefault((json.dumps(free), "{}"), []).append(metric.name)
        for labels, only in description.sets(metric):
            if only:
                found.setdefault((json.dumps([labels]), json.dumps(only)), []).append(metric.name)
    return found


def priced(description):
    """The most metrics that CloudWatch asks money for, but for repositories."""
    count = 0
    for metric in description.metrics.values():
        for labels, only in description.sets(metric):
            if "Repository" in labels:
                continue
            product = 1
            for label in labels:
                product *= 1 if label == "AgentName" or label in only else len(description.values(metric, label))
            count += product
    return count


def settings(description):
    """$$ is a $ in the collector's settings."""
    declarations = []
    for (sets, only), names in declared(description).items():
        one = {"dimensions": json.loads(sets), "metric_name_selectors": [f"^({'|'.join(names)})$$"]}
        if only != "{}":
            one["label_matchers"] = [{"label_names": [k], "regex": f"^{v}$$"} for k, v in json.loads(only).items()]
        declarations.append(one)
    histograms = "|".join(m.name for m in description.metrics.values() if m.kind == "histogram")
    scrape = {
        "job_name": "eco-coder",
        # One figure of a gauge in a minute from each task: the sum over a minute is the fleet's.
        "scrape_interval": "60s",
        # What has no label of its own is kept under the agent's name; an AgentName of the metric itself wins.
        "honor_labels": True,
        "static_configs": [{"targets": ["127.0.0.1:${env:METRICS_PORT}"], "labels": {"AgentName": "eco-coder-agent"}}],
        "metric_relabel_configs": [{"source_labels": ["__name__"], "regex": f"({histograms})(_bucket|_sum|_count)?", "action": "drop"}],
    }
    return {
        "extensions": {"health_check": {"endpoint": "127.0.0.1:13133"}},
        "receivers": {
            "prometheus": {"config": {"scrape_configs": [scrape]}},
            "otlp": {"protocols": {"grpc": {"endpoint": "127.0.0.1:4317"}, "http": {"endpoint": "127.0.0.1:4318"}}},
        },
        "processors": {
            "memory_limiter": {"check_interval": "1s", "limit_mib": 96, "spike_limit_mib": 24},
            # The task's id, which names the log stream.
            "resourcedetection": {"detectors": ["env", "ecs"], "timeout": "5s", "override": False},
            "batch/metrics": {"timeout": "10s"},
            "batch/traces": {"timeout": "2s", "send_batch_size": 50},
        },
        "exporters": {
            "awsemf": {
                "region": "${env:AWS_REGION}",
                "namespace": description.raw["namespace"],
                "log_group_name": "${env:METRICS_LOG_GROUP}",
                "log_stream_name": "{TaskId}",
                "resource_to_telemetry_conversion": {"enabled": False},
                # Only the sets that are declared: each further one costs.
                "dimension_rollup_option": "NoDimensionRollup",
                # A counter that comes into being while the task runs has grown from nothing.
                "retain_initial_value_of_delta_metric": True,
                "metric_declarations": declarations,
            },
            # What a trace can be searched by; everything else is metadata.
            "awsxray": {"region": "${env:AWS_REGION}", "indexed_attributes": ["repository", "pr_number", "session_id", "agent_version"]},
        },
        "service": {
            "extensions": ["health_check"],
            "telemetry": {"logs": {"level": "warn"}, "metrics": {"level": "none"}},
            "pipelines": {
                "metrics": {"receivers": ["prometheus"], "processors": ["memory_limiter", "resourcedetection", "batch/metrics"], "exporters": ["awsemf"]},
                "traces": {"receivers": ["otlp"], "processors": ["memory_limiter", "resourcedetection", "batch/traces"], "exporters": ["awsxray"]},
            },
        },
    }


def readable(description, remark):
    return f"# {remark}\n# The comments are in infra/telemetry/collector.py.\n" + "".join(block(settings(description), 0))


def block(node, depth):
    """YAML: mappings in lines, four deep; lists of mappings an item a line; all else as JSON, which YAML is, too."""
    for key, value in node.items():
        indent = "  " * depth
        if isinstance(value, dict) and value and depth < 4:
            yield f"{indent}{key}:\n"
            yield from block(value, depth + 1)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"{indent}{key}:\n"
            for item in value:
                yield f"{indent}  - {json.dumps(item)}\n"
        else:
            yield f"{indent}{key}: {json.dumps(value)}\n"


def template(description, remark):
    said = json.dumps(settings(description), separators=(",", ":"))
    assert len(said) <= MOST, f"the collector's settings are {len(said)} characters; a parameter holds {MOST}"
    return f"""AWSTemplateFormatVersion: "2010-09-09"
Description: "Eco-Coder: the settings of the collector beside each task; infra/telemetry/collector.yaml is the same to read."

# {remark}
Parameters:
  Suffix: {{Type: String}}

Resources:
  Settings:
    Type: AWS::SSM::Parameter
    Metadata:
      checkov:
        skip:
          - {{id: CKV2_AWS_34, comment: Names of metrics; CloudFormation can't make a SecureString}}
    Properties:
      Name: !Sub "/eco-coder/collector${{Suffix}}"
      Type: String
      Description: Settings of the collector
      Value: {json.dumps(said)}

Outputs:
  SettingsArn: {{Value: !Sub "arn:${{AWS::Partition}}:ssm:${{AWS::Region}}:${{AWS::AccountId}}:parameter${{Settings}}"}}
"""
