"""Makes the alarms, dashboards and the collector's settings of telemetry.toml.

    infra/telemetry/generate.py [--check]

Writes alarms.yaml, dashboards.yaml and collector.yaml of infra/templates/, infra/telemetry/collector.yaml (the same to read),
infra/prometheus/rules.yaml and infra/grafana/*.json. With --check it writes nothing, and exits with 1 if one of them isn't what it would write. Standard library only.
"""

import sys

import cloudwatch
import collector
import grafana
import prometheus
from description import ROOT, Description

REMARK = "Made by infra/telemetry/generate.py from infra/telemetry/telemetry.toml: change it there."


def main():
    description = Description()
    files = {
        "infra/templates/alarms.yaml": cloudwatch.alarms(description, REMARK),
        "infra/templates/dashboards.yaml": cloudwatch.dashboards(description, REMARK),
        "infra/templates/collector.yaml": collector.template(description, REMARK),
        "infra/telemetry/collector.yaml": collector.readable(description, REMARK),
        "infra/prometheus/rules.yaml": prometheus.rules(description, REMARK),
    }
    for dashboard in description.dashboards:
        files[f"infra/grafana/eco-coder-{dashboard['name']}.json"] = grafana.dashboard(description, dashboard)
    stale = []
    for name, text in files.items():
        path = ROOT / name
        if "--check" in sys.argv:
            if not path.exists() or path.read_text() != text:
                stale.append(name)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    if stale:
        print("not what infra/telemetry/generate.py makes of telemetry.toml:", ", ".join(stale))
        return 1
    print(f"telemetry: {len(description.alarms)} alarms, {len(description.dashboards)} dashboards, {collector.priced(description)} metrics of CloudWatch at most but for repositories")
    return 0


if __name__ == "__main__":
    sys.exit(main())
