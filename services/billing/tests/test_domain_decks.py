"""What calls cost by a deck: the trade's worked cases, the longest prefix, hours, increments."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from billing.domain.deck_diffs import compare
from billing.domain.deck_files import COLUMNS, DeckFile, read_deck, write_deck
from billing.domain.deck_rating import BLOCKED, NO_RATE, NOT_ANSWERED, in_force, longest_call, rate_call
from billing.domain.decks import (
    AfterMaximum,
    Deck,
    DeckHeader,
    DeckLine,
    Direction,
    Hours,
    Markup,
    Rounding,
    Terms,
)
from hypothesis import given, settings
from hypothesis import strategies as st

EURO = DeckHeader("EUR")
MONDAY = datetime(2012, 2, 27, tzinfo=UTC)
NUMBER = "+49301234567"
WORKDAYS, WEEKEND = frozenset(range(5)), frozenset((5, 6))
EVENING = 18 * 60


def per_second(price: str, first: int = 1, following: int = 1, **more: object) -> Terms:
    """Terms of a price for a second."""
    return Terms(Decimal(price) * 60, first, following, **more)  # type: ignore[arg-type]


def deck_of(*terms: Terms, header: DeckHeader = EURO, prefix: str = "") -> Deck:
    """A deck of one prefix."""
    return Deck(header, [DeckLine(prefix, each) for each in terms])


def cost(deck: Deck, seconds: int, start: datetime = MONDAY, number: str = NUMBER) -> Fraction:
    """Amount of a call."""
    return rate_call(deck, number, start, seconds).amount


# -- worked cases ------------------------------------------------------------------------------------------------


def test_call_across_midnight_is_charged_by_each_days_price() -> None:  # CG-TOD-2
    dear, cheap = per_second("1", connect_fee=Decimal(1)), per_second("0.5")
    deck = deck_of(
        replace(dear, hours=Hours(WORKDAYS, 0, EVENING)),
        replace(cheap, hours=Hours(WORKDAYS, EVENING)),
        replace(cheap, hours=Hours(WEEKEND)),
    )
    rated = rate_call(deck, NUMBER, datetime(2012, 2, 7, 23, 50, tzinfo=UTC), 40 * 60)
    assert [(each.start, each.seconds) for each in rated.segments] == [(0, 600), (600, 1800)]
    assert rated.amount == 2100  # the first segment has no connect fee, so none is charged


@pytest.mark.parametrize(
    ("start", "end", "count"),
    [
        ("2012-02-27T23:50", "2012-02-28T18:10", 3),
        ("2012-02-27T09:50", "2012-02-28T18:10", 4),
        ("2012-02-20T09:50", "2012-02-23T18:10", 8),
        ("2012-02-24T09:50", "2012-02-27T18:10", 5),
    ],
)
def test_long_call_has_a_segment_for_each_stretch_of_one_price(start: str, end: str, count: int) -> None:
    change = datetime(2012, 2, 28, tzinfo=UTC)  # CG-COUNT-1
    bands = [Hours(WORKDAYS, 0, EVENING), Hours(WORKDAYS, EVENING), Hours(WEEKEND)]
    old = [per_second(str(n), hours=each, end_time=change) for n, each in enumerate(bands, 1)]
    new = [per_second(str(n), hours=each, start_time=change) for n, each in enumerate(bands, 5)]
    begin, over = (datetime.fromisoformat(f"{each}+00:00") for each in (start, end))
    length = (over - begin) // timedelta(seconds=1)
    rated = rate_call(deck_of(*old, *new), NUMBER, begin, length)
    assert len(rated.segments) == count
    assert rated.billed_seconds == length


def test_longest_prefix_decides() -> None:  # CG-LPM-1
    lines = [DeckLine("0723", per_second("9")), DeckLine("0723045", per_second("0.5"))]
    rated = rate_call(Deck(EURO, lines), "0723045326", MONDAY, 3621)
    assert (rated.amount, rated.segments[0].prefix) == (Fraction("1810.5"), "0723045")


@pytest.mark.parametrize(
    ("terms", "seconds", "expected"),
    [
        (per_second("0.5"), (30, 110), ("15", "55")),  # CG-SHORT-1
        (per_second("1", 60, 1), (85, 132), ("85", "132")),  # CG-INC-1
        (per_second("1"), (0, 90), ("0", "90")),  # CG-ZERO-1, CG-DATA-1
        (Terms(Decimal("0.0100"), 60, 60), (5, 50), ("0.0100", "0.0100")),  # V-INC-PRICE
        (Terms(Decimal("0.0100"), 6, 6), (5,), ("0.0010",)),
        (Terms(Decimal(1), 60, 60), (78,), ("2",)),  # V-TWILIO-1: 1 min 18 s are 2 min
    ],
)
def test_worked_prices_come_out(terms: Terms, seconds: Sequence[int], expected: Sequence[str]) -> None:
    assert [cost(deck_of(terms), each) for each in seconds] == [Fraction(each) for each in expected]


def test_service_and_telephony_are_two_decks_of_one_call() -> None:  # V-AWS-1
    service = deck_of(Terms(Decimal("0.018"), 10, 1))
    telephony = deck_of(Terms(Decimal("0.003"), 60, 1))
    assert cost(service, 150) + cost(telephony, 150) == Fraction("0.0525")


def test_transferred_call_is_two_billed_legs() -> None:  # V-8X8-2: each leg on its own, up to the full second
    deck = deck_of(per_second("0.01"))
    legs = [rate_call(deck, NUMBER, MONDAY, 100), rate_call(deck, "+49891234567", MONDAY, 40)]
    assert [each.billed_seconds for each in legs] == [100, 40]


@pytest.mark.parametrize(
    ("first", "following", "seconds", "billed"),
    [
        (60, 1, 45, 60),  # CG-INC-3
        (60, 60, 45, 60),
        (6, 6, 1, 6), (6, 6, 13, 18), (6, 6, 61, 66), (6, 6, 10, 12), (6, 6, 15, 18),  # V-RING-1, V-6-6
        (30, 6, 10, 30), (30, 6, 31, 36), (30, 6, 36, 36), (30, 6, 37, 42),  # V-RING-1, V-30-6
        (30, 30, 10, 30), (30, 30, 31, 60),
        (1, 1, 7, 7),
    ],
)  # fmt: skip
def test_seconds_are_billed_in_increments(first: int, following: int, seconds: int, billed: int) -> None:
    rated = rate_call(deck_of(Terms(Decimal(6), first, following)), NUMBER, MONDAY, seconds)
    assert (rated.billed_seconds, rated.amount) == (billed, Fraction(billed, 10))


def test_increments_are_those_of_the_direction() -> None:  # V-RING-1
    deck = Deck(
        EURO,
        [
            DeckLine("", Terms(Decimal(1), 6, 6)),
            DeckLine("", Terms(Decimal(1), 30, 6), Direction.INBOUND),
            DeckLine("49", Terms(Decimal(1), 30, 30), Direction.INBOUND),
        ],
    )
    assert rate_call(deck, NUMBER, MONDAY, 31).billed_seconds == 36
    assert rate_call(deck, "+18005550100", MONDAY, 31, Direction.INBOUND).billed_seconds == 36
    assert rate_call(deck, NUMBER, MONDAY, 31, Direction.INBOUND).billed_seconds == 60


def test_connect_fee_and_rounding_up_to_cents() -> None:  # CG-CF-1
    header = DeckHeader("EUR", rounding=Rounding.UP, digits=2)
    deck = deck_of(Terms(Decimal("0.05"), 60, 1, connect_fee=Decimal("0.15")), header=header)
    by_second = deck_of(Terms(Decimal("0.05"), 1, 1, connect_fee=Decimal("0.15")), header=header)
    assert (cost(by_second, 24), cost(by_second, 180)) == (Fraction("0.17"), Fraction("0.30"))
    assert cost(deck, 0) == 0  # nobody answered: no connect fee
    assert rate_call(deck, NUMBER, MONDAY, 0).reason == NOT_ANSWERED


@pytest.mark.parametrize(("after", "allowed"), [(AfterMaximum.FREE, 1800), (AfterMaximum.DISCONNECT, 10)])
def test_maximum_makes_the_rest_free_or_ends_the_call(after: AfterMaximum, allowed: int) -> None:  # CG-MAX-1
    deck = deck_of(per_second("1", maximum=Decimal(10), after_maximum=after))
    assert cost(deck, 1800) == 10
    assert longest_call(deck, NUMBER, MONDAY, Decimal(11), 1800) == allowed


def test_balance_less_the_connect_fee_decides_how_long_a_call_lasts() -> None:  # CG-PRE-1
    deck = deck_of(per_second("1", connect_fee=Decimal(1)))
    assert longest_call(deck, NUMBER, MONDAY, Decimal(10_000), 10_800) == 9_999
    assert longest_call(deck, NUMBER, MONDAY, Decimal(1), 10_800) == 0


def test_balance_of_seconds_grants_what_it_has_and_no_more() -> None:  # CG-PRE-3
    assert longest_call(deck_of(per_second("1")), NUMBER, MONDAY, Decimal(10), 30) == 10


# -- what is charged how -----------------------------------------------------------------------------------------


def test_blocked_prefix_and_unknown_number_are_refused_with_their_reason() -> None:
    deck = Deck(EURO, [DeckLine("49", per_second("1")), DeckLine("49900", per_second("1", blocked=True))])
    assert rate_call(deck, "+4990012345", MONDAY, 60).reason == BLOCKED
    assert rate_call(deck, "+33123456789", MONDAY, 60).reason == NO_RATE
    assert rate_call(deck, "anonymous", MONDAY, 60).reason == NO_RATE
    assert rate_call(deck, "", MONDAY, 60).reason == NO_RATE
    assert longest_call(deck, "+4990012345", MONDAY, Decimal(100), 60) == 0


def test_prefix_out_of_its_effective_range_leaves_the_shorter_one() -> None:
    later = per_second("5", start_time=MONDAY + timedelta(days=1))
    deck = Deck(EURO, [DeckLine("49", per_second("1")), DeckLine("4930", later)])
    assert cost(deck, 60) == 60
    assert cost(deck, 60, MONDAY + timedelta(days=2)) == 300
    assert cost(deck, 120, MONDAY + timedelta(days=1, minutes=-1)) == 60 + 300


def test_least_and_most_are_of_the_whole_call() -> None:
    deck = deck_of(per_second("1", minimum=Decimal(5), connect_fee=Decimal(2), maximum=Decimal(9)))
    assert [cost(deck, each) for each in (1, 4, 100)] == [5, 6, 9]


def test_markup_makes_every_price_dearer_and_shares_the_prefixes() -> None:
    deck = deck_of(Terms(Decimal("0.10"), 60, 60, connect_fee=Decimal(1), maximum=Decimal(10)))
    dearer = deck.derived(Markup(Decimal(20), Decimal("0.01")))
    [terms] = dearer.terms
    assert (terms.price, terms.connect_fee, terms.maximum) == (Decimal("0.13"), Decimal("1.2"), Decimal(12))
    assert deck.derived(Markup(amount=Decimal(-1))).terms[0].price == 0


@pytest.mark.parametrize(
    ("start", "seconds", "expected"),
    [
        # Berlin's clocks go from 2 to 3 on 2026-03-29 at 1 h UTC: cheap until 2:30, which is 3:00 that night.
        (datetime(2026, 3, 29, 0, 30, tzinfo=UTC), 3600, [1800, 1800]),
        # And from 3 to 2 on 2026-10-25 at 1 h UTC: 2:30 comes twice, cheap before each of them.
        (datetime(2026, 10, 25, 0, 0, tzinfo=UTC), 3 * 3600, [1800, 1800, 1800, 5400]),
    ],
)
def test_hours_follow_the_clock_on_the_wall_when_it_is_changed(
    start: datetime, seconds: int, expected: list[int]
) -> None:
    night = replace(per_second("1"), hours=Hours(start=0, end=150))
    deck = deck_of(per_second("2"), night, header=DeckHeader("EUR", "Europe/Berlin"))
    rated = rate_call(deck, NUMBER, start, seconds)
    assert [each.seconds for each in rated.segments] == expected


def test_increment_that_began_before_the_hour_is_charged_at_its_price() -> None:
    deck = deck_of(
        replace(Terms(Decimal(60), 60, 60), hours=Hours(end=EVENING)),
        replace(Terms(Decimal(6), 60, 60), hours=Hours(start=EVENING)),
    )
    start = MONDAY + timedelta(hours=17, minutes=59, seconds=30)
    rated = rate_call(deck, NUMBER, start, 90)
    assert [(each.start, each.seconds) for each in rated.segments] == [(0, 60), (60, 60)]
    assert rated.amount == 66


# -- properties --------------------------------------------------------------------------------------------------

digits = st.text("0123456789", min_size=0, max_size=6)


@given(st.lists(digits, max_size=40, unique=True), st.lists(st.text("0123456789", min_size=1, max_size=9), max_size=10))
def test_longest_prefix_is_the_one_a_search_through_all_of_them_finds(prefixes: list[str], numbers: list[str]) -> None:
    deck = Deck(EURO, [DeckLine(each, Terms(Decimal(place))) for place, each in enumerate(prefixes)])
    for number in (*numbers, *prefixes):
        if not number:
            continue
        best = max((each for each in prefixes if number.startswith(each)), key=len, default=None)
        found = in_force(deck, number, MONDAY)
        assert (found and found[0]) == best
        assert found is None or found[1].price == prefixes.index(found[0])


bands = st.lists(
    st.tuples(st.frozensets(st.integers(0, 6), min_size=1), st.integers(0, 1439), st.integers(1, 1440)),
    max_size=4,
)  # fmt: skip
increments = st.sampled_from([(60, 60), (6, 6), (30, 6), (1, 1), (60, 1)])


@settings(max_examples=60, deadline=None)
@given(
    bands,
    st.lists(increments, min_size=5, max_size=5),
    st.integers(0, 40 * 86_400),
    st.integers(1, 40_000),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Tehran", "America/New_York"]),
)
def test_segments_partition_the_call_and_each_second_has_its_price(
    hours: list[tuple[frozenset[int], int, int]],
    steps: list[tuple[int, int]],
    offset: int,
    seconds: int,
    zone: str,
) -> None:
    made: list[Hours] = []
    for days, one, other in hours:
        band = Hours(days, min(one, other), max(one, other)) if one != other else Hours(days)
        if not any(band.meet(each) for each in made):
            made.append(band)
    base, *banded = (Terms(Decimal(n), first, following) for n, (first, following) in enumerate(steps, 1))
    lines = [base, *(replace(terms, hours=band) for terms, band in zip(banded, made, strict=False))]
    deck = deck_of(*lines, header=DeckHeader("EUR", zone))
    start = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=offset)
    rated = rate_call(deck, NUMBER, start, seconds)
    assert [each.start for each in rated.segments] == [
        sum(each.seconds for each in rated.segments[:place]) for place in range(len(rated.segments))
    ]
    assert all(one.terms is not other.terms for one, other in zip(rated.segments, rated.segments[1:], strict=False))
    last = rated.segments[-1]
    assert seconds <= rated.billed_seconds < seconds + max(last.terms.first_increment, last.terms.next_increment)
    # Brute force: increment by increment, each by the line whose hours hold the moment it begins at.
    at, amount = 0, Fraction(0)
    while at < seconds:
        local = (start + timedelta(seconds=at)).astimezone(ZoneInfo(zone))
        held = [
            each for each in lines[1:]
            if each.hours is not None and each.hours.hold(local.weekday(), local.hour * 60 + local.minute)
        ]  # fmt: skip
        terms = held[0] if held else base
        step = terms.first_increment if at == 0 else terms.next_increment
        amount += Fraction(terms.price) * step / 60
        at += step
    assert (rated.billed_seconds, rated.amount) == (at, amount)


@settings(max_examples=60, deadline=None)
@given(
    increments, st.decimals("0.01", "5", places=3), st.decimals("0", "3", places=2), st.decimals("0", "60", places=2)
)
def test_longest_call_costs_no_more_than_the_balance_and_one_more_second_would(
    steps: tuple[int, int], price: Decimal, connect: Decimal, balance: Decimal
) -> None:
    deck = deck_of(Terms(price, *steps, connect_fee=connect))
    allowed = longest_call(deck, NUMBER, MONDAY, balance, 5000)
    assert cost(deck, allowed) <= balance
    assert allowed == 5000 or cost(deck, allowed + 1) > balance


# -- files -------------------------------------------------------------------------------------------------------

HEAD = "prefix,price_per_minute,increments,days,from,to,effective_from,effective_to,currency,state"


def read(*lines: str, head: str = HEAD, header: DeckHeader = EURO) -> DeckFile:
    """A file of these lines."""
    return read_deck([f"{each}\n" for each in (head, *lines)], header)


def test_every_bad_line_is_named_with_its_reason_and_the_good_ones_are_read() -> None:
    file = read(
        "49,0.01,60/60,,,,,,EUR,open", "+4x,0.01,,,,,,,,", ",1,,,,,,,,", "44,,,,,,,,,", "33,-1,,,,,,,,",
        "34,1e3,,,,,,,,",
        "35,0.1,0/6,,,,,,,", "36,0.1,,someday,,,,,,", "37,0.1,,,25:00,,,,,", "38,0.1,,,08:00,08:00,,,,",
        "39,0.1,,,,,tomorrow,,,", "40,0.1,,,,,2026-02-01,2026-01-01,,", "41,0.1,,,,,,,USD,", "42,0.1,,,,,,,XXQ,",
        "43,0.1,,,,,,,,closed", "45,0.1", "46,99999999,,,,,,,,", "4" * 16 + ",1,,,,,,,,", "47,0.1234567891,,,,,,,,",
    )  # fmt: skip
    assert [(each.line, each.reason) for each in file.problems] == [
        (3, "PREFIX_INVALID"), (4, "PREFIX_INVALID"), (5, "PRICE_MISSING"), (6, "AMOUNT_NEGATIVE"),
        (7, "AMOUNT_INVALID"), (8, "INCREMENTS_INVALID"), (9, "DAYS_INVALID"), (10, "CLOCK_INVALID"),
        (11, "HOURS_EMPTY"), (12, "TIME_INVALID"), (13, "EFFECTIVE_RANGE_EMPTY"), (14, "CURRENCY_OTHER"),
        (15, "CURRENCY_OTHER"), (16, "VALUE_UNKNOWN"), (17, "FIELD_COUNT"), (18, "AMOUNT_ABSURD"),
        (19, "PREFIX_INVALID"), (20, "AMOUNT_ABSURD"),
    ]  # fmt: skip
    assert (file.line_count, len(file.lines)) == (19, 1)


def test_overlapping_effective_ranges_of_one_prefix_are_refused_with_both_lines() -> None:
    file = read(
        "49,1,,,,,2026-01-01,2026-03-01,,", "49,2,,,,,2026-02-01,,,", "49,3,,,,,2026-02-01,,,",
        "44,1,,,,,2026-01-01,2026-02-01,,", "44,2,,,,,2026-02-01,,,",
    )  # fmt: skip
    assert [(each.reason, each.line, each.other_line) for each in file.problems] == [
        ("OVERLAP", 3, 2), ("OVERLAP", 4, 2), ("DUPLICATE", 4, 3),
    ]  # fmt: skip


def test_hours_that_meet_or_leave_a_gap_are_refused() -> None:
    meeting = read("49,1,,mon-fri,08:00,18:00,,,,", "49,2,,fri-sun,17:00,20:00,,,,", "49,3,,,,,,,,")
    assert [(each.reason, each.line, each.other_line) for each in meeting.problems] == [("OVERLAP", 3, 2)]
    gap = read("49,1,,mon-fri,,,,,,")
    assert [(each.reason, each.line) for each in gap.problems] == [("HOURS_NOT_COVERED", 2)]
    whole = read("49,1,,mon-fri,,,,,,", "49,2,,sat,,,,,,", "49,2,,sun,,,,,,")
    assert not whole.problems


def test_hours_over_midnight_end_on_the_day_after() -> None:
    file = read("49,1,,fri,22:00,06:00,,,,", "49,2,,,,,,,,")
    deck = Deck(EURO, file.lines)
    saturday = datetime(2026, 3, 7, tzinfo=UTC)
    prices = [in_force(deck, NUMBER, saturday + timedelta(hours=hour)) for hour in (-3, -1, 5, 7, 23)]
    assert not file.problems
    assert [each and each[1].price for each in prices] == [2, 1, 1, 2, 2]


def test_price_that_stands_out_is_a_warning() -> None:
    file = read(*(f"{number},0.01,,,,,,,," for number in range(100, 120)), "881,9,,,,,,,,")
    assert [(each.reason, each.line, each.warning) for each in file.problems] == [("PRICE_STANDS_OUT", 22, True)]
    assert (file.error_count, file.warning_count) == (0, 1)


def test_unknown_and_missing_columns_and_an_empty_file_are_refused() -> None:
    assert [each.reason for each in read("1,2", head="prefix,cost").problems] == ["COLUMN_UNKNOWN", "COLUMN_MISSING"]
    assert [each.reason for each in read().problems] == ["NO_LINES"]
    assert [each.reason for each in read_deck([], EURO).problems] == ["COLUMN_MISSING"] * 2
    assert "NOT_CSV" in [each.reason for each in read('"49,1,,,,,,,,').problems]


def test_what_is_written_reads_as_the_same_lines() -> None:
    file = read(
        "49,0.0123,30/6,,,,,,EUR,open", "49900,1,,,,,,,,blocked", "*,5,1/1,,,,2026-01-01,2027-01-01,,",
        "44,1,,mon-fri,22:00,06:00,,,,", "44,2,,,,,,,,",
    )  # fmt: skip
    written = [",".join(f'"{each}"' for each in row) for row in write_deck(file.lines, EURO)]
    again = read_deck((f"{each}\n" for each in written), EURO)
    assert not again.problems
    assert set(again.lines) == set(file.lines)
    assert written[0].replace('"', "").split(",") == list(COLUMNS)


def test_difference_to_the_running_version_says_what_becomes_dearer() -> None:
    old = read("49,1,,,,,,,,", "44,1,,,,,,,,", "33,1,,,,,,,,", "34,1,,,,,,,,").lines
    new = read("49,2,,,,,,,,", "44,0.5,,,,,,,,", "33,1,1/1,,,,,,,", "35,1,,,,,,,,").lines
    diff = compare(old, new)
    assert diff.counts == {"NEW": 1, "REMOVED": 1, "UP": 1, "DOWN": 1, "CHANGED": 1}
    assert diff.unchanged == 0
    assert compare(new, new).unchanged == 4


def test_two_hundred_thousand_prefixes_take_a_few_megabytes() -> None:
    chance = random.Random(7)
    prefixes = {str(chance.randrange(10**8, 10**9))[: chance.randint(6, 9)] for _ in range(300_000)}
    terms = [Terms(Decimal(each) / 1000, name=f"Destination {each}") for each in range(1, 2000)]
    deck = Deck(EURO, (DeckLine(each, chance.choice(terms)) for each in prefixes))
    assert len(deck) > 200_000
    assert deck.size_bytes < 8_000_000
