"""What became of calls, counted for service levels (docs/mechanisms/service-levels.md): whether they were set up, how
those that were ended, how each five seconds of a conversation sounded. What the rules refuse is nobody's failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from chassis.telemetry import counter, log
from kernel.errors import DomainError, Unavailable

from telephony.domain.calls import EndCause

_set_up = counter("merkez.call.setups", "Calls in that were to be set up, by what became of it: done, refused, failed")
_ended = counter("merkez.call.endings", "Calls that ended: fine, or failed when a part of ours was the reason")
_heard = counter("merkez.media.intervals", "Five seconds of a party in a conversation: fine, lossy or stalled")

_rung = counter("merkez.trunk.attempts", "Numbers rung over a gateway: heard of it, or the gateway was away")

OURS = frozenset(
    {
        EndCause.MEDIA_FAILED, EndCause.NODE_LOST, EndCause.NODE_DRAINED, EndCause.FLOW_FAILED, EndCause.BILLING_AWAY,
    }
)  # fmt: skip
"""Ends that no party, company or network wished for."""
LOSSY = 0.05
"""Of packets: what concealment of Opus and G.711 can't hide any more (ITU-T G.113 appendix I)."""


@contextmanager
def setting_up(way: str) -> Iterator[None]:
    """A call in by `way` is set up within: what is raised says what became of it."""
    try:
        yield
    except DomainError as error:
        _set_up.add(1, {"way": way, "outcome": "failed" if isinstance(error, Unavailable) else "refused"})
        raise
    except Exception:
        _set_up.add(1, {"way": way, "outcome": "failed"})
        raise
    set_up(way, "done")


def set_up(way: str, outcome: str) -> None:
    """A call in by `way` was done, refused or failed."""
    _set_up.add(1, {"way": way, "outcome": outcome})


def ended(cause: str, call_id: str) -> None:
    """A call ended for this cause; one of ours is told in the log, where who looks for it finds which."""
    if cause in OURS:
        log.warning("a call ended for a reason of ours", call_id=call_id, cause=cause)
    _ended.add(1, {"outcome": "failed" if cause in OURS else "fine"})


def rung(status: int) -> None:
    """A gateway answered a call out by this status, or by none in time (408). What its network says of the number is no
    fault of the gateway's."""
    _rung.add(1, {"outcome": "away" if status == 408 or 500 <= status < 600 else "heard"})


def sounded(*, stalled: bool, loss: float) -> None:
    """A party of a conversation was measured."""
    _heard.add(1, {"outcome": "stalled" if stalled else "lossy" if loss > LOSSY else "fine"})
