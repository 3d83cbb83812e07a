"""The chart's Kamailio: telephony believes it and nobody else, and it is told what infra/kamailio reads."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from chassis.settings import load
from telephony.settings import TelephonySettings

from tests.charts.conftest import CHART, ROOT, containers, objects, render

KAMAILIO = ROOT / "infra" / "kamailio"
COMBINATION = "sip-edges"
_FOUND = shutil.which("kamailio", path="/usr/sbin:/usr/bin:/usr/local/sbin")


def _object(kind: str, name: str) -> dict[str, Any]:
    (found,) = [
        each for each in objects(COMBINATION) if (each["kind"], each["metadata"]["name"]) == (kind, f"merkez-{name}")
    ]
    return found


def _told(service: str) -> dict[str, str]:
    ((_, _, container),) = [each for each in containers(COMBINATION) if each[2]["name"] == service]
    return {each["name"]: each.get("value", "") for each in container["env"]}


def test_telephony_is_told_of_the_edges_where_it_reaches_them_and_what_the_world_calls_them() -> None:
    told = _told("telephony")
    assert told["MERKEZ_SIP_EDGES"] == "10.0.1.5:5060=203.0.113.5:5060,10.0.1.6:5060=203.0.113.6:5060"
    environ = {name: value.replace("$(POD_IP)", "10.0.2.7") for name, value in told.items() if "SIP" in name}
    problems = [each for each in load(TelephonySettings, service="telephony", environ=environ).wrong() if "SIP" in each]
    assert problems == []


def test_nobody_but_an_edge_reaches_telephonys_sip_port() -> None:
    (rule,) = [
        each for each in _object("NetworkPolicy", "telephony")["spec"]["ingress"] if each["ports"][0]["port"] == 5070
    ]
    assert [each["ipBlock"]["cidr"] for each in rule["from"]] == ["10.0.1.5/32", "10.0.1.6/32"]


def test_an_edge_follows_every_node_that_holds_calls_also_those_that_drain() -> None:
    service = _object("Service", "telephony-sip")["spec"]
    assert service["publishNotReadyAddresses"] and service["clusterIP"] == "None"
    assert service["selector"]["app.kubernetes.io/component"] == "telephony"
    told = _told("kamailio")
    assert told["EDGE_NODES"] == "merkez-telephony-sip" and told["EDGE_NODES_PORT"] == "5070"


def test_an_edge_runs_on_each_named_machine_and_is_told_what_its_script_reads() -> None:
    spec = _object("Deployment", "kamailio")["spec"]
    pod = spec["template"]["spec"]
    assert spec["replicas"] == 2 and pod["hostNetwork"] and pod["nodeSelector"] == {"merkez.io/edge": "true"}
    read = set(re.findall(r"\bEDGE\w*", (KAMAILIO / "edge.sh").read_text()))
    both = [pod["initContainers"][0], pod["containers"][0]]
    assert [each["command"] for each in both] == [["edge", "nodes"], ["edge", "run"]]
    for each in both:
        assert {one["name"] for one in each["env"]} <= read
        assert each["securityContext"]["readOnlyRootFilesystem"]


@pytest.mark.skipif(_FOUND is None, reason="Kamailio is missing: `make peers` brings it")
def test_what_the_chart_writes_is_a_site_kamailio_understands(tmp_path: Path) -> None:
    site = _object("ConfigMap", "kamailio")["data"]
    for file, text in (site | {"kamailio.cfg": (KAMAILIO / "kamailio.cfg").read_text()}).items():
        (tmp_path / file).write_text(
            text.replace("/etc/kamailio/", f"{tmp_path}/").replace("/run/kamailio", str(tmp_path))
        )
    (tmp_path / "nodes.list").write_text("1 sip:10.0.2.7:5070;transport=udp 0 0\n")
    assert _FOUND is not None
    done = subprocess.run(
        [_FOUND, "-c", "-f", str(tmp_path / "kamailio.cfg"), "-Y", str(tmp_path), "-l", "udp:127.0.0.1:5060"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0 and "config file ok" in done.stdout + done.stderr, done.stderr


def test_limits_are_those_that_the_configuration_knows() -> None:
    known = set(re.findall(r"^#!trydef (\w+)", (KAMAILIO / "kamailio.cfg").read_text(), re.MULTILINE))
    told = re.findall(r"^#!define (\w+)", _object("ConfigMap", "kamailio")["data"]["site.cfg"], re.MULTILINE)
    assert set(told) - {"NODES_LIST", "CARRIERS_LIST", "WITH_TLS", "TLS_CONFIG"} <= known
    for name in known:
        done = render(
            "--values", str(CHART / "ci" / f"{COMBINATION}-values.yaml"), "--set", f"kamailio.limits.{name}=7"
        )
        assert done.returncode == 0 and f"#!define {name} 7" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("telephony.sip.edges=10.0.0.1:5060", "leave it empty with kamailio.enabled"),
        ("telephony.sip.tlsSecret=mine", "has no use with kamailio.enabled"),
    ],
)
def test_two_masters_of_the_edges_are_refused(setting: str, said: str) -> None:
    done = render("--values", str(CHART / "ci" / f"{COMBINATION}-values.yaml"), "--set", setting)
    assert done.returncode != 0 and said in done.stderr
