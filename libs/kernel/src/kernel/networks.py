"""Which addresses are out in the world and which lead inside: a tenant's wish must not make us knock on our own doors.

Server-side request forgery, OWASP A10. Names are looked up before, and the very address that was judged is used.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK: tuple[Network, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))

_GIVEN_OUT = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NEVER: tuple[Network, ...] = tuple(
    map(
        ipaddress.ip_network,
        (
            # Link-local is where clouds answer for a machine's credentials; the others are where some do beside it
            # (Alibaba, Azure, Oracle, AWS and Google over IPv6).
            "169.254.0.0/16", "fe80::/10", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32",
            "fd00:ec2::/32", "fd20:ce::/32",
        ),
    )
)  # fmt: skip


def networks_of(text: str) -> tuple[Network, ...]:
    """Read a setting: networks and addresses with commas. ValueError naming what is none."""
    return tuple(ipaddress.ip_network(each.strip()) for each in text.split(",") if each.strip())


def is_public(address: str) -> bool:
    """Whether it is an IP address that anybody in the world may be asked to talk to."""
    return may_reach(address)


def may_reach(address: str, allowed: Sequence[Network] = ()) -> bool:
    """Whether an IP address is public or in one of the `allowed` networks. Where machines get their credentials is
    never; what is no address isn't either."""
    try:
        parsed = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    # An IPv4 target can hide in an IPv6 one: mapped (RFC 4291), 6to4 (RFC 3056), NAT64 (RFC 6052).
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if parsed in _NAT64:
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if inner is not None:
            return may_reach(str(inner), allowed)
    if any(parsed in each for each in _NEVER):
        return False
    if any(parsed in each for each in allowed):
        return True
    # Of IPv6 only 2000::/3 was ever given out (RFC 4291 2.4). What else there is leads to ourselves or to neighbours,
    # such as the deprecated site-local fec0::/10, local NAT64 64:ff9b:1::/48 (RFC 8215) and ::a.b.c.d.
    if isinstance(parsed, ipaddress.IPv6Address) and parsed not in _GIVEN_OUT:
        return False
    return parsed.is_global and not parsed.is_multicast
