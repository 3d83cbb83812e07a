"""The chart's NATS shows a renewed certificate without a restart: to clients, to its own cluster, to other regions."""

from __future__ import annotations

import os
import re
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any, BinaryIO

import yaml
from merkez_local.nats import server_binary
from merkez_local.postgres import free_port
from testkit import eventually
from testkit.certificates import Certificates, Own

from tests.charts.conftest import CHART, render

_SETTINGS = ("mtls.enabled=true", "nats.internal.leaf.tlsSecret=leaf")


def _rendered() -> tuple[str, dict[str, Any]]:
    """NATS' configuration and its pod."""
    done = render("--values", str(CHART / "ci/two-regions-east-values.yaml"), "--set", ",".join(_SETTINGS))
    assert done.returncode == 0, done.stderr
    found = [each for each in yaml.safe_load_all(done.stdout) if each]
    (config,) = [each["data"]["nats.conf"] for each in found if "nats.conf" in each.get("data", {})]
    (pod,) = [each["spec"]["template"]["spec"] for each in found if each["kind"] == "StatefulSet"]
    return config, pod


def _shown(port: int, own: Own, *, greets: bool) -> bytes:
    """The certificate that a port shows; to clients and other regions a server speaks a line before TLS begins."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(own.certificate, own.key)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            while greets and (told := plain.recv(1)) != b"\n":
                if not told:
                    return b""
            with context.wrap_socket(plain) as secured:
                return secured.getpeercert(binary_form=True) or b""
    except OSError:
        return b""


def _started(command: list[str], log: BinaryIO, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=log, stderr=log, env=environment)


async def test_a_renewed_certificate_is_shown_at_every_port_and_the_server_goes_on(tmp_path: Path) -> None:
    config, pod = _rendered()
    assert pod["shareProcessNamespace"], "or one container can't signal the other"
    (script,) = [each["args"][0] for each in pod["containers"] if each["name"] == "renewal"]
    authority, folders = Certificates(tmp_path / "authority"), (tmp_path / "tls", tmp_path / "leaf-tls")
    own = [authority.issue("nats", into=each) for each in folders]
    ports = {told: free_port() for told in ("port: 4222", "port: 6222", "port: 7422")}
    for told, port in ports.items():
        config = config.replace(told, f"port: {port}")
    places = {
        "/etc/nats-tls": str(folders[0]),
        "/etc/nats-leaf-tls": str(folders[1]),
        "/var/run/nats": str(tmp_path),
        "store_dir: /data": f"store_dir: {tmp_path / 'data'}",
        "http_port: 8222": f"http_port: {free_port()}",
        "sleep 10": "sleep 0.1",
    }
    for told, here in places.items():
        config, script = config.replace(told, here), script.replace(told, here)
    config = re.sub(r"nats://merkez-nats-\d\.merkez-nats:6222", f"nats://127.0.0.1:{ports['port: 6222']}", config)
    (tmp_path / "nats.conf").write_text(config)
    environment = {
        **os.environ,
        "POD_NAME": "merkez-nats-0",
        "PATH": f"{Path(server_binary()).parent}:{os.environ['PATH']}",
    }
    with (tmp_path / "log").open("wb") as log:
        commands = [server_binary(), "-c", str(tmp_path / "nats.conf")], ["sh", "-c", script]
        server, renewal = (_started(command, log, environment) for command in commands)
        try:

            def shown(told: str) -> bytes:
                return _shown(ports[told], own[0], greets="6222" not in told)

            before = {told: await eventually(lambda told=told: shown(told)) for told in ports}
            own = [authority.issue("nats", into=each) for each in folders]
            for told, old in before.items():
                await eventually(lambda told=told, old=old: shown(told) not in (b"", old))
            assert server.poll() is None and renewal.poll() is None
        finally:
            renewal.terminate()
            server.terminate()
            renewal.wait(20)
            server.wait(20)
