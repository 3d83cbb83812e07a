"""What of the cluster test needs no cluster: the chart in words of 1.20, and names as Kubernetes' DNS answers them."""

from __future__ import annotations

import copy
from typing import Any

from tests.charts.conftest import objects
from tests.cluster.downgrade import PROBE, STORE, downgraded
from tests.cluster.names import Names


def _containers(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    specs = [each["spec"].get("template", {}).get("spec", {}) for each in found if "spec" in each]
    return [container for spec in specs for container in spec.get("containers", [])]


def test_the_chart_is_said_in_words_of_1_20_and_asks_the_same_of_its_processes() -> None:
    chart = objects("production")
    found = [downgraded(copy.deepcopy(each), "/probe", "/store") for each in chart]
    versions = {each["kind"]: each["apiVersion"] for each in found}
    assert versions["PodDisruptionBudget"] == "policy/v1beta1"
    assert versions["HorizontalPodAutoscaler"] == "autoscaling/v2beta2"
    probes = 0
    for before, after in zip(_containers(list(chart)), _containers(found), strict=True):
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            told = after.get(kind, {})
            assert "grpc" not in told
            if grpc := before.get(kind, {}).get("grpc"):
                probes += 1
                assert told["exec"]["command"] == [f"{PROBE}/grpc-probe", f"127.0.0.1:{grpc['port']}"]
                assert told["periodSeconds"] == before[kind]["periodSeconds"]
        stop = before.get("lifecycle", {}).get("preStop", {})
        if "sleep" in stop:
            assert after["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", str(stop["sleep"]["seconds"])]
        assert (before["image"], before.get("env")) == (after["image"], after.get("env"))
    assert probes >= 9
    stores = [each for each in _containers(found) if any(m["mountPath"] == STORE for m in each.get("volumeMounts", ()))]
    assert [each["name"] for each in stores] == ["recording"]


def _object(name: str, **more: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "cc", "name": name}, **more}


def test_a_headless_name_is_its_ready_pods_and_any_other_its_cluster_address() -> None:
    names = Names()
    names.take("services", "ADDED", _object("routing", spec={"clusterIP": "None"}))
    names.take("services", "ADDED", _object("gateway", spec={"clusterIP": "10.0.0.9"}))
    ready = [{"ip": "10.1.0.2"}, {"ip": "10.1.0.3", "hostname": "routing-1"}]
    subset = {"addresses": ready, "notReadyAddresses": [{"ip": "10.1.0.4"}]}
    names.take("endpoints", "ADDED", _object("routing", subsets=[subset]))
    assert names.addresses("routing.cc.svc.cluster.local.") == ["10.1.0.2", "10.1.0.3"]
    assert names.addresses("routing-1.routing.cc.svc.cluster.local.") == ["10.1.0.3"]
    assert names.addresses("gateway.cc.svc.cluster.local.") == ["10.0.0.9"]
    for nobody in ("routing.other.svc.cluster.local.", "x.routing.cc.svc.cluster.local.", "routing.example.com.", "."):
        assert names.addresses(nobody) is None
    names.take("endpoints", "DELETED", _object("routing"))
    assert names.addresses("routing.cc.svc.cluster.local.") == []
    names.take("services", "DELETED", _object("routing"))
    assert names.addresses("routing.cc.svc.cluster.local.") is None
