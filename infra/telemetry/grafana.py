"""What the description says, as dashboards of Grafana on Prometheus."""

import json

import prometheus
from cloudwatch import DAY, size

SOURCE = {"type": "prometheus", "uid": "${source}"}


def dashboard(description, about):
    panels, x, y, row = [], 0, 0, 0
    for number, widget in enumerate(about["widget"], 1):
        width, height = size(widget)
        height += 2
        if x + width > 24:
            x, y, row = 0, y + row, 0
        panels.append({"id": number, "gridPos": {"x": x, "y": y, "w": width, "h": height}, **panel(description, widget)})
        x, row = x + width, max(row, height)
    made = {
        "uid": f"eco-coder-{about['name']}",
        "title": about["title"],
        "tags": ["eco-coder"],
        "schemaVersion": 42,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "annotations": {"list": []},
        "templating": {"list": [{"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]},
        "links": [],
        "panels": panels,
    }
    return json.dumps(made, indent=1) + "\n"


def panel(description, widget):
    kind = widget["kind"]
    title = {"title": widget["title"]}
    if kind == "text":
        return {**title, "type": "text", "options": {"mode": "markdown", "content": widget["text"]}}
    drawn = kind in ("line", "area")
    window = widget.get("window", DAY) if drawn else DAY
    targets = []

    def ask(expression, legend):
        targets.append({
            "refId": chr(ord("A") + len(targets)),
            "datasource": SOURCE,
            "expr": expression,
            "legendFormat": legend,
            "range": drawn,
            "instant": not drawn,
            **({"interval": prometheus.span(window)} if drawn else {}),
        })

    if "each" in widget:
        each = widget["each"]
        ask(prometheus.calculated(description, widget["expression"], widget["series"], window, by=each), f"{{{{{each}}}}}")
    elif "parts" in widget:
        for part in widget["parts"]:
            ask(prometheus.calculated(description, part["expression"], widget["series"], window), part["label"])
    elif "expression" in widget:
        ask(prometheus.calculated(description, widget["expression"], widget["series"], window), widget["title"])
    else:
        for series in widget["series"]:
            by = series.get("by")
            ask(prometheus.of(series, window, by), f"{{{{{by}}}}}" if by else series.get("label", widget["title"]))
    steps = widget.get("steps", {"green": 0})
    thresholds = {"mode": "absolute", "steps": [{"color": c, "value": v or None} for c, v in steps.items()]}
    defaults = {"unit": widget["unit"], "min": 0, "thresholds": thresholds}
    if kind in ("gauge", "bar"):
        defaults["max"] = 100
    if kind == "bar":
        defaults["thresholds"] = {"mode": "absolute", "steps": [{"color": "green", "value": None}]}
    reduce = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
    tooltip = {"mode": "multi", "sort": "desc"}
    shape = {
        "line": ("timeseries", {"legend": legend, "tooltip": tooltip}),
        "area": ("timeseries", {"legend": legend, "tooltip": tooltip}),
        "number": ("stat", {"reduceOptions": reduce, "colorMode": "value", "graphMode": "none", "justifyMode": "auto", "textMode": "auto", "orientation": "auto", "showPercentChange": False, "percentChangeColorMode": "standard", "wideLayout": True}),
        "gauge": ("stat", {"reduceOptions": reduce, "colorMode": "background", "graphMode": "none", "justifyMode": "auto", "textMode": "auto", "orientation": "auto", "showPercentChange": False, "percentChangeColorMode": "standard", "wideLayout": True}),
        "pie": ("piechart", {"reduceOptions": reduce, "orientation": "auto", "pieType": "pie", "displayLabels": ["percent"], "legend": {**legend, "displayMode": "table", "placement": "right", "values": ["value"]}, "tooltip": tooltip, "sort": "desc"}),
        "bar": ("bargauge", {"reduceOptions": reduce, "displayMode": "basic", "orientation": "horizontal", "showUnfilled": True, "valueMode": "color", "namePlacement": "auto", "sizing": "auto", "minVizWidth": 8, "minVizHeight": 16, "maxVizHeight": 300, "legend": {**legend, "showLegend": False}}),
    }
    made, options = shape[kind]
    if drawn:
        defaults["custom"] = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 30 if kind == "area" else 0,
            "stacking": {"mode": "normal" if kind == "area" else "none", "group": "A"},
        }
    return {
        **title,
        "type": made,
        "datasource": SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
    }
