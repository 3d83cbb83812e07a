"""The chart's network policies let through what the values of each combination name, and its pods say who they are."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.charts.conftest import CHART, COMBINATIONS, containers, objects, render


def _values(combination: str) -> dict[str, Any]:
    return yaml.safe_load((CHART / "ci" / f"{combination}-values.yaml").read_text())


def _policies(found: tuple[dict[str, Any], ...], component: str, way: str) -> list[dict[str, Any]]:
    """Rules of every policy that is for a component's pods, one way."""
    rules = list[dict[str, Any]]()
    for each in found:
        if each["kind"] != "NetworkPolicy":
            continue
        chosen = each["spec"]["podSelector"]
        wanted = chosen["matchLabels"].get("app.kubernetes.io/component", component)
        among = [component in one["values"] for one in chosen.get("matchExpressions", [])]
        if wanted == component and all(among):
            rules += each["spec"].get(way, [])
    return rules


def _open(rules: list[dict[str, Any]], port: int | str, side: str, peer: dict[str, Any] | None) -> bool:
    """Whether a TCP port is let through, to or from everybody or a peer that a rule names."""
    for rule in rules:
        ports = rule.get("ports", [{"port": port}])
        fits = [each for each in ports if each.get("protocol", "TCP") == "TCP" and each["port"] == port]
        if fits and (side not in rule or peer in rule[side]):
            return True
    return False


def _goes(rules: list[dict[str, Any]], port: int) -> bool:
    """Whether a TCP port is let through to anybody outside of the release."""
    ours = [{"app.kubernetes.io/name": "merkez", "app.kubernetes.io/instance": "merkez"}]
    inside = [
        rule
        for rule in rules
        if [each.get("podSelector", {}).get("matchLabels") for each in rule.get("to", [])] == ours
    ]
    return any(each["port"] <= port <= each.get("endPort", each["port"]) and each["protocol"] == "TCP"
               for rule in rules if rule not in inside for each in rule["ports"])  # fmt: skip


def _rendered(*settings: str, combination: str) -> tuple[dict[str, Any], ...]:
    chosen = [argument for each in settings for argument in ("--set", each)]
    done = render("--values", str(CHART / "ci" / f"{combination}-values.yaml"), *chosen)
    assert done.returncode == 0, done.stderr
    return tuple(each for each in yaml.safe_load_all(done.stdout) if each)


def test_prometheus_reads_metrics_and_traces_go_on() -> None:
    found = objects("production")
    assert _open(_policies(found, "collector", "ingress"), "metrics", "from", {"namespaceSelector": {}})
    assert _open(_policies(found, "collector", "egress"), 4317, "to", None)
    assert not _open(_policies(found, "routing", "ingress"), "metrics", "from", {"namespaceSelector": {}})


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_pods_on_machines_addresses_are_let_through_by_those(combination: str) -> None:
    values = _values(combination)
    if not values.get("telephony", {}).get("hostNetwork"):
        assert "merkez-machines" not in {each["metadata"]["name"] for each in objects(combination)}
        return
    for cidr in values["networkPolicy"]["nodeCidrs"]:
        peer = {"ipBlock": {"cidr": cidr}}
        assert _open(_policies(objects(combination), "gateway", "egress"), 7000, "to", peer)
        assert _open(_policies(objects(combination), "routing", "ingress"), 7000, "from", peer)
        assert _open(_policies(objects(combination), "nats", "ingress"), 4222, "from", peer)


def test_ports_are_those_of_the_addresses_given() -> None:
    found = _rendered(
        "nats.url=tls://a.example.com:4443\\,nats://b.example.com",
        "telemetry.otlpEndpoint=https://collector.example.com:14317/",
        combination="external",
    )
    rules = _policies(found, "routing", "egress")
    assert all(_open(rules, port, "to", None) for port in (4443, 4222, 14317))
    assert not _open(rules, 4317, "to", None)


def test_regions_with_a_nats_of_ones_own_reach_each_others_telephony() -> None:
    found = _rendered("regions={eu-central,eu-west}", "networkPolicy.regionCidrs={10.2.0.0/16}", combination="external")
    peer = {"ipBlock": {"cidr": "10.2.0.0/16"}}
    assert _open(_policies(found, "telephony", "ingress"), 7000, "from", peer)
    assert _open(_policies(found, "telephony", "egress"), 7000, "to", peer)


def test_only_what_sends_mail_may_go_to_a_mail_servers_port() -> None:
    found = objects("production")
    for port in (25, 465, 587, 2525):
        assert _open(_policies(found, "tenancy", "egress"), port, "to", None)
        for other in ("flows", "billing", "recording"):
            assert not _goes(_policies(found, other, "egress"), port), f"{other} to {port}"


def test_who_calls_nobody_outside_may_not() -> None:
    everywhere = {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}
    found = objects("production")
    for component, calls in (("flows", True), ("tenancy", True), ("gateway", False), ("routing", False)):
        assert _open(_policies(found, component, "egress"), 443, "to", {"ipBlock": everywhere}) == calls, component
        assert _goes(_policies(found, component, "egress"), 443) == calls, component


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("telephony.hostNetwork=true", "networkPolicy.nodeCidrs is missing"),
        ("regions={local,far}", "networkPolicy.regionCidrs is missing"),
        ("nats.url=,nats.internal.enabled=true,regions={local,far}", "nats.internal.leaf.allowedCidrs is missing"),
        ("nats.url=nats://user:word@nats:4222", "nats/url"),
        ("services.billing.env.MERKEZ_STRIPE_API_KEY=sk_live", "'MERKEZ_STRIPE_API_KEY'"),
        ("telephony.env.MERKEZ_TURN_SECRET=x", "'MERKEZ_TURN_SECRET'"),
        ("telephony.turnUrls=turn:turn.example.com", "secrets.turn.existingSecret is missing"),
        ("nats.url=,nats.internal.enabled=true,nats.internal.replicas=1", "nats.streamReplicas is more than"),
        (
            "recording.storeUrl=,services.recording.replicas=1,services.recording.autoscaling.enabled=true",
            "recording.storeUrl is missing",
        ),
    ],
)
def test_what_would_be_shut_out_or_lost_is_refused_by_name(setting: str, said: str) -> None:
    done = render("--values", str(CHART / "ci" / "minimal-values.yaml"), "--set", setting)
    assert done.returncode != 0 and said in done.stderr, done.stderr


def test_a_key_of_a_cloud_comes_from_a_secret() -> None:
    at = "services.billing.secretEnv.AWS_ACCESS_KEY_ID"
    found = _rendered(f"{at}.existingSecret=merkez-aws", f"{at}.key=id", combination="minimal")
    (pod,) = [
        each["spec"]["template"]["spec"]["containers"][0]
        for each in found
        if each["kind"] == "Deployment" and each["metadata"]["name"] == "merkez-billing"
    ]
    told = {each["name"]: each for each in pod["env"]}
    wanted = {"secretKeyRef": {"name": "merkez-aws", "key": "id"}}
    assert told["AWS_ACCESS_KEY_ID"]["valueFrom"] == wanted


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_the_images_of_ours_can_open_the_master_key_that_is_named(combination: str) -> None:
    told = {each["name"]: each for name, _, one in containers(combination) for each in one.get("env", [])}
    uri = told["MERKEZ_RECORDING_MASTER_KEY_URI"]["value"]
    assert uri == "" or uri.startswith("file:///etc/merkez/recording/"), "the images hold no KMS client"


def test_browsers_are_told_of_a_stun_server_that_needs_no_secret() -> None:
    found = _rendered("telephony.turnUrls=stun:stun.example.com:3478", combination="minimal")
    (pod,) = [
        each["spec"]["template"]["spec"]["containers"][0]
        for each in found
        if each["kind"] == "Deployment" and each["metadata"]["name"] == "merkez-telephony"
    ]
    told = {each["name"]: each.get("value") for each in pod["env"]}
    assert told["MERKEZ_TURN_URLS"] == "stun:stun.example.com:3478" and "MERKEZ_TURN_SECRET" not in told


def test_metrics_name_the_pod_they_are_of() -> None:
    ((_, _, container),) = [each for each in containers("production") if each[2]["name"] == "telephony"]
    told = {each["name"]: each for each in container["env"]}
    names = list(told)
    assert told["METRICS_POD"]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert "k8s.pod.name=$(METRICS_POD)" in told["OTEL_RESOURCE_ATTRIBUTES"]["value"]
    assert names.index("METRICS_POD") < names.index("OTEL_RESOURCE_ATTRIBUTES"), "or it isn't put in"


def test_helm_test_is_pulled_as_everything_else_is() -> None:
    found = _rendered("image.pullSecrets={registry}", combination="production")
    (pod,) = [each for each in found if each["kind"] == "Pod"]
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
