"""Who is given which secret, and how: what is renewed while pods run is a file; encrypted ways name whom they trust."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import yaml
from chassis.settings import SERVICES, load
from merkez_ops.settings import OpsSettings

from tests.charts.conftest import CHART, COMBINATIONS, containers, objects, render, settings_of

DATABASE = "/etc/merkez/database"


def _env(container: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in container.get("env", [])}


def _sources(spec: dict[str, Any], volume: str) -> dict[str, list[str]]:
    """The secrets of a projected volume, and which of their keys are in it."""
    (found,) = [each for each in spec["volumes"] if each["name"] == volume]
    secrets = [each["secret"] for each in found["projected"]["sources"]]
    return {each["name"]: [item["key"] for item in each["items"]] for each in secrets}


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_a_service_reads_the_databases_password_from_a_file_and_never_the_administrators(combination: str) -> None:
    seen = 0
    for name, spec, container in containers(combination):
        if (service := name.removeprefix("Deployment/merkez-")) not in SERVICES:
            continue
        told = _env(container)
        if service == "gateway":
            assert not [each for each in told if "DATABASE" in each] and "database" not in str(spec["volumes"])
            continue
        seen += 1
        assert told["MERKEZ_DATABASE_PASSWORD_FILE"] == f"{DATABASE}/role-password"
        for url in (told["MERKEZ_DATABASE_URL"], told["MERKEZ_SYSTEM_DATABASE_URL"]):
            assert ":" not in url.partition("://")[2].partition("@")[0], "no password is in it"
        (mount,) = [each for each in container["volumeMounts"] if each["name"] == "database"]
        # A file by subPath is never renewed.
        assert mount == {"name": "database", "mountPath": DATABASE, "readOnly": True}
        assert _sources(spec, "database")["merkez-database"] == ["role-password"]
    assert seen == len(SERVICES) - 1


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_whoever_speaks_to_the_database_holds_it_to_the_authority_that_is_named(combination: str) -> None:
    values = yaml.safe_load((CHART / "ci" / f"{combination}-values.yaml").read_text())
    named = values["database"].get("tls", {}).get("existingSecret", "")
    for _, spec, container in containers(combination):
        told = _env(container)
        if not {"MERKEZ_DATABASE_URL", "MERKEZ_ADMIN_DATABASE_URL", "MERKEZ_ADMIN_DATABASE_URL_FILE"} & set(told):
            continue
        assert told.get("MERKEZ_DATABASE_TLS_AUTHORITY") == (f"{DATABASE}/ca.crt" if named else None)
        if named and container["name"] not in ("migrate", "ops"):
            assert _sources(spec, "database")[named] == ["ca.crt"]
        elif named:
            (volume,) = [each["secret"] for each in spec["volumes"] if each["name"] == "database"]
            assert volume["secretName"] == named and "database" in {each["name"] for each in container["volumeMounts"]}


def test_every_supported_production_encrypts_what_crosses_the_network() -> None:
    for combination in ("production", "two-regions-east", "two-regions-west"):
        values = yaml.safe_load((CHART / "ci" / f"{combination}-values.yaml").read_text())
        assert values["mtls"]["enabled"] and values["database"]["tls"]["existingSecret"], combination


def _collector(*settings: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the collector is told, and its pod."""
    chosen = [argument for each in settings for argument in ("--set", each)]
    done = render("--values", str(CHART / "ci" / "production-values.yaml"), *chosen)
    assert done.returncode == 0, done.stderr
    found = [each for each in yaml.safe_load_all(done.stdout) if each]
    (config,) = [each["data"]["collector.yaml"] for each in found if "collector.yaml" in each.get("data", {})]
    (pod,) = [
        each["spec"]["template"]["spec"]
        for each in found
        if (each["kind"], each["metadata"]["name"]) == ("Deployment", "merkez-collector")
    ]
    return yaml.safe_load(config), pod


def test_traces_leave_the_collector_by_tls_unless_the_address_says_otherwise() -> None:
    config, pod = _collector()
    assert config["exporters"]["otlp"]["tls"]["ca_file"] == "/etc/otel-authority/ca.crt"
    assert {"name": "authority", "mountPath": "/etc/otel-authority", "readOnly": True} in pod["containers"][0][
        "volumeMounts"
    ]
    believed, _ = _collector("telemetry.collector.forwardAuthority.existingSecret=")
    assert believed["exporters"]["otlp"]["tls"] == {"insecure": False}
    plain, _ = _collector("telemetry.collector.forwardTraces=http://tempo:4317")
    assert plain["exporters"]["otlp"]["tls"] == {"insecure": True}
    done = render(
        "--values",
        str(CHART / "ci" / "production-values.yaml"),
        "--set",
        "telemetry.collector.forwardTraces=tempo:4317",
    )
    assert done.returncode != 0 and "telemetry/collector/forwardTraces" in done.stderr, "it must say which of the two"


def test_services_send_to_the_collector_by_tls_where_they_have_certificates() -> None:
    config, pod = _collector()
    shown = config["receivers"]["otlp"]["protocols"]["grpc"]["tls"]
    assert shown["cert_file"].startswith("/etc/otel-tls/") and shown["reload_interval"], "a renewed one is taken up"
    assert {each["name"]: each for each in pod["volumes"]}["tls"]["secret"]["secretName"] == "merkez-collector-tls"
    (made,) = [
        each["spec"]
        for each in objects("production")
        if each["kind"] == "Certificate" and each["spec"]["secretName"] == "merkez-collector-tls"
    ]
    for name, _, container in containers("production"):
        told = _env(container)
        if "MERKEZ_OTLP_ENDPOINT" in told:
            assert told["MERKEZ_OTLP_ENDPOINT"] == "https://merkez-collector:4317", name
            assert told["OTEL_EXPORTER_OTLP_CERTIFICATE"] == "/etc/merkez/tls/ca.crt"
    assert "merkez-collector" in made["dnsNames"], "the name they ask for"
    plain, _ = _collector("mtls.enabled=false", "mtls.certManager.enabled=false")
    assert "tls" not in plain["receivers"]["otlp"]["protocols"]["grpc"]


def test_one_flag_takes_every_disruption_budget_away() -> None:
    def budgets(*settings: str, combination: str) -> set[str]:
        done = render("--values", str(CHART / "ci" / f"{combination}-values.yaml"), *settings)
        found = [each for each in yaml.safe_load_all(done.stdout) if each]
        return {each["metadata"]["name"] for each in found if each["kind"] == "PodDisruptionBudget"}

    wanted = {f"merkez-{each}" for each in (*SERVICES, "nats", "kamailio")}
    assert budgets(combination="sip-edges") == wanted
    assert budgets("--set", "podDisruptionBudget.enabled=false", combination="sip-edges") == set()


def test_the_relay_is_reached_by_browsers_and_reaches_media_and_nothing_else() -> None:
    (policy,) = [
        each["spec"]
        for each in objects("production")
        if (each["kind"], each["metadata"]["name"]) == ("NetworkPolicy", "merkez-coturn")
    ]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    (inward,), (outward,) = policy["ingress"], policy["egress"]
    assert {(each["port"], each["protocol"]) for each in inward["ports"]} == {
        (3478, "UDP"), (3478, "TCP"), (49152, "UDP"),
    }  # fmt: skip
    assert outward["ports"] == [{"port": 20000, "endPort": 20999, "protocol": "UDP"}]


def test_operators_have_a_pod_that_knows_all_that_the_doctor_looks_at() -> None:
    ((_, spec, container),) = [each for each in containers("two-regions-east") if each[2]["name"] == "ops"]
    told = _env(container)
    read = {f"MERKEZ_{each.name.upper()}" for each in fields(OpsSettings)}
    addresses = {f"MERKEZ_{peer.upper()}_ADDRESS" for peer in SERVICES if peer != "gateway"}
    read |= {f"MERKEZ_{each.name.upper()}_FILE" for each in fields(OpsSettings) if each.metadata}
    assert addresses < set(told) <= read | addresses
    looked_at = {
        "ADMIN_DATABASE_URL_FILE",
        "DATABASE_TLS_AUTHORITY",
        "NATS_URL",
        "GATEWAY_URL",
        "PUBLIC_URL",
        "TURN_URLS",
    }
    assert {f"MERKEZ_{each}" for each in looked_at} <= set(told)
    settings = {name: value for name, value in told.items() if value and not value.startswith("/")}
    assert list(load(OpsSettings, environ=settings).wrong()) == []
    mounted = {each["mountPath"] for each in container["volumeMounts"]}
    files = {value.rpartition("/")[0] for value in told.values() if value and value.startswith("/")}
    assert files <= mounted and {each["name"] for each in container["volumeMounts"]} <= {
        each["name"] for each in spec["volumes"]
    }
    assert not [each for each in containers("minimal") if each[2]["name"] == "ops"], "only who wants it has it"


LIVE = {
    "tenancy": (
        "MERKEZ_SMTP_URL",
        "MERKEZ_OIDC_CLIENT_SECRET",
        "MERKEZ_CARRIER_TOKEN",
        "MERKEZ_CARRIER_WEBHOOK_SECRET",
    ),
    "telephony": ("MERKEZ_TURN_SECRET",),
    "billing": ("MERKEZ_STRIPE_API_KEY", "MERKEZ_STRIPE_WEBHOOK_SECRET", "MERKEZ_LAGO_API_KEY"),
}


def test_every_secret_of_others_is_a_file_that_pods_take_up() -> None:
    at = "services.{}.secretEnv.{}"
    given = [(service, name) for service in ("tenancy", "billing") for name in LIVE[service]]
    given = [each for each in given if each[1] not in ("MERKEZ_SMTP_URL", "MERKEZ_OIDC_CLIENT_SECRET")]
    chosen = [
        f"{at.format(*each)}.{key}" for each in given for key in (f"existingSecret=of-{each[0]}", f"key={each[1]}")
    ]
    chosen += [
        "secrets.oidc.existingSecret=merkez-oidc",
        "services.billing.secretEnv.MERKEZ_DATABASE_URL.existingSecret=x",
    ]
    chosen += ["services.billing.secretEnv.MERKEZ_DATABASE_URL.key=y"]
    done = render(
        "--values", str(CHART / "ci/production-values.yaml"), *(part for each in chosen for part in ("--set", each))
    )
    assert done.returncode == 0, done.stderr
    pods = {
        each["metadata"]["name"].removeprefix("merkez-"): each["spec"]["template"]["spec"]
        for each in yaml.safe_load_all(done.stdout)
        if each and each["kind"] == "Deployment"
    }
    for service, names in LIVE.items():
        (container,) = pods[service]["containers"]
        told = {each["name"]: each for each in container["env"]}
        assert {f"{name}_FILE": told[f"{name}_FILE"]["value"] for name in names} == {
            f"{name}_FILE": f"/etc/merkez/given/{name}" for name in names
        }
        assert not set(names) & set(told), "and in no environment"
        (volume,) = [each for each in pods[service]["volumes"] if each["name"] == "given"]
        kept = [item["path"] for each in volume["projected"]["sources"] for item in each["secret"]["items"]]
        assert sorted(kept) == sorted(names)
        # A file by subPath is never renewed.
        assert {"name": "given", "mountPath": "/etc/merkez/given", "readOnly": True} in container["volumeMounts"]
    assert not [each for each in pods["routing"]["volumes"] if each["name"] == "given"]


def test_no_secret_of_a_service_is_left_to_its_start() -> None:
    for service in SERVICES:
        secrets = {
            f"MERKEZ_{each.name.upper()}" for each in fields(settings_of(service)) if each.metadata.get("secret")
        }
        assert secrets - {"MERKEZ_DATABASE_URL", "MERKEZ_SYSTEM_DATABASE_URL"} == set(LIVE.get(service, ())), service
