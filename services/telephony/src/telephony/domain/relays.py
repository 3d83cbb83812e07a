"""TURN servers and credentials for them, good for a while (coturn's REST API: draft-uberti-behave-turn-rest-00 2.2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

CREDENTIALS_LAST = timedelta(hours=1)
_URL = re.compile(r"(?:turns?:[^\s,?@/]+(?:\?transport=(?:udp|tcp))?|stuns?:[^\s,?@/]+)")


@dataclass(frozen=True)
class IceServer:
    """What a browser is told of some of the servers."""

    urls: tuple[str, ...]
    username: str = ""
    credential: str = ""


def urls_of(setting: str) -> tuple[str, ...]:
    """The URLs of a list with commas."""
    return tuple(url for item in setting.split(",") if (url := item.strip()))


def is_ice_url(url: str) -> bool:
    """Whether it is a STUN or TURN URL (RFC 7064, RFC 7065)."""
    return _URL.fullmatch(url) is not None


def servers_for(urls: Sequence[str], secret: str, who: str, expires: datetime) -> tuple[IceServer, ...]:
    """The servers, with credentials for `who` until `expires` where they need some.

    User name: the time it runs out in Unix seconds, a colon, who it is for. Password: HMAC-SHA1 of it under the secret
    shared with the servers, in base64; the algorithm is theirs.
    """
    open_to_all = tuple(url for url in urls if url.startswith("stun"))
    relays = tuple(url for url in urls if url.startswith("turn"))
    found = [IceServer(open_to_all)] if open_to_all else []
    if relays and secret:
        username = f"{int(expires.timestamp())}:{who}"
        digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
        found.append(IceServer(relays, username, base64.b64encode(digest).decode()))
    return tuple(found)
