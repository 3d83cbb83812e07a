"""A cluster of two nodes with the release in it, for the one test that goes through its life."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import pytest_asyncio
from merkez_local.postgres import start_postgres
from testkit import webrtc

from tests.cluster.control_plane import ControlPlane
from tests.cluster.machines import CACHE, HOST, Failed, Node, network, until
from tests.cluster.release import NEXT, TAG, Release, admit_pods

_READY = '{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {end}'


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with two nodes that are ready and have the images."""
    folder = tmp_path_factory.mktemp("cluster", numbered=True)
    plane = ControlPlane(folder / "plane")
    nodes = [Node(number, CACHE / "nodes" / str(number)) for number in (1, 2)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(network())
        stack.callback(plane.stop)
        plane.start()
        for node in nodes:
            stack.callback(node.stop)
            node.start(plane.kubeconfig, plane.resolv)
        with ThreadPoolExecutor() as pool:
            list(pool.map(load_images, nodes))
        everything = [*plane.programs, *(each for node in nodes for each in node.programs)]
        wanted = {f"{node.name}=True" for node in nodes}
        until("the nodes aren't ready", lambda: _ready(plane) == wanted, everything)
        yield plane


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def release(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Release]:
    """What the chart takes for granted, and Helm; nothing is installed yet."""
    folder = tmp_path_factory.mktemp("release", numbered=True)
    database = await asyncio.to_thread(start_postgres, folder / "postgres", durable=False, host=HOST)
    admit_pods(database)
    webrtc.PEERS_ADDRESSES[:] = [HOST]
    made = Release(plane, database, folder)
    try:
        await made.prepare()
        yield made
    finally:
        database.stop()


def load_images(node: Node) -> None:
    """Images that the node's Docker doesn't have as they are now; the services' also under the next tag."""
    noted = node.folder / "images"
    noted.mkdir(exist_ok=True)
    archives = sorted((CACHE / "images").glob("*.id"))
    if not archives:
        raise Failed("no images: infra/cluster/images.sh makes them")
    for each in archives:
        note = noted / each.name
        if not (note.exists() and note.read_text() == each.read_text()):
            node.docker("load", "--quiet", "--input", each.with_suffix(".tar"))
            note.write_text(each.read_text())
        if each.stem not in ("merkez-nats", "merkez-pause"):
            node.docker("tag", f"{each.stem}:{TAG}", f"{each.stem}:{NEXT}")


def _ready(plane: ControlPlane) -> set[str]:
    return set(plane.kubectl("get", "nodes", "--output", f"jsonpath={_READY}").split())
