"""Alert rules and dashboards: they fire when they should, and name metrics that the code writes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.charts.conftest import CHART, ROOT, render, tool

RULES = CHART / "alerts" / "merkez.rules.yaml"
BUDGET = "merkez:slo_budget"
_WRITTEN = re.compile(r"""\b(counter|gauge|observed|histogram)\(\s*"(merkez\.[a-z_.]+)"(?:,\s*"([a-z1{}]+)")?""")
_UNITS = {"s": "_seconds", "ms": "_milliseconds", "1": "_ratio"}
"""What the exporter ends names with. A unit in braces only says what is counted (UCUM) and is left out; of a counter
of unit 1 nothing becomes."""


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


@pytest.mark.parametrize("file", sorted(path.name for path in RULES.parent.glob("*.rules_test.yaml")))
def test_alerts_fire_when_their_tests_say_so(file: str) -> None:
    done = tool("promtool", "test", "rules", file, cwd=RULES.parent)
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


def _alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def _recorded() -> set[str]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}


def _levels() -> set[str]:
    """The service levels that have a budget."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {each["labels"]["slo"] for group in groups for each in group["rules"] if each.get("record") == BUDGET}


def test_every_alert_is_tried_when_it_should_fire_and_every_level_when_it_burns() -> None:
    fired, burnt = set[str](), set[str]()
    for path in RULES.parent.glob("*.rules_test.yaml"):
        for case in yaml.safe_load(path.read_text())["tests"]:
            for each in case["alert_rule_test"]:
                fired |= {each["alertname"]} if each["exp_alerts"] else set()
                burnt |= {alert["exp_labels"]["slo"] for alert in each["exp_alerts"] if "slo" in alert["exp_labels"]}
    assert fired == set(_alerts()) and burnt == _levels()


def test_every_service_level_has_its_budget_and_every_window() -> None:
    found = dict[str, set[str]]()
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            if "record" in rule:
                found.setdefault(rule["labels"]["slo"], set()).add(rule["record"])
    wanted = {BUDGET, *(f"merkez:slo_errors:ratio{each}" for each in ("5m", "30m", "1h", "6h", "3d"))}
    assert found and all(records == wanted for records in found.values())
    told = (ROOT / "docs/mechanisms/service-levels.md").read_text()
    assert all(f"| {level} |" in told for level in found)


def test_every_alert_leads_to_a_part_of_a_runbook_that_names_it() -> None:
    for name, rule in _alerts().items():
        path, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        levels = _levels() if "$labels.slo" in anchor else {""}
        for level in levels:
            wanted = anchor.replace("{{ $labels.slo }}", level)
            parts = _parts(ROOT / path)
            assert wanted in parts, f"{name}: {path} has no part {wanted}"
            assert name in parts[wanted] or level, f"{name}: {path}#{wanted} doesn't say that it shows so"
            assert "```" in parts[wanted] or "`" in parts[wanted], f"{path}#{wanted} names no command"


def test_every_part_of_a_runbook_says_how_it_shows_what_people_feel_what_to_do_and_when_it_is_over() -> None:
    files = [each for each in (ROOT / "docs/runbooks").glob("*.md") if each.name != "service-levels.md"]
    assert len(files) > 5
    for path in files:
        for anchor, text in _parts(path).items():
            for said in ("**Shows**", "**People**", "**Do**", "**Over**"):
                assert said in text, f"{path.name}#{anchor} doesn't say {said}"
    index = (ROOT / "docs/runbook.md").read_text()
    for path in (ROOT / "docs/runbooks").glob("*.md"):
        assert f"runbooks/{path.name}" in index
        assert all(f"runbooks/{path.name}#{anchor}" in index for anchor in _parts(path)), (
            f"{path.name} isn't whole there"
        )


def test_an_alert_named_in_a_runbook_is_one() -> None:
    for path in [ROOT / "docs/runbook.md", *(ROOT / "docs/runbooks").glob("*.md")]:
        named = set(re.findall(r"\bMerkez[A-Z]\w+", path.read_text()))
        assert named <= set(_alerts()), f"{path.name}: {named - set(_alerts())}"


def test_runbooks_are_found_where_the_installation_keeps_them() -> None:
    chosen = ("telemetry.rules.runbooks=https://wiki.example.com/merkez/", "telemetry.rules.enabled=true")
    done = render("--values", str(CHART / "ci/production-values.yaml"), *(p for c in chosen for p in ("--set", c)))
    assert done.returncode == 0, done.stderr
    assert "docs/runbooks/" not in done.stdout
    assert 'runbook_url: "https://wiki.example.com/merkez/database.md#the-database-is-away"' in done.stdout


def _parts(path: Path) -> dict[str, str]:
    """The second-level parts of a page by their anchors, as GitHub makes them."""
    found: dict[str, str] = {}
    for part in re.split(r"(?m)^## ", path.read_text())[1:]:
        title, _, text = part.partition("\n")
        found[re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")] = text
    return found


def test_every_panel_names_metrics_that_somebody_writes() -> None:
    files = list((CHART / "dashboards").glob("*.json"))
    assert files
    for file in files:
        panels = json.loads(file.read_text())["panels"]
        assert panels
        for panel in panels:
            for target in panel.get("targets", []):
                named = set(re.findall(r"\bmerkez_[a-z_]+", target["expr"]))
                recorded = set(re.findall(r"\bmerkez:[a-z_:0-9]+", target["expr"]))
                assert (named or recorded) and recorded <= _recorded() and named <= written(), (
                    f"{file.name} {panel['title']}: {named - written()}"
                )
