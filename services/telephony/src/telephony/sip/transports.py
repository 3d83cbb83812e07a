"""UDP, TCP and TLS (RFC 3261 18): listening, connecting, reusing connections, and bounds on all of it.

Knows bytes and addresses, no requests. What arrives goes to one callback with the flow it came by; a flow answers
the way it came (symmetric response routing, RFC 3581; connections kept for both directions, RFC 5626 3.5.1).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from chassis.lifecycle import Tasks
from kernel.networks import is_public

from telephony.sip.connections import Connection, Limits
from telephony.sip.errors import TransportFailed
from telephony.sip.messages import Flow

DEFAULT_PORTS = {"UDP": 5060, "TCP": 5060, "TLS": 5061}
_CONNECT_SECONDS = 5.0
_BACKLOG = 100
_NO_FILE_SECONDS = 0.1
_NAME_SECONDS = 60.0
_NAMES_KEPT = 1024


@dataclass(frozen=True)
class ListenPoint:
    """One address to listen on, and what the world calls it."""

    transport: str = "UDP"
    host: str = "127.0.0.1"
    port: int = 5060
    """0 takes any free port."""
    advertise_host: str = ""
    """What Via and Contact say; empty says `host`."""
    advertise_port: int = 0
    tls: ssl.SSLContext | None = None
    """The server's side; required for TLS."""


@dataclass(frozen=True)
class Destination:
    """Where a request goes next."""

    transport: str
    host: str
    """A name (A or AAAA records are asked) or an address."""
    port: int
    tls_name: str = ""
    """The name the certificate must show; empty means `host`."""
    public: bool = False
    """Whether only a public address will do."""


class UdpFlow:
    """One peer's address seen from one of our sockets."""

    __slots__ = ("_endpoint", "remote", "transport")
    reliable = False
    name = ""

    def __init__(self, endpoint: _UdpEndpoint, remote: tuple[str, int]) -> None:
        self._endpoint = endpoint
        self.remote = remote
        self.transport = "UDP"

    @property
    def alive(self) -> bool:
        return self._endpoint.socket is not None

    def send(self, data: bytes) -> None:
        if self._endpoint.socket is not None:
            self._endpoint.socket.sendto(data, self.remote)

    def towards(self, port: int) -> UdpFlow:
        """The same peer at another port (18.2.2: a sender who didn't ask for rport)."""
        return UdpFlow(self._endpoint, (self.remote[0], port))


class _UdpEndpoint(asyncio.DatagramProtocol):
    def __init__(self, receive: Callable[[bytes, Flow], None]) -> None:
        self._receive = receive
        self.socket: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.socket = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._receive(data, UdpFlow(self, (addr[0], addr[1])))

    def connection_lost(self, exc: Exception | None) -> None:
        self.socket = None


class TransportLayer:
    """All sockets of one agent."""

    def __init__(
        self,
        points: Sequence[ListenPoint],
        receive: Callable[[bytes, Flow], None],
        on_lost: Callable[[Flow], None],
        *,
        limits: Limits,
        tls_client: ssl.SSLContext | None = None,
    ) -> None:
        self._wished = points
        self._receive = receive
        self._on_lost = on_lost
        self._limits = limits
        self._tls_client = tls_client
        self._endpoints: list[tuple[ListenPoint, _UdpEndpoint]] = []
        self._listening: list[socket.socket] = []
        self._connections: dict[tuple[str, str, int, str], Connection] = {}
        self._incoming: dict[str, int] = {}
        self._known: dict[str, int] = {}
        """As many of who has shown who they are."""
        """Source -> its connections, those whose TLS handshake isn't done included."""
        self._connecting: dict[tuple[str, str, int, str], asyncio.Task[Connection | str]] = {}
        self._names: dict[str, tuple[float, str]] = {}
        self._tasks = Tasks("sip transports")
        self.points: list[ListenPoint] = []
        """What is listened on, with the ports that were taken."""

    async def start(self) -> None:
        """Bind everything. OSError when an address is taken."""
        loop = asyncio.get_running_loop()
        for point in self._wished:
            if point.transport == "UDP":
                socket, endpoint = await loop.create_datagram_endpoint(
                    lambda: _UdpEndpoint(self._receive), local_addr=(point.host, point.port)
                )
                taken = _taken(point, socket.get_extra_info("sockname")[1])
                self._endpoints.append((taken, endpoint))
            else:
                taken = await self._listen(point)
            self.points.append(taken)

    async def close(self) -> None:
        """Give up every socket."""
        await self._tasks.close()
        for each in self._listening:
            each.close()
        for connection in list(self._connections.values()):
            connection.abort()
        for _, endpoint in self._endpoints:
            if endpoint.socket is not None:
                endpoint.socket.close()

    def sent_by(self, transport: str) -> tuple[str, int]:
        """Host and port for a Via or Contact of this transport."""
        chosen = next((point for point in self.points if point.transport == transport), self.points[0])
        return chosen.advertise_host or chosen.host, chosen.advertise_port or chosen.port

    async def flow_to(self, destination: Destination) -> Flow:
        """A flow there, connecting when needed. TransportFailed within 5 s (names: the resolver's patience)."""
        host = await self._address(destination.host)
        if destination.public and not is_public(host):
            raise TransportFailed(f"{destination.host} is inside a private network")
        if destination.transport == "UDP":
            return self._udp(host, destination.port)
        if destination.transport not in ("TCP", "TLS"):
            raise TransportFailed(f"no transport {destination.transport}")
        name = destination.tls_name or (destination.host if destination.host != host else "")
        key = (destination.transport, host, destination.port, name)
        known = self._connections.get(key)
        if known is not None and known.alive:
            return known
        task = self._connecting.get(key)
        if task is None:
            task = self._tasks.spawn(self._connect(key), "connect")
            self._connecting[key] = task
            task.add_done_callback(lambda _: self._connecting.pop(key, None))
        made = await asyncio.shield(task)
        if isinstance(made, str):
            raise TransportFailed(made)
        return made

    def flow_at_once(self, destination: Destination) -> Flow | None:
        """A flow that needs no name looked up and no connection made, or None."""
        try:
            host = str(ip_address(destination.host))
            if destination.public and not is_public(host):
                return None
            if destination.transport == "UDP":
                return self._udp(host, destination.port)
        except (ValueError, TransportFailed):
            return None
        known = self._connections.get((destination.transport, host, destination.port, destination.tls_name))
        return known if known is not None and known.alive else None

    def _udp(self, host: str, port: int) -> Flow:
        version_6 = ":" in host
        for point, endpoint in self._endpoints:
            if (":" in point.host) == version_6:
                return UdpFlow(endpoint, (host, port))
        raise TransportFailed("no UDP socket of that family")

    async def _address(self, host: str) -> str:
        try:
            return str(ip_address(host))
        except ValueError:
            pass
        loop = asyncio.get_running_loop()
        known = self._names.get(host)
        if known is not None and loop.time() < known[0]:
            return known[1]
        try:
            found = await loop.getaddrinfo(host, None)
        except (OSError, UnicodeError) as error:
            raise TransportFailed(f"{host} can't be resolved") from error
        families = {":" in point.host for point in self.points}
        usable = [str(entry[4][0]) for entry in found if (":" in str(entry[4][0])) in families]
        if not usable:
            raise TransportFailed(f"{host} has no usable address")
        if len(self._names) >= _NAMES_KEPT:
            self._names.clear()
        self._names[host] = (loop.time() + _NAME_SECONDS, usable[0])
        return usable[0]

    async def _listen(self, point: ListenPoint) -> ListenPoint:
        if point.transport == "TLS" and point.tls is None:
            raise ValueError("a TLS point needs its certificate")
        found = await asyncio.get_running_loop().getaddrinfo(point.host, point.port, type=socket.SOCK_STREAM)
        family, address = found[0][0], found[0][4]
        listening = socket.create_server((address[0], point.port), family=family, backlog=_BACKLOG)
        listening.setblocking(False)
        self._listening.append(listening)
        taken = _taken(point, listening.getsockname()[1])
        self._tasks.spawn(self._accept(listening, taken), "accept SIP connections")
        return taken

    async def _accept(self, listening: socket.socket, point: ListenPoint) -> None:
        """Take connections, within the limits from the first packet on: a handshake that is never finished holds a
        file as well."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, remote = await loop.sock_accept(listening)
            except OSError:  # it is gone again, or this process has no file left
                await asyncio.sleep(_NO_FILE_SECONDS)
                continue
            source = str(remote[0])
            count = self._incoming.get(source, 0)
            limits = self._limits
            held = sum(self._incoming.values()) + sum(self._known.values())
            full = held >= limits.connections and not self._make_room()
            if count >= limits.connections_per_source or full:
                accepted.close()
                continue
            self._incoming[source] = count + 1
            self._tasks.spawn(self._secured(accepted, source, point), "connection accepted")

    def _make_room(self) -> bool:
        """Hang up on the stranger who has been silent for longest, so that many who say nothing keep nobody out. False
        when there is none."""
        strangers = [each for each in self._connections.values() if each.counted and not each.known and each.alive]
        if not strangers:
            return False
        min(strangers, key=lambda each: each.heard).abort()
        return True

    async def _secured(self, accepted: socket.socket, source: str, point: ListenPoint) -> None:
        made = Connection(point.transport, self._receive, self._accepted, self._gone, self._limits)
        try:
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.get_running_loop().connect_accepted_socket(
                    lambda: made, accepted, ssl=point.tls, ssl_handshake_timeout=_CONNECT_SECONDS if point.tls else None
                )
        finally:
            if not made.counted:
                accepted.close()
                _less(self._incoming, source)

    async def _connect(self, key: tuple[str, str, int, str]) -> Connection | str:
        """The connection, or why there is none."""
        transport, host, port, name = key
        context = None
        if transport == "TLS":
            context = self._tls_client or ssl.create_default_context()
        made = Connection(transport, self._receive, lambda _: True, self._gone, self._limits, outgoing=True)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await asyncio.get_running_loop().create_connection(
                    lambda: made, host, port, ssl=context, server_hostname=(name or host) if context else None
                )
        except (OSError, TimeoutError) as error:
            return str(error) or "no answer"
        made.name = name
        made.remote = (host, port)
        self._connections[key] = made
        return made

    def know(self, flow: Flow | None) -> None:
        """Whoever speaks by this has shown who they are: strangers from the same address are let in beside them."""
        if not isinstance(flow, Connection) or not flow.counted or flow.known:
            return
        source = flow.remote[0]
        if self._known.get(source, 0) < self._limits.phones_per_source:
            flow.known = True
            self._known[source] = self._known.get(source, 0) + 1
            _less(self._incoming, source)

    def _accepted(self, connection: Connection) -> bool:
        connection.counted = True
        self._connections[(connection.transport, connection.remote[0], connection.remote[1], "")] = connection
        return True

    def _gone(self, connection: Connection) -> None:
        key = (connection.transport, connection.remote[0], connection.remote[1], connection.name)
        if self._connections.get(key) is connection:
            del self._connections[key]
        if connection.counted:
            _less(self._known if connection.known else self._incoming, connection.remote[0])
        self._on_lost(connection)


def _less(counts: dict[str, int], source: str) -> None:
    left = counts.get(source, 1) - 1
    if left > 0:
        counts[source] = left
    else:
        counts.pop(source, None)


def _taken(point: ListenPoint, port: int) -> ListenPoint:
    return ListenPoint(point.transport, point.host, port, point.advertise_host, point.advertise_port, point.tls)
