"""One whole running Merkez for tests that cross services: all processes, free ports, a scratch folder."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from merkez_local.console import Console
from merkez_local.system import Options, System
from testkit.browser import one_chromium
from testkit.company import PASSWORD, Api, Company
from testkit.openid_provider import OpenIdProvider, openid_provider
from testkit.people import AgentAtDesk, CallerOnWidget
from testkit.voice_peers import Turnserver, VoicePeers


def _group(path: Path) -> str:
    """The system a file's tests share: what browsers look at, in two halves of the same work, and what services alone
    do. The two nodes that are killed (faults/test_kill_a_node.py) have their own, and no other test beside them."""
    if path.name == "test_kill_a_node.py":
        return "nodes"
    if path.parent.name != "browser" and not path.stem.endswith("_in_browsers"):
        return "system"
    return "browsers a to h" if path.stem < "test_i" else "browsers i to z"


@pytest.hookimpl(tryfirst=True)  # before xdist, which reads the groups in this hook too
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a group share one system, so one worker and one event loop run them all. Three workers on two cores:
    each waits more than it works, and a system that starts costs less than one in which all wait for each other."""
    here = Path(__file__).parent
    for item in items:
        if {here / "flows", here / "faults", here / "browser"} & set(item.path.parents):
            item.add_marker(pytest.mark.xdist_group(_group(item.path)))
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: object, ids: list[str]) -> None:
    """Stops where xdist forgets the groups: every worker would start systems of its own, and all would be slow."""
    if any(each.startswith("tests/flows/") and "@" not in each for each in ids):
        raise pytest.UsageError("pytest-xdist keeps no groups with this pytest: take versions that fit each other")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def provider() -> AsyncIterator[OpenIdProvider]:
    """The OpenID provider the running system is configured with."""
    async with openid_provider() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def relays(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[Turnserver]]:
    """Two TURN servers with the secret of the running system: one may fail."""
    peers = VoicePeers(tmp_path_factory.mktemp("relays", numbered=True))
    config = Path(__file__).parents[1] / "infra" / "coturn" / "turnserver.conf"
    secret = secrets.token_hex(16)
    yield [await peers.start(Turnserver, name, secret=secret, config=config) for name in ("first", "second")]
    await peers.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def system(
    tmp_path_factory: pytest.TempPathFactory, provider: OpenIdProvider, relays: list[Turnserver]
) -> AsyncIterator[System]:
    """The running system of this worker's group, and one Chromium for all who look at it; stopped, and its folder gone,
    when the last test is over."""
    folder = tmp_path_factory.mktemp("merkez", numbered=True)
    environment = {
        "MERKEZ_OIDC_ISSUER": provider.issuer,
        "MERKEZ_OIDC_CLIENT_ID": provider.client_id,
        "MERKEZ_OIDC_CLIENT_SECRET": provider.client_secret,
        "MERKEZ_TURN_URLS": ",".join(relay.url for relay in relays),
        "MERKEZ_TURN_SECRET": relays[0].secret,
        "MERKEZ_SIP_LISTEN": "udp:127.0.0.1:0",
    }
    web = "MERKEZ_SKIP_WEB" not in os.environ
    running = System(
        Options(data_dir=folder, http_port=0, grpc_port=0, durable=False, web=web, environment=environment),
        Console(quiet=True),
    )
    await running.start()
    async with one_chromium():
        yield running
    await running.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def company(system: System) -> AsyncIterator[Company]:
    """A BPO that has just finished its guided set-up."""
    made = await (await Company.sign_up(system.url)).set_up()
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def operators_email(system: System) -> str:
    """A platform operator, made on the machine as `make operator` does, who has opened the link it printed."""
    email = "operator@platform.example"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "merkez_local", "operator", email,
        env=os.environ | {"MERKEZ_LOCAL_DIR": str(system.data_dir)}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0
    link = out.decode().strip()
    assert link.startswith(f"{system.url}/invitation/")
    async with Api(system.url) as stranger:
        body = {"secret": link.rpartition("/")[2], "displayName": "Opal Operator", "password": PASSWORD}
        await stranger.post("/v1/invitations:accept", body)
    return email


@pytest_asyncio.fixture(loop_scope="session")
async def operator(system: System, operators_email: str) -> AsyncIterator[Api]:
    """The operator, signed in."""
    async with Api(system.url) as stranger:
        session = await stranger.post("/v1/sessions:signIn", {"email": operators_email, "password": PASSWORD})
    async with Api(system.url, session["accessToken"]) as signed_in:
        yield signed_in


@pytest_asyncio.fixture(loop_scope="session")
async def agent(company: Company) -> AsyncIterator[AgentAtDesk]:
    """One of its agents, AVAILABLE at a desk; hears 620 Hz callers, sounds like 440 Hz."""
    desk = AgentAtDesk(await company.hire())
    await desk.sit_down()
    yield desk
    await desk.leave()


@pytest_asyncio.fixture(loop_scope="session")
async def caller(company: Company) -> AsyncIterator[CallerOnWidget]:
    """A customer who has not called yet."""
    customer = CallerOnWidget(company, number="+15550142")
    yield customer
    await customer.leave()
