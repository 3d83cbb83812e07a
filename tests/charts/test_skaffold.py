"""skaffold.yaml says what Skaffold knows, and each of its profiles installs a chart that renders."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from chassis.settings import SERVICES

from tests.charts.conftest import CHART, ROOT, render

SCHEMA = json.loads((ROOT / "infra/charts/skaffold.schema.json").read_text())
TOLD = {
    "MERKEZ_TAG": "1.2.3", "MERKEZ_VALUES": str(CHART / "ci" / "production-values.yaml"),
    "IMAGE_TAG_merkez_tenancy": "abc123",
    **{f"IMAGE_TAG_merkez_{each}": f"{each}-4a5b6c" for each in (*SERVICES[1:], "migrate", "kamailio")},
}  # fmt: skip
PROFILES = ("", "deploy", "production")


def _skaffold() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "skaffold.yaml").read_text())


def _problems(found: dict[str, Any]) -> list[str]:
    validator = jsonschema.Draft7Validator(SCHEMA)
    return [f"{'/'.join(map(str, each.absolute_path))}: {each.message}" for each in validator.iter_errors(found)]


def _with_profile(name: str) -> dict[str, Any]:
    """What `skaffold -p NAME` goes by: the profile's own parts in place of the file's, then its patches (RFC 6902)."""
    found = _skaffold()
    for profile in found.pop("profiles"):
        if profile["name"] != name:
            continue
        # Skaffold lays a profile over the file one part below `build` and `deploy`; an empty list or false is no part.
        for part in ("build", "deploy"):
            found[part] = found[part] | {key: value for key, value in profile.get(part, {}).items() if value}
        found["portForward"] = profile.get("portForward") or found["portForward"]
        for patch in profile.get("patches", []):
            assert patch["op"] == "replace", "the others aren't known here"
            *way, last = patch["path"].strip("/").split("/")
            at: Any = found
            for each in way:
                at = at[int(each)] if isinstance(at, list) else at[each]
            assert last in at, f"{patch['path']} isn't there to be replaced"
            at[last] = patch["value"]
    return found


def _filled(text: str) -> str:
    return re.sub(r"\{\{\.(\w+)\}\}", lambda found: TOLD[found[1]], text)


def test_it_says_nothing_that_skaffold_does_not_know() -> None:
    assert _problems(_skaffold()) == []
    assert {each["name"] for each in _skaffold()["profiles"]} | {""} == set(PROFILES)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda it: it.update(apiVersion="skaffold/v9"), "apiVersion"),
        (lambda it: it["build"]["artifacts"][0].update(dockerfile="x"), "build/artifacts/0"),
        (lambda it: it["build"]["artifacts"][0]["docker"].update(args={}), "build/artifacts/0/docker"),
        (lambda it: it["build"]["tagPolicy"].update(envTemplate={"template": "x"}), "build/tagPolicy"),
        (lambda it: it["deploy"]["helm"]["releases"][0].update(values=[]), "deploy/helm/releases/0"),
        (lambda it: it["deploy"]["helm"]["releases"][0].pop("name"), "deploy/helm/releases/0"),
        (lambda it: it["profiles"][0].update(portforward=[]), "profiles/0"),
        (lambda it: it["portForward"][0].update(localPort="8080"), "portForward/0/localPort"),
    ],
)
def test_a_slip_in_it_is_found(spoil: Any, said: str) -> None:
    found = _skaffold()
    spoil(found)
    assert any(each.startswith(said) for each in _problems(found)), _problems(found)


def test_a_commits_name_of_digits_alone_is_no_number_to_helm() -> None:
    told = _skaffold()["build"]["tagPolicy"]["gitCommit"]
    done = render(
        "--values", str(CHART / "ci" / "dev-values.yaml"), "--set", f"image.tag={told.get('prefix', '')}1234567"
    )
    assert done.returncode == 0 and ":git-1234567" in done.stdout, done.stderr


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_is_whole_and_installs_a_chart_that_renders(profile: str) -> None:
    found = _with_profile(profile)
    assert _problems(found) == []
    (release,) = found["deploy"]["helm"]["releases"]
    arguments = [part for each in release["valuesFiles"] for part in ("--values", str(ROOT / _filled(each)))]
    for name, template in release["setValueTemplates"].items():
        arguments += ["--set-string", f"{name}={_filled(template)}"]
    assert (ROOT / release["chartPath"]).resolve() == CHART
    done = render(*arguments)
    assert done.returncode == 0, done.stderr
    ours = set(re.findall(r"image: (?:\S+/)?(merkez-[a-z]+):(\S+)", done.stdout))
    # Without a registry Skaffold names each image by its own content; pushed ones have the tag of all.
    own = {image: TOLD[f"IMAGE_TAG_{image.replace('-', '_')}"] for image, _ in ours}
    tag = TOLD["MERKEZ_TAG" if profile == "deploy" else "IMAGE_TAG_merkez_tenancy"]
    assert {image for image, _ in ours} >= {f"merkez-{service}" for service in (*SERVICES, "migrate")}
    wanted = own if not profile else dict.fromkeys(own, tag)
    assert ours == set(wanted.items()), "what was built is what runs"
    built = {each["image"] for each in found["build"]["artifacts"]}
    assert built == set() if profile == "deploy" else {image for image, _ in ours} <= built
    assert ("hooks" in found["deploy"]["helm"]) == (profile != "production"), "nothing is made there beforehand"


def test_what_is_forwarded_and_run_beforehand_is_there() -> None:
    found = _skaffold()
    done = render("--values", str(CHART / "ci" / "dev-values.yaml"))
    services = {
        each["metadata"]["name"]: {port["port"] for port in each["spec"]["ports"]}
        for each in yaml.safe_load_all(done.stdout)
        if each and each["kind"] == "Service"
    }
    for forward in found["portForward"]:
        assert forward["port"] in services[forward["resourceName"]]
    for hook in found["deploy"]["helm"]["hooks"]["before"]:
        assert Path(ROOT, hook["host"]["command"][1]).exists()
