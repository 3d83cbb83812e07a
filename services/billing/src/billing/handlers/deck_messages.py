"""Rate decks between the contract's messages and the domain's values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from chassis.instants import duration_out, time_out
from merkez.billing.v1 import rate_deck_pb2
from merkez.type.v1 import money_pb2

from billing.convert import shown
from billing.domain.deck_diffs import DeckDiff
from billing.domain.deck_files import DeckFile, DeckProblem
from billing.domain.deck_rating import Rated
from billing.domain.decks import Deck, DeckHeader, Direction, Markup, Rounding
from billing.ops.decks import LONGEST_NAME, DeckRow, RateDeckInvalid, VersionRow, checked_header, checked_markup

_ROUNDINGS = {
    Rounding.NONE: rate_deck_pb2.RATE_ROUNDING_NONE,
    Rounding.HALF_UP: rate_deck_pb2.RATE_ROUNDING_HALF_UP,
    Rounding.UP: rate_deck_pb2.RATE_ROUNDING_UP,
}
_DIRECTIONS = {
    Direction.OUTBOUND: rate_deck_pb2.RATE_DIRECTION_OUTBOUND,
    Direction.INBOUND: rate_deck_pb2.RATE_DIRECTION_INBOUND,
}


def header_in(deck: rate_deck_pb2.RateDeck) -> DeckHeader:
    """What holds for all lines of a deck. Raises `RateDeckInvalid`."""
    rounding = next((mine for mine, its in _ROUNDINGS.items() if its == deck.rounding), Rounding.NONE)
    header = DeckHeader(deck.currency, deck.time_zone, rounding, deck.rounding_digits)
    return checked_header(deck.currency, deck.time_zone or "UTC", header)


def name_in(deck: rate_deck_pb2.RateDeck) -> str:
    """The deck's name. Raises `RateDeckInvalid`."""
    name = deck.display_name.strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise RateDeckInvalid.of("rate_deck.display_name", f"is required, up to {LONGEST_NAME} characters")
    return name


def markup_in(percent: str, amount: str) -> Markup:
    """A markup. Raises `RateDeckInvalid`."""
    return checked_markup(Markup(_decimal(percent, "markup_percent"), _decimal(amount, "markup_amount")))


def deck_out(deck: DeckRow, versions: Sequence[VersionRow], now: datetime) -> rate_deck_pb2.RateDeck:
    """A deck as the contract shows it."""
    active = [each for each in versions if each.activate_time is not None and each.activate_time <= now]
    current = max(active, key=lambda each: (each.activate_time or now, each.version), default=None)
    return rate_deck_pb2.RateDeck(
        rate_deck_id=deck.rate_deck_id,
        display_name=deck.display_name,
        currency=deck.header.currency,
        time_zone=deck.header.time_zone,
        rounding=_ROUNDINGS[deck.header.rounding],
        rounding_digits=deck.header.digits,
        parent_rate_deck_id=deck.parent_id,
        current_version=current.version if current else 0,
        versions=[version_out(each) for each in versions],
        create_time=time_out(deck.create_time),
    )


def version_out(version: VersionRow) -> rate_deck_pb2.RateDeckVersion:
    """A version as the contract shows it."""
    draft = version.activate_time is None
    return rate_deck_pb2.RateDeckVersion(
        version=version.version,
        state=rate_deck_pb2.RATE_DECK_VERSION_STATE_DRAFT if draft else rate_deck_pb2.RATE_DECK_VERSION_STATE_ACTIVE,
        activate_time=time_out(version.activate_time),
        line_count=version.line_count,
        create_time=time_out(version.create_time),
        markup_percent=f"{version.markup.percent:f}",
        markup_amount=f"{version.markup.amount:f}",
    )


def report_out(version: int, file: DeckFile, diff: DeckDiff, compared: int) -> rate_deck_pb2.RateDeckReport:
    """What activating a draft would do, as the contract shows it."""
    return rate_deck_pb2.RateDeckReport(
        version=version,
        line_count=file.line_count,
        error_count=file.error_count,
        warning_count=file.warning_count,
        problems=[_problem(each) for each in sorted(file.problems, key=lambda each: each.line)],
        change_counts=diff.counts,
        unchanged_count=diff.unchanged,
        changes=[
            rate_deck_pb2.RateDeckChange(
                kind=each.kind,
                prefix=each.prefix,
                direction=_DIRECTIONS[each.direction],
                destination=each.name,
                old_price="" if each.old_price is None else f"{each.old_price:f}",
                new_price="" if each.new_price is None else f"{each.new_price:f}",
            )
            for each in diff.changes
        ],
        compared_version=compared,
    )


def rated_out(deck: Deck, rated: Rated) -> rate_deck_pb2.RatedCall:
    """What a call would cost, as the contract shows it."""
    currency = deck.header.currency

    def money(amount: str) -> money_pb2.Money:
        return money_pb2.Money(currency=currency, amount=amount)

    fee = rated.segments[0].terms.connect_fee if rated.segments else Decimal(0)
    return rate_deck_pb2.RatedCall(
        version=deck.version,
        segments=[
            rate_deck_pb2.RatedSegment(
                prefix=each.prefix,
                destination=each.terms.name,
                start_offset=duration_out(timedelta(seconds=each.start)),
                billed_seconds=each.seconds,
                price=money(f"{each.terms.price:f}"),
                amount=money(shown(each.amount)),
                first_increment_seconds=each.terms.first_increment,
                next_increment_seconds=each.terms.next_increment,
            )
            for each in rated.segments
        ],
        amount=money(shown(rated.amount)),
        connect_fee=money(f"{fee:f}"),
        reason=rated.reason,
        billed_seconds=rated.billed_seconds,
    )


def _problem(problem: DeckProblem) -> rate_deck_pb2.RateDeckProblem:
    return rate_deck_pb2.RateDeckProblem(
        line=problem.line, reason=problem.reason, column=problem.column, value=problem.value,
        other_line=problem.other_line, warning=problem.warning,
    )  # fmt: skip


def _decimal(text: str, field: str) -> Decimal:
    try:
        found = Decimal(text or "0")
    except InvalidOperation as error:
        raise RateDeckInvalid.of(field, "is not a decimal") from error
    if not found.is_finite() or len(text) > 20:
        raise RateDeckInvalid.of(field, "is not a decimal")
    return found
