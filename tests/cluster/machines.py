"""The machines of a cluster within this one: a network, and nodes with namespaces, a Docker and a kubelet each.

All of it is inside of the namespaces that infra/cluster/run.sh made: nothing here reaches this machine's network, and
nothing outlives the test.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "cluster"
HOST = "10.199.0.1"
"""Where the control plane, the database and people are."""
SERVICES = "10.199.128.0/20"
API_SERVICE = "10.199.128.1"
PODS = "10.199.64.0/18"
_BRIDGE = "cluster0"
_CGROUP = "merkez-cluster"
_SHARES = 15 * 1024
"""Of the processors, for each node: what as many processes as it has pods get. By itself a group gets what one gets."""


class Failed(RuntimeError):
    """A part of the cluster didn't come up; the message says which and where its log is."""


@dataclass
class Program:
    """A running process of the cluster."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """Failed once it is over."""
        if (code := self.process.poll()) is not None:
            tail = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
            raise Failed(f"{self.name} ended with {code}; its log ({self.log}) closes:\n{tail}")

    def stop(self, how: signal.Signals = signal.SIGTERM, deadline: float = 5.0) -> None:
        """Ends it by its id; kills it after `deadline` seconds."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(name: str, command: Sequence[str | Path], log: Path, **environment: str) -> Program:
    """Starts a program that writes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(each) for each in command], stdout=output, stderr=output, stdin=subprocess.DEVNULL,
            env=os.environ | {"PATH": f"{CACHE / 'root/usr/bin'}:{os.environ['PATH']}"} | environment,
            start_new_session=True,
        )  # fmt: skip
    return Program(name, process, log)


def until(what: str, holds: Callable[[], bool], programs: Sequence[Program] = (), deadline: float = 120.0) -> None:
    """Waits; Failed after `deadline` seconds, or once one of `programs` is over."""
    end = time.monotonic() + deadline
    while not holds():
        for each in programs:
            each.check()
        if time.monotonic() > end:
            raise Failed(f"{what} after {deadline:.0f} s")
        time.sleep(0.2)


@dataclass
class Node:
    """One node. `number` is 1 or 2."""

    number: int
    folder: Path
    programs: list[Program] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"node-{self.number}"

    @property
    def address(self) -> str:
        return f"10.199.0.{10 + self.number}"

    @property
    def pods(self) -> str:
        """The network of its pods."""
        return f"10.199.{64 + self.number}.0/24"

    def start(self, kubeconfig: Path, resolv: Path) -> None:
        """Starts it and waits until its Docker answers and its kubelet begins. Failed when one doesn't."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ready = self.folder / "ready"
        ready.unlink(missing_ok=True)
        runc = self.folder / "runc"
        runc.write_text((ROOT / "infra/cluster/runc.sh").read_text().replace("$MERKEZ_CLUSTER", str(CACHE)))
        runc.chmod(0o755)
        cgroup = f"/{_CGROUP}/{self.name}"
        make_cgroup(cgroup)
        told = {
            "MERKEZ_CLUSTER": str(CACHE), "NODE_FOLDER": str(self.folder), "NODE_ADDRESS": self.address,
            "NODE_BRIDGE": self.pods.replace(".0/", ".1/"), "NODE_CGROUP": cgroup, "NODE_PODS": PODS,
            "NODE_DNS": HOST, "NODE_RESOLV": str(resolv), "NODE_KUBECONFIG": str(kubeconfig), "NODE_RUNC": str(runc),
        }  # fmt: skip
        script = ROOT / "infra/cluster/node.sh"
        command = ["unshare", "--net", "--mount", "--uts", "bash", script, self.name]
        program = start(self.name, command, self.folder / "node.log", **told)
        self.programs.append(program)
        self._connect(program)
        until(f"{self.name} isn't ready", ready.exists, [program], 60)

    def docker(self, *arguments: str | Path, **extra: object) -> subprocess.CompletedProcess[str]:
        """Docker's client at this node's daemon. CalledProcessError when it refuses."""
        socket = f"unix:///proc/{self.programs[0].process.pid}/root/run/docker.sock"
        command = [CACHE / "root/usr/bin/docker", "--host", socket, *arguments]
        return subprocess.run([str(each) for each in command], check=True, capture_output=True, text=True, **extra)  # type: ignore[call-overload]

    def stop(self) -> None:
        """Ends its processes."""
        for each in self.programs:
            each.stop(signal.SIGKILL)

    def _connect(self, program: Program) -> None:
        pid, outside = program.process.pid, f"cluster{self.number}"
        own = Path("/proc/self/ns/net").readlink()

        def apart() -> bool:
            return Path(f"/proc/{pid}/ns/net").readlink() != own

        until(f"{self.name} has no network of its own", apart, [program], 20)
        ip(f"link add {outside} type veth peer name eth0 netns {pid}")
        ip(f"link set {outside} master {_BRIDGE} up")
        inside = f"nsenter --target {pid} --net ip"
        _run(f"{inside} link set eth0 up")
        _run(f"{inside} addr add {self.address}/24 dev eth0")
        _run(f"{inside} route add default via {HOST}")
        for number in {1, 2} - {self.number}:
            other = Node(number, self.folder)
            _run(f"{inside} route add {other.pods} via {other.address}")


@contextmanager
def network() -> Iterator[None]:
    """The bridge that joins the nodes and this machine's end of it; service addresses are reached by the first node."""
    ip("link set lo up")
    ip(f"link add {_BRIDGE} type bridge")
    ip(f"addr add {HOST}/24 dev {_BRIDGE}")
    ip(f"link set {_BRIDGE} up")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    for number in (1, 2):
        node = Node(number, CACHE)
        ip(f"route add {node.pods} via {node.address}")
    ip(f"route add {SERVICES} via {Node(1, CACHE).address}")
    try:
        yield
    finally:
        ip(f"link del {_BRIDGE}")


def make_cgroup(path: str) -> None:
    """A control group in each hierarchy: a kubelet's root has to be there."""
    for hierarchy in Path("/sys/fs/cgroup").iterdir():
        if hierarchy.is_dir():
            folder = hierarchy / path.strip("/")
            folder.mkdir(parents=True, exist_ok=True)
            if (shares := folder / "cpu.shares").exists():
                shares.write_text(str(_SHARES))
                (folder.parent / "cpu.shares").write_text(str(2 * _SHARES))
            # A new group of cpuset may use no processor until it is told which.
            for name in ("cpuset.cpus", "cpuset.mems"):
                for each in (folder.parent, folder):
                    file = each / name
                    if file.exists() and not file.read_text().strip():
                        file.write_text((each.parent / name).read_text())


def ip(words: str) -> None:
    """`ip` in the cluster's own namespace."""
    _run(f"ip {words}")


def _run(words: str) -> None:
    done = subprocess.run(words.split(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{words}: {done.stderr.strip()}")
