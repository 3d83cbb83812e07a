"""Where requests that an edge of ours passed on began: `X-Merkez-Source: udp:203.0.113.5:5060` (infra/kamailio).

The edge removes what a sender wrote there and writes its own. From anybody else the field is a claim, and nothing.
"""

from __future__ import annotations

from ipaddress import ip_address

from telephony.sip.messages import Flow, Request, Source

FIELD = "x-merkez-source"
_TRANSPORTS = frozenset({"UDP", "TCP", "TLS"})


def told_by_edge(request: Request, flow: Flow) -> Source:
    """What the edge at the end of `flow` says. Without one clear word the source is nowhere: never the edge itself,
    whose address might be somebody's."""
    nowhere = Source(flow.transport, by_edge=True)
    lines = request.headers.lines(FIELD)
    if len(lines) != 1:
        return nowhere
    transport, _, place = lines[0].strip().partition(":")
    host, _, port = place.rpartition(":")
    try:
        address = str(ip_address(host.strip("[]")))
    except ValueError:
        return nowhere
    if transport.upper() not in _TRANSPORTS or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        return nowhere
    return Source(transport.upper(), address, int(port), by_edge=True)
