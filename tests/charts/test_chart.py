"""charts/merkez: it renders, Kubernetes would take it, and it says what the code reads."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from chassis.regions import KEPT_AT_HOME
from chassis.schemas import services_with_migrations
from chassis.settings import SERVICES

from tests.charts.conftest import (
    CHART,
    COMBINATIONS,
    ROOT,
    containers,
    nats_config,
    objects,
    render,
    rendered,
    settings_of,
    tool,
)

MINIMAL = ("--values", str(CHART / "ci" / "minimal-values.yaml"))


def test_kubernetes_takes_every_supported_combination(tmp_path: Path) -> None:
    files, count = list[str](), 0
    for combination in COMBINATIONS:
        # What a cluster learns from Prometheus' operator and cert-manager has no schema in Kubernetes itself.
        learned = ("monitoring.coreos.com/", "cert-manager.io/")
        kept = [each for each in objects(combination) if not each["apiVersion"].startswith(learned)]
        (tmp_path / f"{combination}.yaml").write_text(yaml.safe_dump_all(kept))
        files.append(str(tmp_path / f"{combination}.yaml"))
        count += len(kept)
    done = tool("kubernetes-validate", "-k", "1.33", "--strict", *files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count("passed for resource") == count > 200


def test_every_policy_holds_but_for_those_left_out_with_a_reason(tmp_path: Path) -> None:
    left_out = yaml.safe_load((ROOT / "infra/charts/policies.yaml").read_text())
    for combination in COMBINATIONS:
        (tmp_path / f"{combination}.yaml").write_text(rendered(combination))
    done = tool(
        "checkov", "--skip-download", "--framework", "kubernetes", "--compact", "--quiet", "--output", "json",
        "--skip-check", ",".join(left_out), "--directory", str(tmp_path),
    )  # fmt: skip
    found = json.loads(done.stdout)
    failed = [
        f"{each['file_path']}: {each['check_id']} {each['resource']}" for each in found["results"]["failed_checks"]
    ]
    assert failed == [] and found["summary"]["passed"] > 3000


def test_every_combination_of_the_readme_has_values() -> None:
    readme = (CHART / "README.md").read_text()
    assert all(f"`{each}`" in readme for each in COMBINATIONS) and len(COMBINATIONS) == 7


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_every_service_runs_and_can_be_found(combination: str) -> None:
    deployed = {each["metadata"]["name"] for each in objects(combination) if each["kind"] == "Deployment"}
    found = {each["metadata"]["name"] for each in objects(combination) if each["kind"] == "Service"}
    wanted = {f"merkez-{service}" for service in SERVICES}
    assert wanted <= deployed and wanted <= found


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_what_a_container_is_told_is_what_its_service_reads(combination: str) -> None:
    for name, _, container in containers(combination):
        service = name.removeprefix("Deployment/merkez-")
        if service not in SERVICES:
            continue
        read = {f"MERKEZ_{each.name.upper()}" for each in fields(settings_of(service))}
        read |= {f"MERKEZ_{peer.upper()}_ADDRESS" for peer in SERVICES}
        read |= {f"MERKEZ_{each.name.upper()}_FILE" for each in fields(settings_of(service)) if each.metadata}
        told = {each["name"] for each in container["env"] if each["name"].startswith("MERKEZ_")}
        assert told <= read, f"{name} is told what nothing reads: {told - read}"


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_no_pod_is_stopped_before_it_has_drained(combination: str) -> None:
    for name, spec, container in containers(combination):
        drain = [each["value"] for each in container.get("env", []) if each["name"] == "MERKEZ_DRAIN_SECONDS"]
        before = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        for seconds in drain:
            assert spec["terminationGracePeriodSeconds"] >= int(seconds) + before + 5, name


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_no_service_is_ended_because_a_neighbour_is_away(combination: str) -> None:
    for name, _, container in containers(combination):
        if container["name"] in SERVICES:
            alive = container["livenessProbe"]
            assert "tcpSocket" in alive or alive["httpGet"]["path"] == "/healthz", name
            assert container["readinessProbe"] != alive, name


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_no_secret_is_written_into_an_object(combination: str) -> None:
    assert not [each for each in objects(combination) if each["kind"] == "Secret"]
    for name, _, container in containers(combination):
        for each in container.get("env", []):
            if each["name"].endswith("_FILE"):
                assert each["value"].startswith("/etc/merkez/"), f"{name}: {each['name']}"
            elif re.search("PASSWORD|SECRET|ADMIN_DATABASE|SMTP_URL", each["name"]):
                assert "secretKeyRef" in each.get("valueFrom", {}), f"{name}: {each['name']}"


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_every_image_says_which_version(combination: str) -> None:
    for name, _, container in containers(combination):
        assert re.search(r":[^:/]*[0-9][^:/]*$", container["image"]), f"{name}: {container['image']}"


def test_migrations_run_before_anything_new_starts() -> None:
    (job,) = [each for each in objects("production") if each["kind"] == "Job"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert services_with_migrations()


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("telephony.replica=3", "additional properties 'replica' not allowed"),
        ("image.tag=latest", "image/tag"),
        ("database.port=70000", "database/port"),
        ("nats.streamReplicas=2", "nats/streamReplicas"),
        ("services.routing.env.PATH=x", "services/routing"),
        ("telemetry.serviceMonitor.enabled=true", "needs telemetry.collector.enabled=true"),
        ("database.host=", "database.host is missing"),
        ("gateway.ingress.enabled=true", "gateway.ingress.host is missing"),
        ("mtls.enabled=true,mtls.certManager.enabled=true", "mtls.certManager.issuer.name is missing"),
        ("recording.storeUrl=", "recording.storeUrl is missing"),
        ("nats.internal.enabled=true", "nats.url names a NATS of yours"),
        ("kamailio.enabled=true", "kamailio.enabled needs telephony.sip.enabled=true"),
        ("kamailio.enabled=true,telephony.sip.enabled=true", "kamailio.edges is missing"),
        ("kamailio.edges={edge.example.com}", "kamailio/edges"),
        ("kamailio.limits.REQUESTS=3", "kamailio/limits"),
    ],
)
def test_values_that_cannot_work_are_refused_by_name(setting: str, said: str) -> None:
    done = render(*MINIMAL, "--set", setting)
    assert done.returncode != 0 and said in done.stderr, done.stderr


def test_empty_values_say_what_is_missing_first() -> None:
    done = render()
    assert done.returncode != 0 and "is missing" in done.stderr


def test_each_service_proves_who_it_is_by_a_certificate_of_its_own() -> None:
    made = {each["spec"]["secretName"]: each["spec"] for each in objects("production") if each["kind"] == "Certificate"}
    for name, spec, container in containers("production"):
        service = name.removeprefix("Deployment/merkez-")
        if service not in SERVICES:
            continue
        mounted = {each["name"]: each.get("secret", {}).get("secretName") for each in spec["volumes"]}
        assert f"{service}.merkez.internal" in made[mounted["tls"]]["dnsNames"], name
        told = {each["name"]: each.get("value") for each in container["env"]}
        assert told["MERKEZ_NATS_URL"].startswith("tls://")
        assert told["MERKEZ_TLS_KEY"].startswith("/etc/merkez/tls/")
        if service != "gateway":  # kubelets can't show a certificate
            health = int(told["MERKEZ_HEALTH_PORT"])
            assert (
                container["readinessProbe"]["grpc"]["port"] == container["livenessProbe"]["tcpSocket"]["port"] == health
            )
    assert "merkez-nats" in made["merkez-nats-tls"]["dnsNames"]


def test_secrets_of_ones_own_are_taken_where_no_cert_manager_is() -> None:
    done = render(*MINIMAL, "--set", "mtls.enabled=true")
    assert done.returncode == 0, done.stderr
    found = [each for each in yaml.safe_load_all(done.stdout) if each]
    assert not [each for each in found if each["kind"] == "Certificate"]
    assert "secretName: merkez-routing-tls" in done.stdout


def test_a_telephony_pod_knows_its_name_and_may_patch_pods_and_nothing_else() -> None:
    ((_, _, container),) = [each for each in containers("production") if each[2]["name"] == "telephony"]
    assert {"MERKEZ_POD_NAME", "MERKEZ_POD_NAMESPACE"} <= {each["name"] for each in container["env"]}
    (role,) = [each for each in objects("production") if each["kind"] == "Role"]
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods/status"], "verbs": ["patch"]}]


def test_media_pods_keep_their_ports_and_have_no_cpu_limit() -> None:
    ((_, spec, container),) = [each for each in containers("production") if each[2]["name"] == "telephony"]
    assert spec["hostNetwork"] and "cpu" not in container["resources"]["limits"]
    assert spec["automountServiceAccountToken"], "it may write its calls on its own pod"


def test_skaffold_builds_what_the_chart_runs() -> None:
    skaffold: dict[str, Any] = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
    built = {each["image"] for each in skaffold["build"]["artifacts"]}
    assert built == {f"merkez-{service}" for service in (*SERVICES, "migrate", "kamailio")}
    used = {each[2]["image"].split(":")[0] for name in ("dev", "sip-edges") for each in containers(name)}
    assert {image for image in used if image.startswith("merkez-")} == built
    for each in skaffold["build"]["artifacts"]:
        assert (ROOT / each["context"] / each["docker"]["dockerfile"]).exists()
        if each["image"] != "merkez-kamailio":
            assert each["docker"]["buildArgs"]["SERVICE"] == each["image"].removeprefix("merkez-")
    (release,) = skaffold["deploy"]["helm"]["releases"]
    for file in (release["chartPath"], *release["valuesFiles"]):
        assert (ROOT / file).exists()


def test_make_images_builds_what_the_chart_runs() -> None:
    refused = subprocess.run(["bash", ROOT / "infra/docker/images.sh", "nothing"], capture_output=True, text=True)
    assert refused.returncode == 2
    assert set(refused.stderr.partition("there are: ")[2].split()) == {*SERVICES, "migrate", "kamailio"}


def test_two_regions_are_joined_so_that_facts_stay_in_their_own_streams() -> None:
    for combination, remotes in (("two-regions-east", 0), ("two-regions-west", 1)):
        config = nats_config(combination)
        denied = re.findall(r"deny_(?:imports|exports): \[(.*)\]", config)
        assert len(denied) == 2 * remotes and all(json.loads(f"[{each}]") == list(KEPT_AT_HOME) for each in denied)
        assert "leafnodes" in config and len(re.findall(r"url: ", config)) == remotes
        for name, _, container in containers(combination):
            told = {each["name"]: each.get("value") for each in container.get("env", [])}
            if "MERKEZ_REGION" in told:
                assert told["MERKEZ_REGIONS"] == "eu-central,eu-west"
                assert told["MERKEZ_NATS_URL"] == "tls://merkez-nats:4222", "no fact goes to another region's stream"
            if name == "Job/merkez-migrate":
                assert told["MERKEZ_DATABASE_REGIONS"] == "eu-central,eu-west,eu-north"
