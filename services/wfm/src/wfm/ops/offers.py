"""Overtime and voluntary time off: offered by name, taken by as many as there are places."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from chassis.sql import Tx
from kernel.errors import FailedPrecondition, InvalidInput, NotFound
from kernel.ids import new_id

from wfm import convert
from wfm.domain.adjusting import LONGEST, Kind, Offer, Reply
from wfm.domain.shifts import Shift
from wfm.ops import adjustments, intraday
from wfm.ops.history import RangeInvalid
from wfm.ops.workforce import PlannedAgentNotFound
from wfm.store import adjustments as store
from wfm.store import history, sites, workforce

MOST_ASKED = 500


class ShiftOfferInvalid(InvalidInput):
    """A field of an offer is wrong."""

    reason = "SHIFT_OFFER_INVALID"


class ShiftOfferNotFound(NotFound):
    """No such offer, or not to this agent."""

    reason = "SHIFT_OFFER_NOT_FOUND"


class ShiftOfferFilled(FailedPrecondition):
    """Every place is taken."""

    reason = "SHIFT_OFFER_FILLED"


class ShiftOfferClosed(FailedPrecondition):
    """It can't be answered so any more."""

    reason = "SHIFT_OFFER_CLOSED"


class ShiftOfferUnfit(FailedPrecondition):
    """The agent's shift can't be changed so any more."""

    reason = "SHIFT_OFFER_UNFIT"


async def create(tx: Tx, value: Offer, now: datetime) -> Offer:
    """Asks agents; each is told."""
    users = list(dict.fromkeys(each.user_id for each in value.replies))
    _fine(value, users, now)
    zone = ZoneInfo(await history.time_zone(tx))
    await adjustments.work_version(tx, value.start.astimezone(zone).date())
    for user_id in users:
        if await workforce.find_profile(tx, user_id) is None:
            raise PlannedAgentNotFound("an agent who is asked isn't planned for")
    made = replace(
        value, offer_id=new_id("sof", now), create_time=now, replies=tuple(Reply(each) for each in sorted(users))
    )
    await store.insert_offer(tx, made)
    for user_id in users:
        tx.emit(convert.offer_made(made, now, user_id), key=user_id)
    return made


def _fine(value: Offer, users: list[str], now: datetime) -> None:
    quarter = timedelta(minutes=15)
    epoch = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for name, fine, words in (
        ("kind", value.kind is not Kind.BREAK_MOVE, "must be overtime or voluntary time off"),
        ("start_time", value.start > now, "must be in the future"),
        ("start_time", (value.start - epoch) % quarter == timedelta(0), "must be on a quarter of an hour"),
        ("end_time", timedelta(0) < value.end - value.start <= LONGEST, "must be after start_time, at most 16 hours"),
        ("end_time", (value.end - epoch) % quarter == timedelta(0), "must be on a quarter of an hour"),
        ("expire_time", now < value.expire <= value.start, "must be in the future and not after start_time"),
        ("places", 1 <= value.places <= 500, "must be 1 to 500"),
        ("note", len(value.note) <= 500, "must be at most 500 characters"),
        ("replies", 1 <= len(users) <= MOST_ASKED, f"must name 1 to {MOST_ASKED} agents"),
    ):
        if not fine:
            raise ShiftOfferInvalid.of(f"shift_offer.{name}", words)


async def list_of_day(tx: Tx, day: date | None) -> list[Offer]:
    """Offers that begin on a day, newest first."""
    if day is None:
        raise RangeInvalid.of("day", "is required")
    start, end = intraday.bounds(day, await history.time_zone(tx))
    return await store.list_offers(tx, start, end)


async def list_own(tx: Tx, user_id: str, now: datetime) -> list[Offer]:
    """An agent's offers that aren't over."""
    return await store.list_own_offers(tx, user_id, now)


async def cancel(tx: Tx, offer_id: str, now: datetime) -> Offer:
    """Nobody may accept it any more; those who hadn't answered are told."""
    offer = await _offer(tx, offer_id)
    if offer.cancelled:
        return offer
    done = replace(offer, cancelled=True)
    await store.save_offer(tx, done)
    _tell_pending(tx, done, now)
    return done


async def accept(tx: Tx, offer_id: str, user_id: str, now: datetime) -> Offer:
    """An agent says yes: their shift is changed, and a place taken."""
    offer, mine = await _asked(tx, offer_id, user_id)
    if mine.state == "ACCEPTED":
        return offer
    state = offer.state(now)
    if state == "FILLED":
        raise ShiftOfferFilled("every place is taken")
    if state != "OPEN" or mine.state == "UNDONE":
        raise ShiftOfferClosed("it can't be accepted any more")
    day = offer.start.astimezone(ZoneInfo(await sites.zone_of(tx, user_id))).date()

    def make(shift: Shift | None) -> Shift | None:
        changed, can = adjustments.fitted(offer.kind, shift, user_id, day, offer.start, offer.end)
        if not can:
            raise ShiftOfferUnfit("your shift of that day can't be changed so")
        return changed

    change = await adjustments.change(tx, offer.kind, user_id, day, make, user_id, now, offer_id)
    said = replace(mine, state="ACCEPTED", reply_time=now, adjustment_id=change.adjustment_id)
    taken = _said(replace(offer, taken=offer.taken + 1), said)
    await store.save_offer(tx, taken)
    await store.save_reply(tx, offer_id, said)
    tx.emit(convert.offer_changed(taken, now, user_id), key=user_id)
    if taken.state(now) == "FILLED":
        _tell_pending(tx, taken, now)
    return taken


async def decline(tx: Tx, offer_id: str, user_id: str, now: datetime) -> Offer:
    """An agent says no."""
    offer, mine = await _asked(tx, offer_id, user_id)
    if mine.state == "DECLINED":
        return offer
    if mine.state != "PENDING":
        raise ShiftOfferClosed("it was accepted: ask a supervisor to undo it")
    said = replace(mine, state="DECLINED", reply_time=now)
    await store.save_reply(tx, offer_id, said)
    declined = _said(offer, said)
    tx.emit(convert.offer_changed(declined, now, user_id), key=user_id)
    return declined


async def _offer(tx: Tx, offer_id: str) -> Offer:
    found = await store.find_offer(tx, offer_id)
    if found is None:
        raise ShiftOfferNotFound("no such offer")
    return found


async def _asked(tx: Tx, offer_id: str, user_id: str) -> tuple[Offer, Reply]:
    offer = await _offer(tx, offer_id)
    mine = next((each for each in offer.replies if each.user_id == user_id), None)
    if mine is None:
        raise ShiftOfferNotFound("no such offer")
    return offer, mine


def _said(offer: Offer, said: Reply) -> Offer:
    return replace(
        offer, replies=tuple(said if each.user_id == said.user_id else each for each in offer.replies)
    )  # fmt: skip


def _tell_pending(tx: Tx, offer: Offer, now: datetime) -> None:
    for each in offer.replies:
        if each.state == "PENDING":
            tx.emit(convert.offer_changed(offer, now, each.user_id), key=each.user_id)
