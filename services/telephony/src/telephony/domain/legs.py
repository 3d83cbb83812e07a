"""Legs: one party's media in a call. A customer's leg can be re-attached by a secret only the customer's page has."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from kernel.errors import Unauthenticated
from kernel.ids import is_id


class LegState(Enum):
    """Where a leg's media stands."""

    CONNECTING = "CONNECTING"
    CONNECTED = "CONNECTED"
    MEDIA_LOST = "MEDIA_LOST"
    ENDED = "ENDED"


class LegTrigger(Enum):
    """What moves a leg."""

    CONNECT = "CONNECT"
    LOSE = "LOSE"
    REATTACH = "REATTACH"
    END = "END"


_S, _T = LegState, LegTrigger
LEG_TRANSITIONS: Mapping[tuple[LegState, LegTrigger], LegState] = {
    (_S.CONNECTING, _T.CONNECT): _S.CONNECTED,
    (_S.CONNECTING, _T.LOSE): _S.MEDIA_LOST,
    (_S.CONNECTED, _T.LOSE): _S.MEDIA_LOST,
    (_S.MEDIA_LOST, _T.CONNECT): _S.CONNECTED,
    (_S.CONNECTING, _T.REATTACH): _S.CONNECTING,
    (_S.CONNECTED, _T.REATTACH): _S.CONNECTING,
    **{(state, _T.END): _S.ENDED for state in (_S.CONNECTING, _S.CONNECTED, _S.MEDIA_LOST)},
}
"""Every change a leg can make; anything else changes nothing. Lost media stays lost until it is connected again."""


class LegTokenInvalid(Unauthenticated):
    """The leg token is malformed, forged, or its call is over."""

    reason = "LEG_TOKEN_INVALID"


@dataclass(frozen=True)
class Leg:
    """One leg as stored. `party` is customer or agent."""

    leg_id: str
    call_id: str
    party: str
    state: LegState
    agent_id: str = ""
    token_hash: str = ""
    muted: bool = False
    join_time: datetime | None = None
    leave_time: datetime | None = None
    mos: float = 0.0


def change_leg(leg: Leg, trigger: LegTrigger) -> Leg | None:
    """The leg after `trigger`, or None when that changes nothing."""
    state = LEG_TRANSITIONS.get((leg.state, trigger))
    return None if state is None or state is leg.state else dataclasses.replace(leg, state=state)


def new_token(tenant_id: str, leg_id: str) -> tuple[str, str]:
    """A token for the customer's page, and its hash to be stored."""
    secret = secrets.token_urlsafe(24)
    return f"{tenant_id}.{leg_id}.{secret}", _hash(secret)


def read_token(token: str) -> tuple[str, str, str]:
    """(tenant id, leg id, hash of the secret) of a well-formed token; LegTokenInvalid otherwise."""
    tenant_id, _, rest = token.partition(".")
    leg_id, _, secret = rest.partition(".")
    if not is_id("ten", tenant_id) or not is_id("leg", leg_id) or not 16 <= len(secret) <= 128:
        raise LegTokenInvalid("the leg token is not valid")
    return tenant_id, leg_id, _hash(secret)


def token_matches(leg: Leg, token_hash: str) -> bool:
    return bool(leg.token_hash) and hmac.compare_digest(leg.token_hash, token_hash)


def _hash(secret: str) -> str:
    # 144 random bits need no salt and no slow hash.
    return hashlib.sha256(secret.encode()).hexdigest()
