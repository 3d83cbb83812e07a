"""Legs: one party's media in a call. A customer's leg can be re-attached by a secret only the customer's page has."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum

from kernel.errors import Unauthenticated
from kernel.ids import is_id


class Party:
    """Whose leg it is."""

    CUSTOMER = "customer"
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    PARTICIPANT = "participant"
    """Anyone else: a number that was consulted, or that the customer was transferred to."""
    SOUGHT = "sought"
    """A telephone that is rung to find an agent: nobody's in the conversation until they took the call on it, and an
    agent's leg from then on."""


class SupervisionMode(Enum):
    """How a supervisor takes part in a call."""

    LISTEN = "LISTEN"
    WHISPER = "WHISPER"
    BARGE = "BARGE"


class Answer(StrEnum):
    """Who answered a number that was rung."""

    HUMAN = "HUMAN"
    MACHINE = "MACHINE"
    """A machine that talks; no beep was heard yet."""
    MACHINE_BEEP = "MACHINE_BEEP"
    """A machine that has beeped: it records now."""
    FAX = "FAX"
    DISCONNECTED = "DISCONNECTED"
    """A special information tone or busy tone: nobody is there."""
    UNKNOWN = "UNKNOWN"
    """Nothing that tells: silence, or sounds that are neither. Treat it as a person."""


class Q850:
    """Causes of ITU-T Q.850 that we give ourselves; a carrier may give any other."""

    NORMAL = 16
    BUSY = 17
    NO_ANSWER = 19
    REJECTED = 21
    ANSWERED_ELSEWHERE = 26
    """Non-selected user clearing: another telephone that rang for the same call was answered."""
    UNREACHABLE = 27
    UNSPECIFIED = 31
    NO_CIRCUIT = 34
    TEMPORARY_FAILURE = 41
    CONGESTION = 42
    """Switching equipment congestion: we have no room, the lines would have."""
    BEARER = 65
    """Bearer capability not implemented: none of the media that were offered is taken (SIP 488)."""
    INTERWORKING = 127


class LegState(Enum):
    """Where a leg stands: ringing until it is answered, then by its media."""

    RINGING = "RINGING"
    CONNECTING = "CONNECTING"
    CONNECTED = "CONNECTED"
    MEDIA_LOST = "MEDIA_LOST"
    ENDED = "ENDED"


class LegTrigger(Enum):
    """What moves a leg."""

    ANSWER = "ANSWER"
    CONNECT = "CONNECT"
    LOSE = "LOSE"
    REATTACH = "REATTACH"
    END = "END"


_S, _T = LegState, LegTrigger
LEG_TRANSITIONS: Mapping[tuple[LegState, LegTrigger], LegState] = {
    (_S.RINGING, _T.ANSWER): _S.CONNECTED,
    (_S.CONNECTING, _T.CONNECT): _S.CONNECTED,
    (_S.CONNECTING, _T.LOSE): _S.MEDIA_LOST,
    (_S.CONNECTED, _T.LOSE): _S.MEDIA_LOST,
    (_S.MEDIA_LOST, _T.CONNECT): _S.CONNECTED,
    (_S.CONNECTING, _T.REATTACH): _S.CONNECTING,
    (_S.CONNECTED, _T.REATTACH): _S.CONNECTING,
    **{(state, _T.END): _S.ENDED for state in _S if state is not _S.ENDED},
}
"""Every change a leg can make; anything else changes nothing. Lost media stays lost until it is connected again."""


class LegTokenInvalid(Unauthenticated):
    """The leg token is malformed, forged, or its call is over."""

    reason = "LEG_TOKEN_INVALID"


@dataclass(frozen=True)
class Leg:
    """One leg as stored. `party` is one of `Party`."""

    leg_id: str
    call_id: str
    party: str
    state: LegState
    agent_id: str = ""
    """User whose station it is, of an agent's or a supervisor's leg."""
    contact_id: str = ""
    """Contact an agent handles with it."""
    address: str = ""
    """Number (E.164) or SIP address it was reached at; empty for browsers."""
    token_hash: str = ""
    muted: bool = False
    held: bool = False
    consulted: bool = False
    """An agent asks this party while the customer waits: it isn't joined with the customer yet."""
    invited_by: str = ""
    """Leg id of the agent who brought it in; run id and sequence ("run_.../7") of the instruction that did."""
    mode: SupervisionMode | None = None
    supervised_agent_id: str = ""
    join_time: datetime | None = None
    leave_time: datetime | None = None
    mos: float = 0.0
    q850_cause: int = 0
    sip_status: int = 0
    answered_by: Answer | None = None
    """None while nobody has told it."""
    detection: timedelta = timedelta(0)
    """From the answer to `answered_by`."""

    @property
    def live(self) -> bool:
        return self.state is not LegState.ENDED

    @property
    def answered(self) -> bool:
        """Whether somebody is there: it is neither ringing nor over."""
        return self.state not in (LegState.RINGING, LegState.ENDED)


def ended(leg: Leg, now: datetime, q850: int = Q850.NORMAL, sip_status: int = 0) -> Leg:
    """The leg after its end; one that is over stays as it is."""
    if not leg.live:
        return leg
    return dataclasses.replace(
        leg, state=LegState.ENDED, leave_time=now, q850_cause=q850, sip_status=sip_status, token_hash=""
    )


def freed(leg: Leg) -> Leg:
    """Off hold and heard again: whoever held or muted it is gone, and nobody else knows."""
    return dataclasses.replace(leg, held=False, muted=False)


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
