"""Alert rules and dashboards: they fire when they should, and name metrics that the code writes."""

from __future__ import annotations

import json
import re

import yaml

from tests.charts.conftest import CHART, ROOT, tool

RULES = CHART / "alerts" / "merkez.rules.yaml"
_WRITTEN = re.compile(r"""\b(counter|gauge|histogram)\(\s*"(merkez\.[a-z_.]+)"(?:,\s*"([a-z]+)")?""")
_UNITS = {"s": "_seconds", "ms": "_milliseconds"}


def written() -> set[str]:
    """The metrics' names as the collector's Prometheus exporter writes them."""
    names: set[str] = set()
    for path in [*ROOT.glob("libs/*/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]:
        for kind, name, unit in _WRITTEN.findall(path.read_text()):
            base = name.replace(".", "_")
            ending = "_total" if kind == "counter" else _UNITS.get(unit, "")
            names |= {
                base + ending + part for part in (("_bucket", "_count", "_sum") if kind == "histogram" else ("",))
            }
    return names


def test_alerts_fire_when_their_tests_say_so() -> None:
    done = tool("promtool", "test", "rules", "merkez.rules_test.yaml", cwd=RULES.parent)
    assert done.returncode == 0 and "SUCCESS" in done.stdout, done.stdout + done.stderr


def test_every_alert_names_metrics_that_somebody_writes_and_says_what_to_do() -> None:
    known = written()
    assert "merkez_telephony_active_calls" in known
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            named = set(re.findall(r"\bmerkez_[a-z_]+", rule["expr"]))
            assert named <= known, f"{rule.get('alert', rule.get('record'))}: {named - known}"
            if "alert" in rule:
                assert rule["labels"]["severity"] in ("page", "ticket")
                assert rule["annotations"]["summary"] and rule["annotations"]["description"]


def test_every_panel_names_metrics_that_somebody_writes() -> None:
    files = list((CHART / "dashboards").glob("*.json"))
    assert files
    for file in files:
        panels = json.loads(file.read_text())["panels"]
        assert panels
        for panel in panels:
            for target in panel.get("targets", []):
                named = set(re.findall(r"\bmerkez_[a-z_]+", target["expr"]))
                assert named and named <= written(), f"{file.name} {panel['title']}: {named - written()}"
