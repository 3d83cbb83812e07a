"""Trades: offered, accepted once, decided, done as a version of the published week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from chassis.sql import Tx
from kernel.errors import FailedPrecondition, InvalidInput, NotFound
from kernel.ids import new_id

from wfm.domain.shifts import Shift
from wfm.domain.trades import TRANSITIONS, Trade, TradeState, judged, moves, same, taken
from wfm.domain.violations import Violation
from wfm.ops import notices
from wfm.ops.calendar import VersionConflict
from wfm.ops.own import profile_of
from wfm.ops.revisions import Weighed, monday_of, published, revise, weigh
from wfm.ops.shifts import ShiftNotFound
from wfm.store import own, sites
from wfm.store import schedules as versions
from wfm.store import trades as store
from wfm.store.schedules import Version


class TradeInvalid(InvalidInput):
    """A trade can't be like this."""

    reason = "TRADE_INVALID"


class TradeNotFound(NotFound):
    """No such trade, or it is offered to others."""

    reason = "TRADE_NOT_FOUND"


class TradeTooLate(FailedPrecondition):
    """The shift is too near."""

    reason = "TRADE_TOO_LATE"


class TradeOfferedAlready(FailedPrecondition):
    """The shift is offered, or is to be given for another."""

    reason = "TRADE_OFFERED_ALREADY"


class TradeNotOpen(FailedPrecondition):
    """The trade's state forbids it: somebody was first, it was taken back, or its time is over."""

    reason = "TRADE_NOT_OPEN"


class TradeStale(FailedPrecondition):
    """A shift isn't any more what it was."""

    reason = "TRADE_STALE"


class TradeBreaksRules(FailedPrecondition):
    """A rule that a manager can't let pass would be broken."""

    reason = "TRADE_BREAKS_RULES"


async def offer(tx: Tx, user_id: str, day: date, said: Trade, now: datetime) -> Trade:
    """Offers a shift. `said` has whom to, whether for another and on which days, and a note."""
    await profile_of(tx, user_id)
    first = monday_of(day)
    for name, fine, words in (
        ("to_user_id", said.to_user != user_id, "must be somebody else"),
        ("wanted_days", said.swap or not said.wanted, "is only of a swap"),
        ("wanted_days", all(monday_of(each) == first for each in said.wanted), "must be of the shift's week"),
        ("note", len(said.note) <= 200, "must be at most 200 characters"),
    ):
        if not fine:
            raise TradeInvalid.of(f"shift_trade.{name}", words)
    if said.to_user:
        await profile_of(tx, said.to_user)
    version, shift = await _shift(tx, user_id, day)
    notice = timedelta(hours=(await own.settings(tx)).trade_notice_hours)
    if shift.start - notice <= now:
        raise TradeTooLate("the shift has begun, or begins too soon to be traded")
    if any(each.at(now).state is not TradeState.EXPIRED for each in await store.live_trades(tx, user_id, day)):
        raise TradeOfferedAlready("the shift is offered already")
    made = replace(
        said, trade_id=new_id("trd", now), user_id=user_id, first=first, shift=shift, expire_time=shift.start - notice,
        create_time=now,
    )  # fmt: skip
    if not made.swap:
        taker = [taken(shift, made.to_user, await sites.zones(tx), version.zone)] if made.to_user else []
        _of_week(version, taker)
        users = [user_id, *([made.to_user] if made.to_user else [])]
        _judge(await weigh(tx, version, users, [shift], taker), automatic=True)
    await store.save_trade(tx, made)
    if made.to_user:
        await notices.tell(
            tx, "TRADE_OFFERED", {made.to_user: [day]}, now, first=first, subject_id=made.trade_id, note=made.note
        )
    return made


async def accept(
    tx: Tx, user_id: str, trade_id: str, day: date | None, now: datetime, *, only_look: bool = False
) -> tuple[Trade, list[Violation]]:
    """Accepts a trade: it is done at once, or waits for a manager. With `only_look`, what would come of it and which
    rules would be broken."""
    await profile_of(tx, user_id)
    trade = await _find(tx, trade_id, now)
    if not trade.offered_to(user_id):
        raise TradeNotFound("no such trade")
    if trade.state is not TradeState.OPEN:
        raise TradeNotOpen("somebody was first, it was taken back, or its time is over")
    version, shift = await _shift(tx, trade.user_id, trade.shift.day, stale=True)
    if not same(shift, trade.shift):
        raise TradeStale("the shift isn't any more what it was")
    trade = replace(trade, colleague_id=user_id, shift=shift)
    if trade.swap:
        if day is None or monday_of(day) != trade.first or (trade.wanted and day not in trade.wanted):
            raise TradeInvalid.of("day", "must be a day of the week on which a shift is wanted")
        _, mine = await _shift(tx, user_id, day)
        if mine.start <= now:
            raise TradeTooLate("the shift that is given for it has begun")
        trade = replace(trade, colleague_shift=mine, expire_time=min(trade.expire_time, mine.start))
    elif day is not None:
        raise TradeInvalid.of("day", "is only of a swap")
    found = await _weighed(tx, version, trade)
    automatic = (await own.settings(tx)).automatic_trades
    hard, concerns = judged(found.broken, found.under_before, found.under_after, automatic=automatic)
    trade = replace(trade, state=TradeState.ACCEPTED, concerns=tuple(concerns), version=trade.version + 1)
    if only_look:
        return replace(trade, state=trade.state if concerns or hard else TradeState.DONE), list(found.broken)
    if hard:
        raise _breaks(hard)
    if not concerns:
        return await _do(tx, version, trade, now, quiet=user_id), []
    await store.save_trade(tx, trade)
    await notices.tell(
        tx, "TRADE_ACCEPTED", {trade.user_id: [trade.shift.day]}, now, first=trade.first, subject_id=trade.trade_id
    )
    return trade, list(found.broken)


async def withdraw(tx: Tx, user_id: str, trade_id: str, now: datetime) -> Trade:
    """Takes back an offer, or one's acceptance of it: then it is open again."""
    trade = await _find(tx, trade_id, now)
    if user_id not in (trade.user_id, trade.colleague_id):
        raise TradeNotFound("no such trade")
    trigger = "withdraw" if user_id == trade.user_id else "reopen"
    state = TRANSITIONS.get((trade.state, trigger))
    if state is None:
        raise TradeNotOpen("it is done, was refused or taken back, or its time is over")
    changed = replace(trade, state=state, version=trade.version + 1)
    if trigger == "reopen":
        notice = timedelta(hours=(await own.settings(tx)).trade_notice_hours)
        changed = replace(
            changed, colleague_id="", colleague_shift=None, concerns=(), expire_time=trade.shift.start - notice
        )
    else:
        changed = replace(changed, decide_time=now)
    await store.save_trade(tx, changed)
    return changed


async def decide(tx: Tx, trade_id: str, version: int, approve: bool, reason: str, by: str, now: datetime) -> Trade:
    """A manager's word on an accepted trade; rules are held against it once more."""
    if len(reason) > 200 or (not approve and not reason):
        raise TradeInvalid.of("reason", "must be given for a refusal, and be at most 200 characters")
    trade = await _find(tx, trade_id, now)
    if trade.state is not TradeState.ACCEPTED:
        raise TradeNotOpen("nobody has accepted it, it is decided, or its time is over")
    if trade.version != version:
        raise VersionConflict("the trade was changed meanwhile: read it again")
    decided = replace(trade, decided_by=by, reason=reason, version=trade.version + 1)
    if not approve:
        refused = replace(decided, state=TRANSITIONS[trade.state, "refuse"], decide_time=now)
        await store.save_trade(tx, refused)
        await notices.tell(
            tx, "TRADE_REFUSED", _whom(trade), now, first=trade.first, subject_id=trade.trade_id, note=reason
        )
        return refused
    found, shift = await _shift(tx, trade.user_id, trade.shift.day, stale=True)
    theirs = trade.colleague_shift
    if theirs is not None:
        _, now_theirs = await _shift(tx, trade.colleague_id, theirs.day, stale=True)
        if not same(theirs, now_theirs):
            raise TradeStale("the shift that is given for it isn't any more what it was")
        decided = replace(decided, colleague_shift=now_theirs)
    if not same(shift, trade.shift):
        raise TradeStale("the shift isn't any more what it was")
    decided = replace(decided, shift=shift)
    _judge(await _weighed(tx, found, decided), automatic=True)
    return await _do(tx, found, decided, now)


async def list_own(tx: Tx, user_id: str, now: datetime) -> list[Trade]:
    """Those somebody may accept, and those they offered or accepted."""
    return [each.at(now) for each in await store.list_trades(tx, of=user_id, now=now)]


async def list_all(tx: Tx, state: str, now: datetime) -> list[Trade]:
    """Everybody's; what has run out is no more open."""
    asked = "" if state == TradeState.EXPIRED.value else state
    found = [each.at(now) for each in await store.list_trades(tx, asked)]
    return [each for each in found if not state or each.state.value == state]


async def _find(tx: Tx, trade_id: str, now: datetime) -> Trade:
    found = await store.find_trade(tx, trade_id)
    if found is None:
        raise TradeNotFound("no such trade")
    return found.at(now)


async def _shift(tx: Tx, user_id: str, day: date, *, stale: bool = False) -> tuple[Version, Shift]:
    version = await published(tx, monday_of(day))
    mine = await versions.list_shifts(tx, version.schedule_id, [user_id]) if version else []
    shift = next((each for each in mine if each.day == day), None)
    if version is None or shift is None:
        if stale:
            raise TradeStale("a shift isn't there any more")
        raise ShiftNotFound("there is no shift that day")
    return version, shift


async def _weighed(tx: Tx, version: Version, trade: Trade) -> Weighed:
    gone, new = moves(trade, await sites.zones(tx), version.zone, kept=False)
    _of_week(version, new)
    return await weigh(tx, version, [trade.user_id, trade.colleague_id], gone, new)


def _of_week(version: Version, new: Sequence[Shift]) -> None:
    """By the clocks of whoever takes one."""
    if any(monday_of(each.day) != version.first for each in new):
        raise TradeInvalid.of("day", "must be of the same week by the clocks of both agents' sites")


def _judge(found: Weighed, *, automatic: bool) -> None:
    hard, _ = judged(found.broken, found.under_before, found.under_after, automatic=automatic)
    if hard:
        raise _breaks(hard)


def _breaks(found: list[Violation]) -> TradeBreaksRules:
    words = "; ".join(
        f"{each.rule.value} on {each.day}: {each.found} where {each.allowed} is allowed" for each in found
    )
    rules = ",".join(sorted({each.rule.value for each in found}))
    return TradeBreaksRules(words, metadata={"rule": found[0].rule.value, "rules": rules})


def _whom(trade: Trade) -> dict[str, list[date]]:
    days = [trade.shift.day, *([trade.colleague_shift.day] if trade.colleague_shift else [])]
    return {trade.user_id: days, trade.colleague_id: days}


async def _do(tx: Tx, version: Version, trade: Trade, now: datetime, quiet: str = "") -> Trade:
    done = replace(trade, state=TRANSITIONS[trade.state, "do"], decide_time=now)
    gone, new = moves(done, await sites.zones(tx), version.zone)
    await revise(tx, version, gone, new, now, quiet=[trade.user_id, trade.colleague_id])
    await store.save_trade(tx, done)
    whom = {user_id: days for user_id, days in _whom(done).items() if user_id != quiet}
    await notices.tell(tx, "TRADE_DONE", whom, now, first=done.first, subject_id=done.trade_id, note=done.reason)
    return done
