"""etcd, API server, controllers, scheduler and the cluster's DNS: a control plane, in processes beside the nodes."""

from __future__ import annotations

import json
import secrets
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.cluster.machines import API_SERVICE, CACHE, HOST, ROOT, SERVICES, Program, start, until

API = f"https://{HOST}:6443"
_TOOLS = ROOT / ".cache" / "charts" / "bin"


class ControlPlane:
    """A running one; `kubeconfig` is its administrator's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self.resolv = folder / "resolv.conf"
        self.programs: list[Program] = []
        self._certificate = folder / "api" / "apiserver.crt"
        self._token = secrets.token_hex(16)

    def start(self) -> None:
        """Starts all of it. Failed when a part doesn't come up."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.resolv.write_text("")
        (self.folder / "tokens.csv").write_text(f'{self._token},admin,admin,"system:masters"\n')
        key = rsa.generate_private_key(65537, 2048)
        (self.folder / "accounts.key").write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                              serialization.NoEncryption())
        )  # fmt: skip
        self._etcd()
        self._api_server()
        self._write_kubeconfig()
        until("the API server isn't ready", self._is_ready, self.programs)
        self._start("kube-controller-manager", "--kubeconfig", self.kubeconfig, "--leader-elect=false",
                    "--service-account-private-key-file", self.folder / "accounts.key",
                    "--root-ca-file", self._certificate, "--bind-address", HOST, "--port", "0")  # fmt: skip
        self._start("kube-scheduler", "--kubeconfig", self.kubeconfig, "--leader-elect=false", "--bind-address", HOST,
                    "--port", "0")  # fmt: skip
        names = [sys.executable, "-m", "tests.cluster.names", HOST, API, str(self._certificate), self._token]
        self.programs.append(start("names", names, self._log("names"), PYTHONPATH=str(ROOT)))

    def stop(self) -> None:
        """Ends all of it, the last one first."""
        for each in reversed(self.programs):
            each.stop()

    def kubectl(self, *arguments: str | Path, given: str | None = None, deadline: float = 120.0) -> str:
        """What kubectl says. AssertionError with its complaint when it refuses."""
        command = [str(each) for each in (_TOOLS / "kubectl", "--kubeconfig", self.kubeconfig, *arguments)]
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=deadline, check=False)
        assert done.returncode == 0, f"kubectl {' '.join(map(str, arguments))}: {done.stderr or done.stdout}"
        return done.stdout

    def get(self, *what: str) -> Any:
        """Objects as the API server has them."""
        return json.loads(self.kubectl("get", *what, "--output", "json"))

    def _etcd(self) -> None:
        client, peer = f"http://{HOST}:2379", f"http://{HOST}:2380"
        command = [
            CACHE / "root/usr/bin/etcd", "--data-dir", self.folder / "etcd", "--listen-client-urls", client,
            "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", f"default={peer}", "--unsafe-no-fsync",
        ]  # fmt: skip
        self.programs.append(start("etcd", command, self._log("etcd")))
        until("etcd isn't ready", lambda: _answers(f"{client}/health"), self.programs, 30)

    def _api_server(self) -> None:
        key = self.folder / "accounts.key"
        self._start(
            "kube-apiserver", "--etcd-servers", f"http://{HOST}:2379", "--bind-address", HOST, "--advertise-address",
            HOST, "--cert-dir", self._certificate.parent, "--service-cluster-ip-range", SERVICES,
            "--token-auth-file", self.folder / "tokens.csv", "--authorization-mode", "RBAC",
            "--service-account-issuer", API, "--service-account-key-file", key,
            "--service-account-signing-key-file", key, "--kubelet-preferred-address-types", "InternalIP",
            "--allow-privileged",
        )  # fmt: skip

    def _start(self, name: str, *arguments: str | Path) -> None:
        self.programs.append(start(name, [CACHE / "bin" / name, *arguments], self._log(name)))

    def _log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def _write_kubeconfig(self) -> None:
        until("the API server has no certificate", self._certificate.exists, self.programs, 60)
        cluster = {"server": API, "certificate-authority": str(self._certificate)}
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "admin", "user": {"token": self._token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
        }))  # fmt: skip

    def _is_ready(self) -> bool:
        return _answers(f"{API}/readyz", ssl.create_default_context(cafile=str(self._certificate)), self._token)


def _answers(url: str, context: ssl.SSLContext | None = None, token: str = "") -> bool:
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=2, context=context) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


__all__ = ["API_SERVICE", "ControlPlane"]
