"""Holds the dashboards of infra/grafana/ against Grafana's own schema: the types of the package @grafana/schema.

    infra/telemetry/check_grafana.py FOLDER

FOLDER has node_modules with @grafana/schema and typescript. Each dashboard becomes a constant of TypeScript, each panel's options and
custom fields one of the types of its kind; what a type doesn't know, or lacks, is an error of the compiler. The queries go to
FOLDER/queries.yaml as recording rules, for promtool to read.
"""

import json
import subprocess
import sys
from pathlib import Path

GRAFANA = Path(__file__).resolve().parents[1] / "grafana"
# A panel's type: the folder of its types.
KINDS = {
    "timeseries": "timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen",
    "stat": "stat/panelcfg/x/StatPanelCfg_types.gen",
    "piechart": "piechart/panelcfg/x/PieChartPanelCfg_types.gen",
    "bargauge": "bargauge/panelcfg/x/BarGaugePanelCfg_types.gen",
    "text": "text/panelcfg/x/TextPanelCfg_types.gen",
}
# JSON has texts where TypeScript has enums. What has a default may be absent.
HEAD = """
import type { Dashboard, GraphFieldConfig } from '@grafana/schema';
type Plain<T> = T extends string ? `${T}` : T extends number | boolean ? T : T extends Array<infer U> ? Array<Plain<U>>
  : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
interface Asked { refId: string; datasource: { type: 'prometheus'; uid: string }; expr: string; legendFormat: string; range: boolean;
  instant: boolean; interval?: string }
"""


def main():
    folder = Path(sys.argv[1]).resolve()
    lines, shown, queries = [HEAD], 0, []
    for kind, path in KINDS.items():
        lines.append(f"import type {{ Options as {kind}Options }} from '@grafana/schema/dist/esm/raw/composable/{path}';")
    for path in sorted(GRAFANA.glob("*.json")):
        name = path.stem.replace("-", "_")
        dashboard = json.loads(path.read_text())
        lines.append(f"export const {name}: Plain<Dashboard> = {json.dumps(dashboard)};")
        taken, ids = set(), set()
        for panel in dashboard["panels"]:
            shown += 1
            known = f"{name}_{panel['id']}"
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not cells & taken and at["x"] + at["w"] <= 24, f"{path.name}: {panel['title']} lies on another panel"
            taken |= cells
            assert panel["id"] not in ids, f"{path.name}: two panels are {panel['id']}"
            ids.add(panel["id"])
            lines.append(f"export const {known}: Plain<{panel['type']}Options> = {json.dumps(panel['options'])};")
            lines.append(f"export const {known}_targets: Asked[] = {json.dumps(panel.get('targets', []))};")
            for target in panel.get("targets", []):
                queries.append({"record": f"{known}:{target['refId']}", "expr": target["expr"]})
            custom = panel.get("fieldConfig", {}).get("defaults", {}).get("custom")
            if custom:
                lines.append(f"export const {known}_custom: Plain<GraphFieldConfig> = {json.dumps(custom)};")
    (folder / "dashboards.ts").write_text("\n".join(lines))
    (folder / "queries.yaml").write_text(json.dumps({"groups": [{"name": "dashboards", "rules": queries}]}))
    # The package's declarations name others' that are not needed here.
    arguments = ["--noEmit", "--strict", "--skipLibCheck", "--moduleResolution", "bundler", "--module", "esnext", "--target", "es2022"]
    done = subprocess.run(["node", "node_modules/typescript/bin/tsc", *arguments, "dashboards.ts"], cwd=folder, check=False)
    if done.returncode == 0:
        print(f"grafana: {shown} panels are of Grafana's schema")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
