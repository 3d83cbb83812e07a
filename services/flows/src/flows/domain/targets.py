"""Where an HTTP request of a flow may go: public addresses over http or https, nothing inside our network.

A tenant's flow runs on our machines, so a target inside our network would read what the tenant must not
(server-side request forgery, OWASP A10). Names are checked again after they are resolved.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

import idna
from kernel.networks import LOOPBACK, may_reach

_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.IGNORECASE)


def address_allowed(address: str, *, allow_loopback: bool) -> bool:
    """Whether an IP address is a public one, or a loopback one where that is allowed."""
    return may_reach(address, LOOPBACK if allow_loopback else ())


def url_problem(url: str, *, allow_loopback: bool) -> tuple[str, str] | None:
    """(reason, message) when a flow may not ask this address, else None. A name is not resolved here."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "URL_INVALID", "The address is malformed."
    if parts.scheme not in ("http", "https"):
        return "URL_INVALID", "The address must begin with https:// or http://."
    if not host:
        return "URL_INVALID", "The address names no host."
    if not _is_name_or_address(host):
        return "URL_INVALID", "The host is neither a name nor an address."
    if "{" in parts.netloc or "}" in parts.netloc:
        return "URL_INVALID", "The host can't hold a placeholder: callers must not choose who is asked."
    if parts.username is not None or parts.password is not None:
        return "URL_INVALID", "Put credentials into a header, not into the address."
    if _private_name(host, allow_loopback) or _private_literal(host, allow_loopback):
        return "URL_PRIVATE", "The address is inside a private network; flows may only ask public ones."
    return None


def _is_name_or_address(host: str) -> bool:
    if ":" in host:
        try:
            return ipaddress.IPv6Address(host.split("%")[0]) is not None
        except ValueError:
            return False
    try:
        # As it will be looked up (RFC 5891): a label that can't be written in ASCII is found by nobody.
        name = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return False
    return _HOST.fullmatch(name.rstrip(".")) is not None


def _private_name(host: str, allow_loopback: bool) -> bool:
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return not allow_loopback
    return name.endswith((".local", ".internal", ".cluster.local", ".svc"))


def _private_literal(host: str, allow_loopback: bool) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        # "127.1", "0x7f.1" and "2130706433" are addresses to a resolver although not to ipaddress.
        return host.rstrip(".").split(".")[-1].isdigit() or host.lower().startswith("0x")
    return not address_allowed(host, allow_loopback=allow_loopback)


def leads_elsewhere(template: str, url: str) -> bool:
    """Whether what was filled into an address makes another path of it than its author wrote: a part that is `.` or
    `..` stands for the one before it (RFC 3986 5.2.4), and callers may be called so."""
    return _dots(url) > _dots(template)


def _dots(url: str) -> int:
    path = url.partition("#")[0].partition("?")[0]
    return sum(part in (".", "..") for part in path.split("/"))
