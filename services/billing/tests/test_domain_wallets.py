"""Prepaid money: what is used first, ledgers that balance, calls that can't overspend."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from billing.domain.decks import Deck, DeckHeader, DeckLine, Direction, Terms
from billing.domain.reservations import (
    LIFE,
    SLICE_SECONDS,
    Reservation,
    ReservationState,
    Tariff,
    extend,
    give_back,
    settle,
)
from billing.domain.wallets import (
    DEBT,
    BalanceTooLow,
    Entry,
    Grant,
    Policy,
    Source,
    Wallet,
    balances,
    debited,
    expired,
    in_order,
    lowest_crossed,
    taken_back,
    topped_up,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def grant(name: str, amount: str = "10", **more: object) -> Grant:
    """A grant with everything left."""
    fields = {"source": Source.PAID, "create_time": NOW} | more
    return Grant(name, Decimal(amount), Decimal(amount), **fields)  # type: ignore[arg-type]


def tariff(price: str = "60", first: int = 1, following: int = 1, **more: object) -> Tariff:
    """One price for every number, a unit a second unless another is given."""
    terms = Terms(Decimal(price), first, following, **more)  # type: ignore[arg-type]
    return Tariff(Deck(DeckHeader("EUR"), [DeckLine("", terms)]))


def call(name: str = "call_1") -> Reservation:
    """A call that has reserved nothing yet."""
    return Reservation(name, "+49301234567", Direction.OUTBOUND, NOW, NOW + LIFE)


def test_lowest_priority_then_soonest_expiry_then_oldest_is_used_first() -> None:
    grants = [
        grant("old"), grant("new", create_time=NOW + SECOND), grant("soon", expire_time=NOW + DAY),
        grant("later", expire_time=NOW + 2 * DAY), grant("first", priority=-1), grant("gone", expire_time=NOW),
    ]  # fmt: skip
    assert [each.grant_id for each in in_order(grants, NOW)] == ["first", "soon", "later", "old", "new"]


def test_postpaid_wallet_may_go_negative() -> None:  # CG-NEG-1
    wallet = Wallet(Policy("EUR", negative_allowed=True))
    found = []
    for _ in range(2):
        wallet = wallet.after(debited(wallet, Decimal("0.5") * 5, NOW))
        found.append(wallet.balance(NOW))
    assert found == [Decimal("-2.5"), Decimal("-5.0")]


def test_wallet_that_may_not_go_negative_refuses_and_one_with_a_credit_limit_up_to_it() -> None:
    wallet = Wallet(Policy("EUR"), [grant("g", "1")])
    with pytest.raises(BalanceTooLow):
        debited(wallet, Decimal("1.01"), NOW)
    limited = Wallet(Policy("EUR", negative_allowed=True, credit_limit=Decimal(5)), [grant("g", "1")])
    after = limited.after(debited(limited, Decimal(6), NOW))
    assert after.balance(NOW) == -5
    with pytest.raises(BalanceTooLow):
        debited(after, Decimal("0.01"), NOW)


def test_top_up_pays_what_is_owed_first() -> None:
    wallet = Wallet(Policy("EUR", negative_allowed=True), debt=Decimal(-4))
    new = grant("g", "10")
    entries = topped_up(wallet, new)
    after = replace(wallet, grants=[replace(new, left=Decimal(0))]).after(entries)
    assert (after.grants[0].left, after.debt) == (6, 0)


def test_expired_grant_is_gone_and_what_is_taken_back_too() -> None:
    wallet = Wallet(Policy("EUR"), [grant("g", expire_time=NOW + DAY), grant("h")])
    assert wallet.balance(NOW) == 20
    assert wallet.balance(NOW + DAY) == 10
    entries = expired(wallet, NOW + DAY)
    assert balances(entries) == {"grant:g": -10, "expired": 10}
    assert wallet.after(entries).after(taken_back(wallet.grants[1])).balance(NOW) == 0


def test_entry_that_does_not_balance_cannot_be_made() -> None:
    from billing.domain.wallets import EntryKind, Posting

    with pytest.raises(ValueError, match="zero"):
        Entry(EntryKind.CHARGE, (Posting("a", Decimal(1)),))


def test_fall_below_thresholds_is_told_by_the_lowest_of_them() -> None:
    marks = [Decimal(10), Decimal(5), Decimal(1)]
    assert lowest_crossed(Decimal(12), Decimal(4), marks) == 5
    assert lowest_crossed(Decimal(4), Decimal(3), marks) is None
    assert lowest_crossed(Decimal(10), Decimal(10), marks) is None
    assert lowest_crossed(Decimal(10), Decimal("9.99"), marks) == 10


def test_call_pays_six_seconds_ahead_and_gets_the_rest_back() -> None:
    wallet = Wallet(Policy("EUR"), [grant("g", "100")])
    held, entries = extend(wallet, call(), tariff(), 0, NOW)
    assert (held.granted_seconds, held.held_amount, held.charged) == (SLICE_SECONDS, 6, 0)
    wallet = wallet.after(entries)
    held, entries = extend(wallet, held, tariff(), 4, NOW + 4 * SECOND)
    assert (held.granted_seconds, held.held_amount, held.charged) == (10, 6, 4)
    wallet = wallet.after(entries)
    done, entries = settle(wallet, held, tariff(), 7, NOW + 7 * SECOND)
    wallet = wallet.after(entries)
    assert (done.state, done.charged, wallet.balance(NOW)) == (ReservationState.SETTLED, 7, 93)
    assert settle(wallet, done, tariff(), 9, NOW) == (done, [])


def test_two_calls_share_what_is_there_and_neither_gets_more() -> None:
    wallet = Wallet(Policy("EUR"), [grant("g", "8")])
    one, entries = extend(wallet, call("a"), tariff(), 0, NOW)
    wallet = wallet.after(entries)
    other, entries = extend(wallet, call("b"), tariff(), 0, NOW)
    assert (one.granted_seconds, other.granted_seconds, wallet.after(entries).balance(NOW)) == (6, 2, 0)


def test_whole_first_minute_is_paid_where_it_is_charged() -> None:
    wallet = Wallet(Policy("EUR"), [grant("g", "59")])
    held, entries = extend(wallet, call(), tariff(first=60, following=60), 0, NOW)
    assert (held.granted_seconds, entries) == (0, [])
    held, _ = extend(Wallet(Policy("EUR"), [grant("g", "60")]), call(), tariff(first=60, following=60), 0, NOW)
    assert (held.granted_seconds, held.held_amount) == (6, 60)


def test_reservation_nobody_renewed_returns_what_was_not_talked_and_its_call_may_settle_later() -> None:
    wallet = Wallet(Policy("EUR"), [grant("g", "6")])
    held, entries = extend(wallet, call(), tariff(), 0, NOW)
    wallet = wallet.after(entries)
    back, entries = give_back(wallet, held, tariff(), NOW + LIFE)
    wallet = wallet.after(entries)
    assert (back.state, wallet.balance(NOW)) == (ReservationState.RETURNED, 6)
    wallet = wallet.after(debited(wallet, Decimal(6), NOW))  # another call used it meanwhile
    done, entries = settle(wallet, back, tariff(), 6, NOW)
    assert (done.charged, wallet.after(entries).balance(NOW)) == (6, -6)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 500), st.integers(0, 3), st.integers(1, 20) | st.none()), max_size=5),
    st.lists(st.integers(1, 400), max_size=8),
)
def test_ledger_of_grants_debits_and_expiry_sums_to_the_balance(
    given_out: list[tuple[int, int, int | None]], used: list[int]
) -> None:
    wallet = Wallet(Policy("EUR"))
    ledger: list[Entry] = []
    for place, (amount, priority, days) in enumerate(given_out):
        expiry = NOW + days * DAY if days else None
        new = grant(f"g{place}", str(amount), priority=priority, expire_time=expiry)
        entries = topped_up(wallet, new)
        wallet = replace(wallet, grants=[*wallet.grants, replace(new, left=Decimal(0))]).after(entries)
        ledger += entries
    for place, amount in enumerate(used):
        now = NOW + place * 3 * DAY
        for entries in (expired(wallet, now),):
            ledger, wallet = ledger + entries, wallet.after(entries)
        try:
            entries = debited(wallet, Decimal(amount), now)
        except BalanceTooLow:
            assert amount > wallet.balance(now)
            continue
        ledger, wallet = ledger + entries, wallet.after(entries)
    held = balances(ledger)
    assert sum(held.values(), Decimal(0)) == 0
    left = sum((amount for account, amount in held.items() if account.startswith("grant:")), Decimal(0))
    assert left + held.get(DEBT, Decimal(0)) == sum((each.left for each in wallet.grants), Decimal(0)) + wallet.debt
    assert all(each.left >= 0 for each in wallet.grants)


class PrepaidCalls(RuleBasedStateMachine):
    """Calls of one wallet in any order: answered, talking, renewed late or never, ended, crashed; money comes in."""

    def __init__(self) -> None:
        super().__init__()
        self.tariff = tariff("60", 6, 6)
        self.now = NOW
        self.wallet = Wallet(Policy("EUR"))
        self.ledger: list[Entry] = []
        self.calls: dict[str, Reservation] = {}
        self.talking: dict[str, int] = {}
        self.added = Decimal(0)

    def _book(self, entries: list[Entry]) -> None:
        self.ledger += entries
        self.wallet = self.wallet.after(entries)

    @rule(amount=st.integers(1, 40), days=st.integers(1, 3) | st.none())
    def top_up(self, amount: int, days: int | None) -> None:
        name = f"g{len(self.wallet.grants)}"
        new = grant(name, str(amount), create_time=self.now, expire_time=self.now + days * DAY if days else None)
        entries = topped_up(self.wallet, new)
        self.wallet = replace(self.wallet, grants=[*self.wallet.grants, replace(new, left=Decimal(0))])
        self._book(entries)
        self.added += amount

    @precondition(lambda self: len(self.calls) < 5)
    @rule()
    def answer(self) -> None:
        name = f"call_{len(self.calls)}"
        made, entries = extend(self.wallet, replace(call(name), start_time=self.now), self.tariff, 0, self.now)
        self._book(entries)
        self.calls[name] = made
        if made.granted_seconds:
            self.talking[name] = 0

    @precondition(lambda self: self.talking)
    @rule(data=st.data(), seconds=st.integers(0, 8))
    def talk_and_renew(self, data: st.DataObject, seconds: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.talking)))
        held = self.calls[name]
        talked = min(self.talking[name] + seconds, held.granted_seconds)  # telephony ends it there
        self.now += (talked - self.talking[name]) * SECOND
        self.talking[name] = talked
        self.calls[name], entries = extend(self.wallet, held, self.tariff, talked, self.now)
        self._book(entries)
        assert self.calls[name].granted_seconds <= talked + SLICE_SECONDS
        again, nothing = extend(self.wallet, self.calls[name], self.tariff, talked, self.now)
        if again.granted_seconds == self.calls[name].granted_seconds:
            assert nothing == []

    @precondition(lambda self: self.talking)
    @rule(data=st.data(), seconds=st.integers(0, 8))
    def end(self, data: st.DataObject, seconds: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.talking)))
        talked = min(self.talking.pop(name) + seconds, self.calls[name].granted_seconds)
        self.calls[name], entries = settle(self.wallet, self.calls[name], self.tariff, talked, self.now)
        self._book(entries)
        assert settle(self.wallet, self.calls[name], self.tariff, talked + 1, self.now)[1] == []

    @precondition(lambda self: self.talking)
    @rule(data=st.data())
    def lose_the_node(self, data: st.DataObject) -> None:
        """Nobody renews: the sweep returns it. Its call may be adopted, and renew or settle after all."""
        name = data.draw(st.sampled_from(sorted(self.talking)))
        self.now += LIFE
        self.calls[name], entries = give_back(self.wallet, self.calls[name], self.tariff, self.now)
        self._book(entries)

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self._book(expired(self.wallet, self.now))

    @invariant()
    def no_money_is_made_or_lost(self) -> None:
        held = balances(self.ledger)
        assert sum(held.values(), Decimal(0)) == 0
        for each in self.calls.values():
            assert held.get(each.account, Decimal(0)) == each.held_amount >= 0
            assert each.charged == self.tariff.cost(each, each.talked_seconds)
        assert held.get("revenue", Decimal(0)) == sum((each.charged for each in self.calls.values()), Decimal(0))
        assert -held.get("paid", Decimal(0)) == self.added
        for each in self.wallet.grants:
            assert held.get(each.account, Decimal(0)) == each.left >= 0

    @invariant()
    def calls_overspend_by_six_seconds_of_talk_each_at_most(self) -> None:
        bound = self.tariff.cost(call(), SLICE_SECONDS) * len(self.calls)
        assert self.wallet.debt >= -bound
        assert self.wallet.debt <= 0


TestPrepaidCalls = PrepaidCalls.TestCase
TestPrepaidCalls.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
