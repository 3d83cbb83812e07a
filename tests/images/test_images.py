"""Images run as the chart runs them: another user, a root that can't be written, no capability. `make test-images`.

They need root and what `make images` needs, so CI's `make test` passes over them unless MERKEZ_TEST_IMAGES=1.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from chassis.probe import wrong_with
from merkez_local.console import Console
from merkez_local.postgres import free_port
from merkez_local.system import Options, System
from testkit import eventually

ROOT = Path(__file__).resolve().parents[2]
TAG = "0.1.0"
_ENTER = Path(__file__).with_name("enter.sh")

pytestmark = [
    pytest.mark.skipif(os.environ.get("MERKEZ_TEST_IMAGES") != "1", reason="builds images: make test-images"),
    pytest.mark.timeout(1800),
]


@dataclass
class Image:
    """A built image, mounted."""

    name: str
    root: Path

    def run(self, environment: dict[str, str], log: Path, *command: str) -> subprocess.Popen[bytes]:
        """What it runs by itself, or `command`, as uid 10001 on a read-only root."""
        own = self.config()["Env"]
        told = dict(each.split("=", 1) for each in own) | environment
        words = command or tuple(self.config()["Cmd"])
        with log.open("ab") as output:
            return subprocess.Popen(
                ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", str(_ENTER), str(self.root), *words],
                env=told | {"PATH": f"{told['PATH']}:{os.environ['PATH']}"},
                stdout=output, stderr=output,
            )  # fmt: skip

    def config(self) -> dict:
        """What its Dockerfile says."""
        return json.loads(_said("buildah", "inspect", "--type", "image", self.name))["OCIv1"]["config"]


@contextmanager
def image(service: str) -> Iterator[Image]:
    name = f"localhost/merkez-{service}:{TAG}"
    container = _said("buildah", "from", name).strip()
    try:
        yield Image(name, Path(_said("buildah", "mount", container).strip()))
    finally:
        subprocess.run(["buildah", "rm", container], check=True, capture_output=True)


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    if os.environ.get("MERKEZ_IMAGES_BUILT") == "1":  # those that are there already
        return
    environment = os.environ | {"MERKEZ_TAG": TAG}
    subprocess.run(["bash", str(ROOT / "infra/docker/images.sh"), "telephony", "gateway"], check=True, env=environment)


async def test_telephony_and_the_gateway_serve_from_their_images(tmp_path: Path) -> None:
    system = System(Options(data_dir=tmp_path / "merkez", http_port=0, grpc_port=0, web=False), Console())
    await system.start()
    running: list[subprocess.Popen[bytes]] = []
    try:
        with image("telephony") as telephony, image("gateway") as gateway:
            port, http, public = free_port(), free_port(), free_port()
            # The installation's own settings; what is a file is put where any user reads it.
            own = _told(system, "telephony") | {
                "MERKEZ_NODE_ID": "telephony-image", "MERKEZ_GRPC_PORT": str(port), "MERKEZ_DATA_DIR": "/tmp/data",
            }  # fmt: skip
            running.append(telephony.run(own, tmp_path / "telephony.log"))
            edge = _told(system, "gateway") | {
                "MERKEZ_HTTP_PORT": str(http), "MERKEZ_PUBLIC_GRPC_PORT": str(public), "MERKEZ_DATA_DIR": "/tmp/data",
                "MERKEZ_WEB_DIST": "/app/web",
            }  # fmt: skip
            running.append(gateway.run(edge, tmp_path / "gateway.log"))

            async def serves() -> bool:
                assert all(each.poll() is None for each in running), _logs(tmp_path)
                said = [
                    await wrong_with(f"grpc://127.0.0.1:{port}"),
                    await wrong_with(f"http://127.0.0.1:{http}/readyz"),
                ]
                return said == ["", ""]

            await eventually(serves, deadline=180)
            probe = telephony.run(
                own, tmp_path / "probe.log", "python", "-m", "chassis.probe", f"grpc://127.0.0.1:{port}"
            )
            assert await asyncio.to_thread(probe.wait) == 0, (tmp_path / "probe.log").read_text()
            page = await asyncio.to_thread(_said, "curl", "-sf", f"http://127.0.0.1:{http}/sign-in")
            assert '<div id="root">' in page, "the web app is in the gateway's image"
            for each in (telephony, gateway):
                _is_confined(each, tmp_path)
                _says_what_is_in_it(each)
            assert len(list((telephony.root / "app/venv/lib").rglob("_lanes*.so"))) == 1, (
                "the fast way of voice is there"
            )
            assert not list((telephony.root / "app/venv/lib").rglob("pixeltable*")), "what only make run needs isn't"
    finally:
        for each in running:
            each.terminate()
            await asyncio.to_thread(each.wait)
        await system.stop()


def _is_confined(each: Image, folder: Path) -> None:
    log = folder / "confined.log"
    script = "id -u; touch /app/x 2>&1; grep CapEff /proc/self/status; grep NoNewPrivs /proc/self/status"
    each.run({}, log, "sh", "-c", script).wait()
    said = log.read_text()
    log.unlink()
    assert said.startswith("10001\n") and "Read-only file system" in said, said
    assert "CapEff:\t0000000000000000" in said and "NoNewPrivs:\t1" in said, said


def _says_what_is_in_it(each: Image) -> None:
    told = json.loads((each.root / "app/sbom.cdx.json").read_text())
    names = {component["name"] for component in told["components"]}
    assert told["bomFormat"] == "CycloneDX" and {"merkez-chassis", "grpcio", "sqlalchemy"} <= {n.lower() for n in names}
    assert "cyclonedx-bom" not in names and "pip" not in names


def _told(system: System, service: str) -> dict[str, str]:
    told = {name: value for name, value in system._environment(service, service).items() if name.startswith("MERKEZ_")}
    # Of a folder that is root's alone: what the chart's secret volume is there.
    key = system.data_dir.parent / "internal.jwk"
    key.write_bytes((system.data_dir / "internal.jwk").read_bytes())
    return told | {
        "MERKEZ_INTERNAL_KEY": "/run/secrets/internal.jwk", "MERKEZ_TRACE_DIR": "", "SECRETS": str(key)
    }  # fmt: skip


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _logs(folder: Path) -> str:
    return "\n".join(path.read_text()[-3000:] for path in folder.glob("*.log"))
