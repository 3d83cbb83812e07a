"""A telephony pod says to Kubernetes how many calls it holds, against a local HTTPS double of the API server."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from telephony.live import pod as pod_module
from telephony.live.pod import PodCost
from telephony.settings import TelephonySettings
from testkit.certificates import self_signed

PATH = "/api/v1/namespaces/merkez/pods/merkez-telephony-7d9c5-x2x4z/status"
POD = {
    "kind": "Pod", "apiVersion": "v1",
    "metadata": {"name": "merkez-telephony-7d9c5-x2x4z", "namespace": "merkez", "resourceVersion": "4711"},
}  # fmt: skip
FORBIDDEN = {
    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Forbidden", "code": 403,
    "message": 'pods "merkez-telephony-7d9c5-x2x4z" is forbidden: User "system:serviceaccount:merkez:default" cannot '
    'patch resource "pods/status" in API group "" in the namespace "merkez"',
}  # fmt: skip


@dataclass
class ApiServer:
    """Answers as a real one was seen to: who may gets the pod, others a Status."""

    url: str = ""
    asked: list[tuple[str, str, str, str, Any]] = field(default_factory=list[tuple[str, str, str, str, Any]])
    status: int = 200


@pytest.fixture
def account(tmp_path: Path) -> Path:
    certificate, _ = self_signed(tmp_path, "127.0.0.1")
    (tmp_path / "ca.crt").write_bytes(certificate.read_bytes())
    (tmp_path / "token").write_text("first-token\n")
    return tmp_path


@pytest.fixture
def api(account: Path) -> Iterator[ApiServer]:
    double = ApiServer()

    class Handler(BaseHTTPRequestHandler):
        def do_PATCH(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            token, kind = self.headers.get("Authorization", ""), self.headers.get("Content-Type", "")
            double.asked.append((self.command, self.path, token, kind, body))
            data = json.dumps(POD if double.status == 200 else FORBIDDEN | {"code": double.status}).encode()
            self.send_response(double.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(account / "certificate.pem", account / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    double.url = f"https://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield double
    server.shutdown()
    server.server_close()


@dataclass
class Node:
    calls: int = 0
    draining: bool = False


@pytest.fixture
def node() -> Node:
    return Node()


@pytest_asyncio.fixture
async def pod(api: ApiServer, account: Path, node: Node) -> AsyncIterator[PodCost]:
    settings = TelephonySettings(
        pod_name="merkez-telephony-7d9c5-x2x4z", pod_namespace="merkez", kubernetes_url=api.url,
        kubernetes_account=str(account),
    )  # fmt: skip
    cost = PodCost(settings, lambda: node.calls, lambda: node.draining)
    yield cost
    await cost.close()


def _costs(api: ApiServer) -> list[str]:
    return [body["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"] for *_, body in api.asked]


async def test_a_pod_says_how_many_calls_it_holds_once_for_each_change(
    api: ApiServer, pod: PodCost, node: Node, account: Path
) -> None:
    node.calls = 12
    await pod.say()
    await pod.say()
    (account / "token").write_text("renewed-by-the-kubelet")
    node.calls = 3
    await pod.say()
    assert _costs(api) == ["12", "3"]
    assert [asked[:4] for asked in api.asked] == [
        ("PATCH", PATH, "Bearer first-token", "application/merge-patch+json"),
        ("PATCH", PATH, "Bearer renewed-by-the-kubelet", "application/merge-patch+json"),
    ]


async def test_a_drained_pod_without_calls_goes_before_an_idle_one(api: ApiServer, pod: PodCost, node: Node) -> None:
    node.draining, node.calls = True, 1
    await pod.say()
    node.calls = 0
    await pod.say()
    assert _costs(api) == ["1", "-1"]


async def test_what_was_refused_is_said_again_later(api: ApiServer, pod: PodCost, node: Node) -> None:
    node.calls, api.status = 5, 403
    await pod.say()
    api.status = 200
    await pod.say()
    assert _costs(api) == ["5", "5"]


async def test_a_silent_api_server_delays_nothing_but_the_saying(
    account: Path, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_module, "_ANSWER_SECONDS", 0.2)
    silent = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    settings = TelephonySettings(
        pod_name="p",
        pod_namespace="merkez",
        kubernetes_url=f"https://127.0.0.1:{port}",
        kubernetes_account=str(account),
    )
    pod = PodCost(settings, lambda: 7, lambda: False)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.get_running_loop().create_task(others())
    await pod.say()
    beside.cancel()
    assert turns > 100, "the event loop, and with it calls, went on meanwhile"
    silent.close()
    await pod.close()


async def test_a_worker_that_was_killed_is_started_anew(api: ApiServer, pod: PodCost, node: Node) -> None:
    await pod.say()
    assert pod._worker is not None
    pod._worker._process.kill()
    pod._worker._process.wait()
    node.calls = 2
    await pod.say()
    await pod.say()
    assert _costs(api)[-1] == "2"


async def test_a_stranger_in_the_api_servers_place_is_told_nothing(api: ApiServer, pod: PodCost, account: Path) -> None:
    other = account / "other"
    other.mkdir()
    certificate, _ = self_signed(other, "127.0.0.1")
    (account / "ca.crt").write_bytes(certificate.read_bytes())
    await pod.say()
    assert api.asked == []
