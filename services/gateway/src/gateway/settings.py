"""What the gateway reads from the environment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from chassis.settings import ProcessSettings, url_wrong, variable

_WEB_DIST = Path(__file__).resolve().parents[3] / "web" / "dist"


@dataclass(frozen=True, kw_only=True)
class GatewaySettings(ProcessSettings):
    """`MERKEZ_HTTP_PORT` and so on; see chassis.settings for what every process has."""

    http_host: str = "0.0.0.0"
    http_port: int = 8080
    """0 takes a free port."""
    public_grpc_host: str = "0.0.0.0"
    public_grpc_port: int = 8081
    public_url: str = ""
    """Where people reach this installation; https makes cookies Secure. Empty: as each request says."""
    trusted_proxies: str = ""
    """Addresses, with commas, of reverse proxies whose X-Forwarded-For and -Proto are believed. Empty: none."""
    web_dist: str = str(_WEB_DIST)
    """Folder of the built web app."""
    access_audience: str = "merkez"
    """The `aud` access tokens must carry."""

    requests_per_second: float = 50.0
    """Sustained, per principal; four seconds' worth may come at once."""
    stranger_requests_per_second: float = 25.0
    """Sustained, per address, of those who did not sign in."""
    sign_ins_per_minute: float = 60.0
    """Sign-ins, sign-ups and accepted invitations per address; half a minute's worth may come at once."""
    widget_calls_per_minute: float = 60.0
    """Calls started from one address."""
    sockets_per_user: int = 32
    sockets_per_tenant: int = 5000
    widget_sockets_per_address: int = 200
    socket_queue: int = 512
    """Messages that may wait for one slow socket before it is dropped."""

    @property
    def proxies(self) -> list[str]:
        """The addresses and networks of `trusted_proxies`."""
        return [address.strip() for address in self.trusted_proxies.split(",") if address.strip()]

    def wrong(self) -> Iterator[str]:
        """As every process's, and addresses that are none."""
        yield from super().wrong()
        yield from url_wrong("public_url", self.public_url, ("https", "http"), "host")
        if not all(map(_is_network, self.proxies)):
            yield f"{variable('trusted_proxies')} must be addresses or networks with commas, such as 10.0.0.0/8,::1"
        if self.http_port and self.http_port == self.public_grpc_port:
            yield f"{variable('http_port')} and {variable('public_grpc_port')} must be two different ports"


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return text == "*"
    return True
