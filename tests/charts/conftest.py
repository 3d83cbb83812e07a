"""The chart as it comes out for every supported combination."""

from __future__ import annotations

import functools
import importlib
import inspect
import subprocess
from pathlib import Path
from typing import Any

import yaml
from chassis.settings import ProcessSettings

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "merkez"
TOOLS = ROOT / ".cache" / "charts" / "bin"
COMBINATIONS = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))


def tool(name: str, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run one of the tools that `infra/charts/tools.sh` brings."""
    assert (TOOLS / name).exists(), f"{name} isn't there: `make charts` brings what looks at the chart"
    command = [str(TOOLS / name), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


def render(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`helm template` of the chart."""
    return tool("helm", "template", "merkez", str(CHART), "--namespace", "cc", *arguments)


@functools.cache
def rendered(combination: str) -> str:
    """What helm would install."""
    done = render("--values", str(CHART / "ci" / f"{combination}-values.yaml"))
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.cache
def objects(combination: str) -> tuple[dict[str, Any], ...]:
    """Its objects."""
    return tuple(each for each in yaml.safe_load_all(rendered(combination)) if each)


def nats_config(combination: str) -> str:
    """What the chart's NATS is told."""
    return next(each["data"]["nats.conf"] for each in objects(combination) if "nats.conf" in each.get("data", {}))


def containers(combination: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name of the object, its pod's spec, and each container."""
    found: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
    for each in objects(combination):
        spec = each["spec"] if each["kind"] == "Pod" else each.get("spec", {}).get("template", {}).get("spec", {})
        found += [(f"{each['kind']}/{each['metadata']['name']}", spec, one) for one in spec.get("containers", [])]
    return found


def settings_of(service: str) -> type[ProcessSettings]:
    """What a service reads."""
    module = importlib.import_module(f"{service}.settings")
    kinds = [kind for _, kind in inspect.getmembers(module, inspect.isclass) if kind.__module__ == module.__name__]
    return next(kind for kind in kinds if issubclass(kind, ProcessSettings))
