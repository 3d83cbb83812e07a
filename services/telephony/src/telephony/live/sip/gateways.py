"""A carrier's gateway as SIP names it."""

from __future__ import annotations

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
