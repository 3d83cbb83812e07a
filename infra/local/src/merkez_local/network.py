"""Networks of regions on one machine: a namespace each, joined by a bridge, which may be cut without a word.

Needs root, for namespaces. Without it regions are addresses of loopback, which can be killed but not cut.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Sequence

_NETWORK = "10.{0}.{1}"


class Network:
    """A bridge of this machine at `.1` and a namespace for each region from `.2` on."""

    def __init__(self, regions: Sequence[str]) -> None:
        self.number = os.getpid() % 4096
        self.regions = tuple(regions)
        self._bridge = f"mz{self.number}"
        self._prefix = _NETWORK.format(224 + self.number // 256, self.number % 256)

    @property
    def host(self) -> str:
        """This machine's address in it: where what survives any region is."""
        return f"{self._prefix}.1"

    @property
    def _address(self) -> str:
        return f"02:4d:5a:00:{self.number // 256:02x}:{self.number % 256:02x}"

    def _own_address(self, region: str) -> str:
        return f"02:4d:5a:{self.regions.index(region) + 1:02x}:{self.number // 256:02x}:{self.number % 256:02x}"

    def host_of(self, region: str) -> str:
        """A region's address."""
        return f"{self._prefix}.{self.regions.index(region) + 2}"

    def namespace(self, region: str) -> str:
        """A region's network namespace."""
        return f"{self._bridge}-{region}"

    def make(self) -> None:
        """Make all of it. subprocess.CalledProcessError when the machine doesn't allow that."""
        _remove_left()
        # An address of its own, not the least of its ports' as by default: a port that is taken out of it would still
        # take what is sent to the bridge for its machine's, and a cut would be one of one direction.
        _ip(f"link add {self._bridge} address {self._address} type bridge")
        _ip(f"addr add {self.host}/24 dev {self._bridge}")
        _ip(f"link set {self._bridge} up")
        for region in self.regions:
            space, outside, inside = self.namespace(region), self._outside(region), f"{self._outside(region)}i"
            _ip(f"netns add {space}")
            _ip(f"link add {outside} type veth peer name {inside} netns {space}")
            _ip(f"link set {outside} address {self._own_address(region)}")
            _ip(f"link set {outside} master {self._bridge} up")
            _ip(f"-n {space} link set lo up")
            _ip(f"-n {space} addr add {self.host_of(region)}/24 dev {inside}")
            _ip(f"-n {space} link set {inside} up")
            self._remember_neighbours(region, inside)

    def cut(self, region: str) -> None:
        """From now on every packet from and to the region is lost; nobody is told."""
        _ip(f"link set {self._outside(region)} nomaster")

    def deafen(self, region: str) -> None:
        """From now on no packet reaches the region, though its own still get out: a cut of one direction."""
        self.cut(region)
        _ip(f"link set {self._outside(region)} address {self._address}")  # so that this machine takes them

    def heal(self, region: str) -> None:
        """Packets pass again."""
        _ip(f"link set {self._outside(region)} address {self._own_address(region)}")
        _ip(f"link set {self._outside(region)} master {self._bridge}")

    def remove(self) -> None:
        """Remove all of it. What still runs in it loses its network."""
        for region in self.regions:
            _quietly(f"link del {self._outside(region)}")
            _quietly(f"netns del {self.namespace(region)}")
        _quietly(f"link del {self._bridge}")

    def _outside(self, region: str) -> str:
        return f"{self._bridge}r{self.regions.index(region)}"

    def _remember_neighbours(self, region: str, inside: str) -> None:
        # Between regions are routers: a cut is silence, not the "no route to host" that a forgotten neighbour gives.
        bridge = _address(_ip(f"link show {self._bridge}"))
        own = _address(_ip(f"-n {self.namespace(region)} link show {inside}"))
        _ip(f"neigh replace {self.host_of(region)} lladdr {own} dev {self._bridge} nud permanent")
        _ip(f"-n {self.namespace(region)} neigh replace {self.host} lladdr {bridge} dev {inside} nud permanent")
        for index, other in enumerate(self.regions[: self.regions.index(region)]):
            there = f"{self._bridge}r{index}i"
            theirs = _address(_ip(f"-n {self.namespace(other)} link show {there}"))
            for space, host, address, device in (
                (self.namespace(other), self.host_of(region), own, there),
                (self.namespace(region), self.host_of(other), theirs, inside),
            ):
                _ip(f"-n {space} neigh replace {host} lladdr {address} dev {device} nud permanent")


def may_cut() -> bool:
    """Whether this process may make networks here."""
    return os.geteuid() == 0 and subprocess.run(["ip", "netns", "list"], capture_output=True).returncode == 0


def _remove_left() -> None:
    # Of runs that were killed: their number was their process's.
    for number in set(re.findall(r"^mz(\d+)-", _ip("netns list"), re.MULTILINE)):
        users = [pid for name in _ip("netns list").split() if name.startswith(f"mz{number}-")
                 for pid in _ip(f"netns pids {name}").split()]  # fmt: skip
        if not users and not _runs(int(number)):
            for name in re.findall(rf"^mz{number}-\S+", _ip("netns list"), re.MULTILINE):
                _quietly(f"netns del {name}")
            _quietly(f"link del mz{number}")


def _runs(number: int) -> bool:
    return any(each.isdigit() and int(each) % 4096 == number and _is_ours(each) for each in os.listdir("/proc"))


def _is_ours(pid: str) -> bool:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as file:
        return b"python" in file.read()
    return False


def _address(shown: str) -> str:
    return re.findall(r"link/ether (\S+)", shown)[0]


def _ip(words: str) -> str:
    return subprocess.run(["ip", *words.split()], check=True, capture_output=True, text=True).stdout


def _quietly(words: str) -> None:
    subprocess.run(["ip", *words.split()], capture_output=True)
