"""Where the seconds of media, of detail records and of bills differ. One function decides for one call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Cause(StrEnum):
    """Why they differ."""

    USAGE_MISSING = "usage_missing"
    USAGE_TWICE = "usage_twice"
    SECONDS_DIFFER = "seconds_differ"
    UNRATED = "unrated"
    REFUSED_BILLED = "refused_billed"
    RECORD_MISSING = "record_missing"
    WALLET_DIFFERS = "wallet_differs"
    STILL_OPEN = "still_open"
    MEDIA_DIFFERS = "media_differs"


@dataclass(frozen=True)
class CallSeconds:
    """A call's detail record. Whole seconds, a begun one counting. `media` is from its start to its end, less what no
    node vouches for; `talk` what its wallet is charged for, `due` what is to be billed."""

    call_id: str
    call_time: datetime
    record: int
    media: int
    talk: int
    due: int
    free: bool = False
    """It was refused, or a call out that nobody answered."""


@dataclass(frozen=True)
class UsageSeconds:
    """A call's usage record."""

    call_id: str
    meter: str
    call_time: datetime
    used: int
    rated: bool


@dataclass(frozen=True)
class WalletSeconds:
    """What a prepaid call was charged for."""

    call_id: str
    call_time: datetime
    talked: int
    settled: bool
    granted: int = 1
    """Seconds its wallet paid for; a call that was granted none pays nothing."""


@dataclass(frozen=True)
class Difference:
    """One cause for one call."""

    call_id: str
    cause: Cause
    call_time: datetime
    media_seconds: int = 0
    record_seconds: int = 0
    billed_seconds: int = 0


def differences(
    calls: Iterable[CallSeconds], usage: Iterable[UsageSeconds], wallets: Iterable[WalletSeconds]
) -> list[Difference]:
    """Everything that differs, by call. All three are of one interval; a call at its edge has all of them in it."""
    records = {each.call_id: each for each in calls}
    used: dict[str, list[UsageSeconds]] = {}
    for each in usage:
        used.setdefault(each.call_id, []).append(each)
    prepaid = {each.call_id: each for each in wallets}
    found: list[Difference] = []
    for call_id, call in sorted(records.items()):
        found += _of_call(call, used.get(call_id, []), prepaid.get(call_id))
    for call_id, several in sorted(used.items()):
        if call_id not in records:
            first = several[0]
            found.append(Difference(call_id, Cause.RECORD_MISSING, first.call_time, billed_seconds=first.used))
    return found


def _of_call(call: CallSeconds, used: list[UsageSeconds], wallet: WalletSeconds | None) -> list[Difference]:
    billed = sum(each.used for each in used)

    def differs(cause: Cause, seconds: int = billed) -> Difference:
        return Difference(call.call_id, cause, call.call_time, call.media, call.record, seconds)

    found: list[Difference] = []
    if call.media != call.record:
        found.append(differs(Cause.MEDIA_DIFFERS))
    if call.free:
        if used:
            found.append(differs(Cause.REFUSED_BILLED))
    elif not used:
        found.append(differs(Cause.USAGE_MISSING))
    elif len(used) > 1:
        found.append(differs(Cause.USAGE_TWICE))
    elif billed != call.due:
        found.append(differs(Cause.SECONDS_DIFFER))
    elif not used[0].rated:
        found.append(differs(Cause.UNRATED))
    if wallet is not None and not wallet.settled:
        found.append(differs(Cause.STILL_OPEN, wallet.talked))
    elif wallet is not None and wallet.talked != (call.talk if wallet.granted else 0):
        found.append(differs(Cause.WALLET_DIFFERS, wallet.talked))
    return found
