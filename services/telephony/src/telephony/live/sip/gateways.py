"""A carrier's gateway as SIP names it, and where that is."""

from __future__ import annotations

import asyncio
import ipaddress

from telephony.domain.trunks import Gateway, Transport
from telephony.sip import Destination, SipUri

_SUFFIX: dict[Transport, dict[str, str | None]] = {
    Transport.UDP: {},
    Transport.TCP: {"transport": "tcp"},
    Transport.TLS: {"transport": "tls"},
}


def hop_of(gateway: Gateway) -> Destination:
    """Where requests to a gateway go."""
    return Destination(gateway.transport.value, gateway.host, gateway.port)


def uri_of(user: str, gateway: Gateway) -> str:
    """The Request-URI of a number at a gateway, or of the gateway itself."""
    return str(SipUri.of(user, gateway.host.strip("[]"), gateway.port, **_SUFFIX[gateway.transport]))


def given_address(host: str) -> str:
    """The address that a gateway's host is; empty when it is a name."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return ""


async def look_up(host: str) -> tuple[str, ...]:
    """What a gateway's host stands for now, sorted; an address is itself. Nothing when nobody knows the name."""
    if given := given_address(host):
        return (given,)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return ()
    return tuple(sorted({str(each[4][0]) for each in found}))
