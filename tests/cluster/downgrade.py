"""What the chart says to Kubernetes 1.30 and newer, said to 1.20: Helm's post-renderer in the cluster test alone.

The same pods with the same orders to their processes; only what 1.20 has no word for is said otherwise:

- PodDisruptionBudgets and HorizontalPodAutoscalers by the versions of then,
- gRPC probes by a program that asks the same (infra/cluster/probe), a pause before the stop by `sleep`,
- recording's store is a folder of this machine that its pods share, as they share a bucket elsewhere
  (no matter of versions: there is no bucket here),
- network policies without ranges of ports (and nobody enforces them: the nodes have Docker's own network).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import yaml

PROBE = "/merkez-probe"
"""Where the probe's folder is mounted in each container that is asked by gRPC."""
STORE = "/recordings"

Object = dict[str, Any]


def downgraded(found: Object, probe: str, store: str) -> Object:
    """One object as 1.20 takes it; `probe` is the folder of grpc-probe on the nodes, `store` that of recordings."""
    if change := _OF_KIND.get(found["kind"]):
        change(found)
    spec = found["spec"] if found["kind"] == "Pod" else found.get("spec", {}).get("template", {}).get("spec")
    if spec:
        _pod(spec, probe)
    if found["kind"] == "Deployment" and found["metadata"]["name"].endswith("-recording"):
        (container,) = spec["containers"]
        spec["volumes"].append({"name": "store", "hostPath": {"path": store, "type": "Directory"}})
        container["volumeMounts"].append({"name": "store", "mountPath": STORE})
    return found


def _budget(found: Object) -> None:
    found["apiVersion"] = "policy/v1beta1"
    found["spec"].pop("unhealthyPodEvictionPolicy", None)


def _autoscaler(found: Object) -> None:
    found["apiVersion"] = "autoscaling/v2beta2"


def _policy(found: Object) -> None:
    for way in ("ingress", "egress"):
        for rule in found["spec"].get(way, ()):
            for port in rule.get("ports", ()):
                port.pop("endPort", None)


_OF_KIND: dict[str, Callable[[Object], None]] = {
    "PodDisruptionBudget": _budget,
    "HorizontalPodAutoscaler": _autoscaler,
    "NetworkPolicy": _policy,
}


def _pod(spec: Object, probe: str) -> None:
    asked = [container for container in spec["containers"] if _container(container)]
    if asked:
        spec.setdefault("volumes", []).append({"name": "grpc-probe", "hostPath": {"path": probe, "type": "Directory"}})
    for container in asked:
        container.setdefault("volumeMounts", []).append(
            {"name": "grpc-probe", "mountPath": PROBE, "readOnly": True}
        )  # fmt: skip


def _container(container: Object) -> bool:
    """Whether it is asked by gRPC."""
    asked = False
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        told = container.get(kind, {})
        if grpc := told.pop("grpc", None):
            told["exec"] = {"command": [f"{PROBE}/grpc-probe", f"127.0.0.1:{grpc['port']}"]}
            asked = True
    stop = container.get("lifecycle", {}).get("preStop", {})
    if pause := stop.pop("sleep", None):
        stop["exec"] = {"command": ["sleep", str(pause["seconds"])]}
    return asked


def main() -> None:
    """What Helm gives on standard input, downgraded."""
    found = [each for each in yaml.safe_load_all(sys.stdin) if each]
    yaml.safe_dump_all([downgraded(each, *sys.argv[1:3]) for each in found], sys.stdout, sort_keys=False)


if __name__ == "__main__":
    main()
