"""A carrier's gateway as SIP names it."""

from __future__ import annotations

from telephony.domain.trunks import Gateway, Transport, Trunk
from telephony.sip import SipUri

_SUFFIX: dict[Transport, dict[str, str | None]] = {
    Transport.UDP: {},
    Transport.TCP: {"transport": "tcp"},
    Transport.TLS: {"transport": "tls"},
}


def registrar_of(trunk: Trunk) -> Gateway:
    """The gateway a trunk is registered with: its first."""
    return min(trunk.gateways, key=lambda each: each.priority)


def address_of(user: str, gateway: Gateway) -> str:
    """The address of record of a user, escaped as a trunk has it, at a gateway: who registers there, and who calls."""
    return str(SipUri("sip", user, gateway.host.strip("[]")))


def uri_of(user: str, gateway: Gateway) -> str:
    """The Request-URI of a number at a gateway, or of the gateway itself."""
    return str(SipUri.of(user, gateway.host.strip("[]"), gateway.port, **_SUFFIX[gateway.transport]))
