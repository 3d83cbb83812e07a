"""What pods of the chart may do, what they need to start, and that what reaches them has the address it came from."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from telephony.live import pod_worker

from tests.charts.conftest import CHART, COMBINATIONS, containers, objects, render


def _rendered(*settings: str, combination: str) -> list[dict[str, Any]]:
    chosen = [argument for each in settings for argument in ("--set", each)]
    done = render("--values", str(CHART / "ci" / f"{combination}-values.yaml"), *chosen)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def _spec(found: list[dict[str, Any]] | tuple[dict[str, Any], ...], kind: str, name: str) -> dict[str, Any]:
    (spec,) = [each["spec"] for each in found if (each["kind"], each["metadata"]["name"]) == (kind, f"merkez-{name}")]
    return spec


def test_the_relay_may_be_started_by_the_kernel() -> None:
    # Its program bears cap_net_bind_service with the effective bit: without it in the bounding set execve says EPERM.
    (container,) = _spec(objects("production"), "DaemonSet", "coturn")["template"]["spec"]["containers"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}
    added = [
        name
        for combination in COMBINATIONS
        for name, _, each in containers(combination)
        if "add" in each["securityContext"]["capabilities"]
    ]
    assert set(added) == {"DaemonSet/merkez-coturn"}, "nobody else has any"
    assert container["command"] == ["turnserver"], "the image's entry point would let a shell read the secret"


def test_a_telephony_pod_cannot_make_another_pod_run_something_else() -> None:
    # `patch` of a pod may change its image, and so run as whoever that pod is; its status subresource keeps the spec.
    (role,) = [each for each in objects("production") if each["kind"] == "Role"]
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods/status"], "verbs": ["patch"]}]
    assert "patch_namespaced_pod_status" in pod_worker.write.__code__.co_names


@pytest.mark.parametrize("combination", ["two-regions-east", "two-regions-west"])
def test_the_networks_that_may_join_are_still_told_apart_behind_the_load_balancer(combination: str) -> None:
    found = _rendered("nats.internal.leaf.service.enabled=true", combination=combination)
    cidrs = yaml.safe_load((CHART / "ci" / f"{combination}-values.yaml").read_text())["nats"]["internal"]["leaf"]
    leaf = _spec(found, "Service", "nats-leaf")
    # By default a node sends packets on as its own: the policy would shut the other region out, or let everybody in.
    assert leaf["externalTrafficPolicy"] == "Local"
    assert leaf["loadBalancerSourceRanges"] == cidrs["allowedCidrs"]
    inner = _rendered(
        "nats.internal.leaf.service.enabled=true", "nats.internal.leaf.service.type=ClusterIP", combination=combination
    )
    assert not {"externalTrafficPolicy", "loadBalancerSourceRanges"} & set(_spec(inner, "Service", "nats-leaf"))


@pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
def test_guessed_passwords_are_counted_by_who_guesses_and_not_by_the_node_they_came_through(kind: str) -> None:
    found = _rendered(f"gateway.service.type={kind}", combination="minimal")
    assert _spec(found, "Service", "gateway")["externalTrafficPolicy"] == "Local"
    assert "externalTrafficPolicy" not in _spec(list(objects("minimal")), "Service", "gateway")
    pod = _spec(found, "Deployment", "gateway")["template"]["spec"]
    before = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert before >= 20, "until the balancer has seen that the node has no pod any more people still come"
    assert pod["terminationGracePeriodSeconds"] >= 30 + before + 5


def test_every_image_is_pulled_from_a_registry_that_asks_who_it_is() -> None:
    for combination in ("production", "sip-edges"):
        found = _rendered("image.pullSecrets={registry}", combination=combination)
        for each in found:
            pod = each["spec"] if each["kind"] == "Pod" else each.get("spec", {}).get("template", {}).get("spec", {})
            if pod.get("containers"):
                assert pod["imagePullSecrets"] == [{"name": "registry"}], f"{each['kind']}/{each['metadata']['name']}"


@pytest.mark.parametrize("combination", [each for each in COMBINATIONS if each not in ("minimal", "dev")])
def test_no_pod_waits_for_an_account_that_nobody_makes(combination: str) -> None:
    for settings in ((), ("serviceAccount.create=false",)):
        found = _rendered(*settings, combination=combination)
        made = {each["metadata"]["name"] for each in found if each["kind"] == "ServiceAccount"} | {"default"}
        for each in found:
            pod = each.get("spec", {}).get("template", {}).get("spec", {}) if each["kind"] != "Pod" else each["spec"]
            assert pod.get("serviceAccountName", "default") in made, each["metadata"]["name"]


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_a_pod_whose_disk_goes_with_it_waits_until_recording_has_what_lies_there(combination: str) -> None:
    spec = _spec(objects(combination), "Deployment", "telephony")["template"]["spec"]
    (volume,) = [each for each in spec["volumes"] if each["name"] == "data"]
    told = {each["name"]: each.get("value") for each in spec["containers"][0]["env"]}
    assert "emptyDir" in volume and told["MERKEZ_DATA_STAYS"] == "false"


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_on_a_machines_own_network_services_are_asked_at_the_address_that_neighbours_know(combination: str) -> None:
    spec = _spec(objects(combination), "Deployment", "telephony")["template"]["spec"]
    told = {each["name"]: each.get("value") for each in spec["containers"][0]["env"]}
    assert told["MERKEZ_GRPC_HOST"] == ("$(POD_IP)" if spec.get("hostNetwork") else "0.0.0.0")
    assert list(told).index("POD_IP") < list(told).index("MERKEZ_GRPC_HOST"), "or it isn't put in"


def test_operators_reach_every_relay_that_browsers_are_told_of() -> None:
    urls = "turns:turn.example.com?transport=tcp\\,turn:turn.example.com:3479\\,turns:[2001:db8::1]:5350"
    found = _rendered(f"telephony.turnUrls={urls}", "publicUrl=https://cc.example.com:8443", combination="production")
    (rule,) = _spec(found, "NetworkPolicy", "ops")["egress"]
    opened = {(each["port"], each["protocol"]) for each in rule["ports"]}
    wanted = {(port, way) for port in (5349, 3479, 5350) for way in ("UDP", "TCP")} | {(8443, "TCP")}
    assert opened == wanted
    # A rule without ports would open all of them.
    neither = _rendered(
        "telephony.turnUrls=",
        "publicUrl=",
        "secrets.turn.existingSecret=",
        "coturn.enabled=false",
        combination="production",
    )
    assert not [each for each in neither if (each["kind"], each["metadata"]["name"]) == ("NetworkPolicy", "merkez-ops")]


def test_whoever_looks_after_streams_keeps_them_as_often_as_services_do() -> None:
    for combination, copies in (("production", "3"), ("two-regions-east", "3")):
        (container,) = _spec(objects(combination), "Deployment", "ops")["template"]["spec"]["containers"]
        told = {each["name"]: each.get("value") for each in container["env"]}
        assert told["MERKEZ_STREAM_REPLICAS"] == copies, combination
