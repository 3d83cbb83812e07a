"""How one user agent is set up: where it listens, whom it trusts and challenges, and whom it asks about that."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from telephony.sip.connections import Limits
from telephony.sip.gate import GateKeys
from telephony.sip.messages import Request, Source
from telephony.sip.session_timer import SessionTimes
from telephony.sip.transports import ListenPoint


@dataclass(frozen=True)
class PassedOn:
    """A call is another node's to take."""

    place: str
    """host:port."""
    fields: tuple[tuple[str, str], ...] = ()
    """(name, value) of header fields for an edge of ours."""


async def _here() -> PassedOn | None:
    return None


@dataclass(frozen=True)
class AgentSettings:
    """How one agent is set up."""

    points: Sequence[ListenPoint]
    name: str = "merkez"
    """User-Agent, Server, and the user of our Contact when there is none better."""
    times: SessionTimes = field(default_factory=SessionTimes)
    limits: Limits = field(default_factory=Limits)
    tls_client: ssl.SSLContext | None = None
    """For TLS connections we make; None checks against the system's authorities."""
    keys: GateKeys | None = None
    """For challenging; None refuses everyone who isn't trusted."""
    trusted: Callable[[Source], bool] = field(default=lambda _: False)
    """Whether calls from there need no digest: a trunk's addresses."""
    share: Callable[[Source], str] = field(default=lambda source: source.host)
    """By what name a trusted source has its share of the new calls there may be: of one owner's trunks it is the same,
    or many addresses would be many shares."""
    phone: Callable[[str, str], Coroutine[Any, Any, bool] | None] = field(default=lambda *_: None)
    """Whether a user name (first) is of a phone that is signed in from an address. Such a caller is challenged from a
    trusted address too: offices share theirs with a trunk, and whoever says what is a trunk's need not be their own
    company. None, at once, for a name that no phone has. When it raises, the caller is told to come again (503)."""
    vouched: Callable[[Request], str] = field(default=lambda _: "")
    """The user that another node of ours has identified as who sent a request; empty when none has."""
    elsewhere: Callable[[Request, str], Coroutine[Any, Any, PassedOn | None]] = field(default=lambda *_: _here())
    """Where a call of a user who is identified belongs, when that is another node; None for here."""
    edges: Callable[[str], bool] = field(default=lambda _: False)
    """Whether an address is a proxy's of ours: then it says where a request began (`sources`). Such a proxy is never
    barred, whoever is behind it may be."""
    barred: Callable[[str], bool] = field(default=lambda _: False)
    """Whether an address isn't even listened to. Asked for every datagram: must be quick."""
    barred_name: Callable[[str, str], bool] = field(default=lambda *_: False)
    """Whether nobody at an address (first) is let in by a user name: the secret they show isn't looked at."""
    on_failure: Callable[[str, str, str], None] = field(default=lambda *_: None)
    """Called with an address, what it did, and the user name it did it by: `credentials` (wrong ones, under a nonce
    given to that address) or `malformed` (no name; over UDP the address may be forged: never bar a trunk for it)."""
