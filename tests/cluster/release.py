"""The chart as a release of the cluster: what it takes for granted, installed, tested, upgraded, rolled back by Helm"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import asyncpg
import yaml
from chassis.auth import generate_key
from merkez_local.postgres import Postgres
from recording.keys import open_master

from tests.cluster.control_plane import ControlPlane
from tests.cluster.machines import CACHE, HOST, PODS, ROOT, Failed

SPACE = NAME = "merkez"
CHART = ROOT / "charts" / "merkez"
HELM = ROOT / ".cache" / "charts" / "bin" / "helm"
TAG = str(yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"])
NEXT = "next"
"""The same images under another tag: what an upgrade brings."""
POD_USER = 10001
_POSTRENDERER = "kubernetes-1-20"


class Release:
    """The release `merkez` of namespace `merkez`."""

    def __init__(self, plane: ControlPlane, postgres: Postgres, folder: Path) -> None:
        self.plane = plane
        self.folder = folder
        self._postgres = postgres
        self._chart = folder / "chart"
        self._plugins = folder / "helm" / "plugins"
        folder.mkdir(parents=True, exist_ok=True)
        self._copy_chart()
        self._add_postrenderer()

    async def prepare(self) -> None:
        """What the chart's README asks for before the first install: a database, secrets, volumes for NATS."""
        await self._database()
        self.plane.kubectl("create", "namespace", SPACE)
        password = secrets.token_hex(24)
        admin = self._postgres.url(NAME)
        master = self.folder / "master.key"
        open_master(master.as_uri(), self.folder)
        for name, keys in {
            "merkez-database": {"admin-url": admin, "role-password": password},
            "merkez-internal": {"internal.jwk": generate_key()},
            "merkez-signing": {"signing.jwks": json.dumps({"keys": [json.loads(generate_key())]})},
            "merkez-recording": {"master.key": master.read_text()},
        }.items():
            meta = {"name": name, "namespace": SPACE}
            self.apply({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": keys})
        for number in range(3):
            self.apply(self._volume(number))

    def apply(self, found: dict[str, Any]) -> None:
        """Creates an object."""
        self.plane.kubectl("create", "--validate=false", "--filename", "-", given=json.dumps(found))

    async def install(self) -> float:
        """`helm install --wait` with its migrations; seconds."""
        return await self.helm("install", NAME, str(self._chart), *self._values(TAG), "--wait", "--timeout", "15m")

    async def upgrade(self, tag: str, *settings: str) -> float:
        """`helm upgrade --wait` to images of `tag`, with `--set` of each setting; seconds."""
        more = [word for setting in settings for word in ("--set", setting)]
        return await self.helm(
            "upgrade", NAME, str(self._chart), *self._values(tag), *more, "--wait", "--timeout", "15m"
        )

    async def rollback(self) -> float:
        """`helm rollback --wait` to the revision before; seconds."""
        return await self.helm("rollback", NAME, "--wait", "--timeout", "15m")

    async def test(self) -> float:
        """`helm test`; seconds."""
        return await self.helm("test", NAME, "--timeout", "5m")

    async def helm(self, *arguments: str) -> float:
        """Runs Helm; seconds. Failed with what it says, and what the cluster says about its pods."""
        began = time.monotonic()
        words = [str(HELM), *arguments, "--namespace", SPACE, "--kubeconfig", str(self.plane.kubeconfig)]
        home = {f"HELM_{name}_HOME": str(self.folder / "helm" / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        process = await asyncio.create_subprocess_exec(
            *words, env=os.environ | home | {"HELM_PLUGINS": str(self._plugins), "PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        if process.returncode:
            raise Failed(f"helm {arguments[0]}: {said.decode()[-3000:]}\n{self.complaints()}")
        return time.monotonic() - began

    def complaints(self) -> str:
        """Pods that aren't ready, why, and the last they said."""
        told = [self.plane.kubectl("get", "pods", "--namespace", SPACE, "--output", "wide")]
        for pod in self.pods():
            states = pod["status"].get("containerStatuses", [])
            if pod["status"]["phase"] == "Succeeded" or (states and all(each["ready"] for each in states)):
                continue
            name = pod["metadata"]["name"]
            done = subprocess.run(
                [ROOT / ".cache/charts/bin/kubectl", "--kubeconfig", self.plane.kubeconfig, "--namespace", SPACE,
                 "logs", name, "--all-containers", "--tail", "15"],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            why = json.dumps([each.get("state") for each in states] or pod["status"].get("conditions"))
            told.append(f"{name}: {why}\n{done.stdout}{done.stderr}")
        return "\n".join(told)

    def pods(self, component: str = "") -> list[dict[str, Any]]:
        """Pods of the release, of one component where it is named."""
        selector = f"app.kubernetes.io/instance={NAME}" + (
            f",app.kubernetes.io/component={component}" * bool(component)
        )
        return self.plane.get("pods", "--namespace", SPACE, "--selector", selector)["items"]

    def address(self, service: str) -> str:
        """A Service's address in the cluster."""
        return str(self.plane.get("service", service, "--namespace", SPACE)["spec"]["clusterIP"])

    def _values(self, tag: str) -> list[str]:
        return [
            "--values", str(ROOT / "tests/cluster/values.yaml"), "--set", f"image.tag={tag}", "--set",
            f"database.port={self._postgres.port}", "--post-renderer", _POSTRENDERER,
        ]  # fmt: skip

    def _copy_chart(self) -> None:
        # It asks for 1.30, and Helm asks the cluster: the copy's one other word.
        shutil.copytree(CHART, self._chart)
        described = self._chart / "Chart.yaml"
        described.write_text(described.read_text().replace(">=1.30.0-0", ">=1.20.0-0"))

    def _add_postrenderer(self) -> None:
        store = self.folder / "recordings"
        store.mkdir(mode=0o777)
        os.chown(store, POD_USER, POD_USER)
        plugin = self._plugins / _POSTRENDERER
        plugin.mkdir(parents=True)
        arguments = ["-m", "tests.cluster.downgrade", str(CACHE / "bin"), str(store)]
        command = {"command": sys.executable, "args": arguments}
        described = {
            "apiVersion": "v1", "type": "postrenderer/v1", "name": _POSTRENDERER, "version": "0.1.0",
            "runtime": "subprocess", "runtimeConfig": {"platformCommand": [command]},
        }  # fmt: skip
        (plugin / "plugin.yaml").write_text(yaml.safe_dump(described))

    def _volume(self, number: int) -> dict[str, Any]:
        folder = self.folder / "volumes" / str(number)
        folder.mkdir(parents=True)
        os.chown(folder, POD_USER, POD_USER)
        claim = {"namespace": SPACE, "name": f"data-{NAME}-nats-{number}"}
        return {
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"nats-{number}"},
            "spec": {
                "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "claimRef": claim,
                "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": str(folder)},
            },
        }  # fmt: skip

    async def _database(self) -> None:
        connection = await asyncpg.connect(self._postgres.url(dialect="postgresql"))
        try:
            await connection.execute(f'CREATE DATABASE "{NAME}"')
        finally:
            await connection.close()


def admit_pods(postgres: Postgres) -> None:
    """Lets pods' network in, by password."""
    rules = postgres.data_dir / "pg_hba.conf"
    rules.write_text(f"{rules.read_text()}host all all {PODS} scram-sha-256\nhost all all {HOST}/24 scram-sha-256\n")
    os.kill(postgres.pid, 1)
