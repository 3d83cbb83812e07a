"""The chart on Kubernetes nodes: installed with its migrations, tested, upgraded and rolled back under calls, drained.

Kubernetes 1.20 as Debian has its source, two nodes on this machine, real pods of the images that `make images` makes.
`make test-cluster`; root, minutes, not in CI. Prints one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections import Counter
from functools import partial
from typing import Any

import pytest
from chassis.settings import SERVICES
from testkit.company import Company
from testkit.waiting import eventually

from tests.cluster.machines import Node
from tests.cluster.people import Requests, Traffic, requests
from tests.cluster.release import NAME, NEXT, TAG, Release
from tests.flows.test_inbound_call import cdrs_of
from tests.flows.test_partner import key_of

CALLS = 4
COMPONENTS = SERVICES
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"

pytestmark = [
    pytest.mark.skipif(os.environ.get("MERKEZ_TEST_CLUSTER") != "1", reason="makes a cluster: make test-cluster"),
    pytest.mark.timeout(3600),
    pytest.mark.asyncio(loop_scope="session"),
]


async def test_a_region_is_installed_tested_upgraded_rolled_back_and_its_node_drained_and_no_call_is_dropped(
    release: Release,
) -> None:
    line: dict[str, Any] = {}
    try:
        await _life(release, line)
    finally:
        print(json.dumps(line))


async def _life(release: Release, line: dict[str, Any]) -> None:
    line["install_s"] = round(await release.install(), 1)
    line["pods"] = len(release.pods())
    gateway = release.address(f"{NAME}-gateway")
    company = await (await Company.sign_up(f"http://{gateway}")).set_up()
    await company.subscribe("scale")
    key = await key_of(company, ["queues.read"])

    # The probe's brand is named by an upgrade that changes no pod.
    before = {each["metadata"]["uid"] for each in release.pods()}
    widget = f"tests.widgetKey={company.brand['widgetKey']}"
    line["set_s"] = round(await release.upgrade(TAG, widget), 1)
    assert before <= {each["metadata"]["uid"] for each in release.pods()}, "a setting of tests replaces no pod"
    line["helm_test_s"] = round(await release.test(), 1)
    made = await eventually(lambda: _cdrs(company))
    assert [each["endCause"] for each in made] == ["NORMAL"], "the synthetic call went through the company's number"

    traffic = Traffic(company)
    await traffic.talk(CALLS)
    line["calls_live"] = CALLS
    await eventually(partial(_calls_on_pods, release), deadline=60, every=1)
    told: list[Requests] = []
    dropped: set[str] = set()
    for step, act in (
        ("upgrade_s", lambda: release.upgrade(NEXT, widget)),
        ("rollback_s", release.rollback),
        ("drain_s", partial(_drain, release, line)),
    ):
        async with requests(company, f"{gateway}:8081", key) as found:
            line[step] = round(await act(), 1)
        told.append(found)
        dropped |= set(await traffic.dropped())
        line |= {"calls_dropped": len(dropped), "rpcs": sum(each.asked for each in told),
                 "rpcs_failed": sum(len(each.failed) for each in told), "calls_new": sum(each.calls for each in told),
                 "calls_new_failed": sum(len(each.calls_failed) for each in told)}  # fmt: skip
        for each in (*found.failed, *found.calls_failed, *(f"{call} was dropped" for call in sorted(dropped))):
            print(f"{step}: {each}")
        _images_are(release, NEXT if step == "upgrade_s" else TAG)
    await traffic.hang_up()
    for each in traffic.conversations:
        cdrs = await eventually(lambda each=each: cdrs_of(company.owner, each.call_id))
        assert [cdr["endCause"] for cdr in cdrs] == ["NORMAL"], cdrs
    await company.close()
    assert line["calls_dropped"] == line["rpcs_failed"] == line["calls_new_failed"] == 0
    assert line["pdb_honoured"]


async def _cdrs(company: Company) -> list[Any] | None:
    return (await company.owner.get("/v1/cdrs")).get("cdrs") or None


async def _calls_on_pods(release: Release) -> bool:
    """Whether telephony's pods have written on themselves how many calls they hold, as their Role lets them."""
    pods = await asyncio.to_thread(release.pods, "telephony")
    costs = [each["metadata"].get("annotations", {}).get(_DELETION_COST, "0") for each in pods]
    return sum(map(int, costs)) == CALLS


def _images_are(release: Release, tag: str) -> None:
    """Every pod of ours that isn't on its way out runs this version."""
    images = {each["spec"]["containers"][0]["image"] for component in COMPONENTS for each in release.pods(component)
              if "deletionTimestamp" not in each["metadata"]}  # fmt: skip
    assert images == {f"merkez-{component}:{tag}" for component in COMPONENTS}


async def _drain(release: Release, line: dict[str, Any]) -> float:
    """Drains the second node by eviction; seconds. Meanwhile nothing has fewer ready pods than its budget allows."""
    node, plane, began = Node(2, release.folder), release.plane, time.monotonic()
    watched: dict[str, int] = {}

    async def watch() -> None:
        while True:
            found = await asyncio.to_thread(release.pods)
            ready = Counter(_component(each) for each in found if _is_ready(each))
            for component in (*COMPONENTS, "nats"):
                watched[component] = min(ready[component], watched.get(component, ready[component]))
            await asyncio.sleep(0.3)

    on_it = [each for each in release.pods() if each["spec"].get("nodeName") == node.name]
    watching = asyncio.get_running_loop().create_task(watch())
    try:
        said = await asyncio.to_thread(
            plane.kubectl, "drain", node.name, "--delete-emptydir-data", "--ignore-daemonsets", "--timeout=900s",
            deadline=960,
        )  # fmt: skip
    finally:
        watching.cancel()
    seconds = time.monotonic() - began
    evicted = len(re.findall("^pod/.* evicted", said, re.MULTILINE))
    left = [each for each in release.pods() if each["spec"].get("nodeName") == node.name]
    wanted = {each: 2 if each == "nats" else 1 for each in COMPONENTS} | {"nats": 2}
    line |= {"drained_pods": evicted, "fewest_ready": dict(sorted(watched.items()))}
    line["pdb_honoured"] = not left and evicted >= len(on_it) and all(watched[each] >= n for each, n in wanted.items())
    await asyncio.to_thread(plane.kubectl, "uncordon", node.name)

    async def whole() -> bool:
        found = await asyncio.to_thread(release.pods)
        ready = Counter(_component(each) for each in found if _is_ready(each))
        return all(ready[component] >= 2 for component in COMPONENTS)

    await eventually(whole, deadline=300, every=1)
    return seconds


def _component(pod: dict[str, Any]) -> str:
    return pod["metadata"]["labels"]["app.kubernetes.io/component"]


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = {each["type"]: each["status"] for each in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]
