"""Images run as the chart runs them: another user, a root that can't be written, no capability. `make test-images`.

They need root and what `make images` needs, so CI's `make test` passes over them unless MERKEZ_TEST_IMAGES=1.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from chassis.auth import generate_key
from chassis.migrate import migrate
from chassis.probe import wrong_with
from chassis.schemas import role_url
from chassis.settings import SERVICES
from merkez_local.nats import start_nats
from merkez_local.postgres import free_port, start_postgres
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
                ["unshare", "--mount", "--pid", "--fork", "bash", str(_ENTER), str(self.root), *words],
                env=told | {"PATH": f"{told['PATH']}:{os.environ['PATH']}"},
                stdout=output, stderr=output,
            )  # fmt: skip

    def config(self) -> dict[str, Any]:
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
    tmp_path.chmod(0o755)  # noqa: ASYNC240
    postgres = await asyncio.to_thread(start_postgres, tmp_path / "postgres")
    nats = await asyncio.to_thread(start_nats, tmp_path / "nats")
    running: list[subprocess.Popen[bytes]] = []
    try:
        await migrate(postgres.url("postgres"), ["telephony"], {"telephony": "known"})
        (tmp_path / "internal.jwk").write_text(generate_key())
        with image("telephony") as telephony, image("gateway") as gateway:
            for each in (telephony, gateway):
                _is_confined(each, tmp_path)
                _says_what_is_in_it(each)
            _says_what_its_pages_are_made_of(gateway)
            own, edge, port, http = _told(postgres.url("postgres"), nats.url, tmp_path)
            running.append(telephony.run(own, tmp_path / "telephony.log"))
            running.append(gateway.run(edge, tmp_path / "gateway.log"))

            async def serves() -> bool:
                assert all(each.poll() is None for each in running), _logs(tmp_path)
                asked = (f"grpc://127.0.0.1:{port}", f"http://127.0.0.1:{http}/healthz")
                return [await wrong_with(each) for each in asked] == ["", ""]

            await eventually(serves, deadline=300)
            words = ("python", "-m", "chassis.probe", f"grpc://127.0.0.1:{port}")  # as its HEALTHCHECK does
            probe = telephony.run(own, tmp_path / "probe.log", *words)
            assert await asyncio.to_thread(probe.wait) == 0, (tmp_path / "probe.log").read_text()
            page = await asyncio.to_thread(_said, "curl", "-sf", f"http://127.0.0.1:{http}/sign-in")
            assert '<div id="root">' in page, "the web app is in the gateway's image"
            packages = telephony.root / "app/venv/lib"
            assert len(list(packages.rglob("_lanes*.so"))) == 1, "the fast way of voice is there"
            assert not list(packages.rglob("pixeltable*")), "what only make run needs isn't"
    finally:
        for each in running:
            _end(each)
            await asyncio.to_thread(each.wait)
        nats.stop()
        postgres.stop()


def _end(entered: subprocess.Popen[bytes]) -> None:
    """Of what unshare waits for, and of all in its namespace with it. That it is to die with unshare (`--kill-child`)
    would be forgotten when its user changes: prctl(2), PR_SET_PDEATHSIG."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for child in Path(f"/proc/{entered.pid}/task/{entered.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)


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
    # Debian's packages too: those of the image that runs, not of the stage that compiled.
    status = (each.root / "var/lib/dpkg/status").read_text()
    there = set(re.findall(r"^Package: (\S+)$", status, re.MULTILINE))
    told_of = {c["name"] for c in told["components"] if c.get("purl", "").startswith("pkg:deb/")}
    assert told_of == there and "libc6" in there and "gcc-12" not in there


def _says_what_its_pages_are_made_of(each: Image) -> None:
    told = json.loads((each.root / "app/web.cdx.json").read_text())
    names = {f"{component.get('group', '')}/{component['name']}".lstrip("/") for component in told["components"]}
    assert told["bomFormat"] == "CycloneDX" and "preact" in names and "vite" not in names, names


def _told(database: str, nats: str, folder: Path) -> tuple[dict[str, str], dict[str, str], int, int]:
    """Telephony's and the gateway's settings, and where they answer. No other service is there: health needs none."""
    port, http = free_port(), free_port()
    both = {
        "MERKEZ_NATS_URL": nats, "MERKEZ_DATA_DIR": "/tmp/data", "MERKEZ_TELEPHONY_ADDRESS": f"127.0.0.1:{port}",
        # What the chart's secret volume is there; `SECRETS` is enter.sh's.
        "MERKEZ_INTERNAL_KEY": "/run/secrets/internal.jwk", "SECRETS": str(folder / "internal.jwk"),
    }  # fmt: skip
    both |= {
        f"MERKEZ_{name.upper()}_ADDRESS": "127.0.0.1:1" for name in SERVICES if name not in ("telephony", "gateway")
    }
    own = both | {
        "MERKEZ_GRPC_PORT": str(port), "MERKEZ_DATABASE_URL": role_url(database, "telephony", "known"),
        "MERKEZ_SYSTEM_DATABASE_URL": role_url(database, "telephony", "known", system=True),
    }  # fmt: skip
    public = {"MERKEZ_HTTP_PORT": str(http), "MERKEZ_PUBLIC_GRPC_PORT": str(free_port())}
    return own, both | public | {"MERKEZ_WEB_DIST": "/app/web"}, port, http


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _logs(folder: Path) -> str:
    return "\n".join(path.read_text()[-3000:] for path in folder.glob("*.log"))
