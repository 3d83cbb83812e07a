"""Who may be called, over what, shown as whom, and for how much: without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel.errors import DomainError, InvalidInput
from kernel.money import Money
from kernel.tenant import PLATFORM
from telephony.domain import dialing, lines, trunks
from telephony.domain.countries import Choice, CountryRules, Tier, countries
from telephony.domain.dialing import (
    CallerNumberNotOwned,
    CallerNumbers,
    EmergencyNumber,
    NoCallerNumber,
    NoTrunk,
    NumberBlocked,
    NumberInvalid,
    Plan,
    TrunkSight,
    Wish,
    decide,
)
from telephony.domain.lines import (
    CallRateLimitReached,
    Load,
    OutboundSettings,
    SpendLimitReached,
    Spent,
    TrunkLimitReached,
)
from telephony.domain.trunks import (
    Gateway,
    GatewayHealth,
    HealthState,
    Limits,
    NumberFormat,
    Transport,
    Trunk,
    may_deliver,
)

from .trunk_world import BAKU, ISTANBUL, NOW, OTHER, TENANT, a_dialer, a_gateway, a_line, a_trunk

UP, DOWN = HealthState.UP, HealthState.DOWN


def dial(number: str, *sights: TrunkSight | Trunk, caller: str = "", seed: int = 1, **dialer) -> Plan:
    seen = [each if isinstance(each, TrunkSight) else TrunkSight(each) for each in sights or (a_trunk(),)]
    return decide(Wish(number, caller), a_dialer(**dialer), seen, NOW, Random(seed))


def hosts(plan: Plan) -> list[str]:
    return [each.gateway.host for each in plan.attempts]


# -- what is dialled -------------------------------------------------------------------------------------------


def test_a_number_is_read_as_it_is_dialled_where_the_caller_number_is_from() -> None:
    assert dial("012 404 12 34").destination.number == "+994124041234"
    numbers = CallerNumbers(frozenset({ISTANBUL}), ISTANBUL)
    assert dial("0212 555 12 34", numbers=numbers).destination.number == ISTANBUL
    assert dial("+44 20 7946 0123").destination.number == "+442079460123"


@pytest.mark.parametrize("number", ["", "  ", "hello", "+", "+0", "12", "9" * 65, "+99412404123456789"])
def test_what_is_no_number_is_said_to_be_none(number: str) -> None:
    with pytest.raises(NumberInvalid):
        dial(number)


@pytest.mark.parametrize("number", ["112", "102", "+994112", "103"])
def test_emergency_numbers_are_refused_as_such_and_never_dialled(number: str) -> None:
    with pytest.raises(EmergencyNumber) as refused:
        dial(number)
    assert refused.value.reason == "EMERGENCY_NUMBER"


def test_what_would_connect_to_an_emergency_service_is_one() -> None:
    numbers = CallerNumbers(frozenset({"+12125550100"}), "+12125550100")
    for number in ("911", "+1911", "9116661212"):
        with pytest.raises(EmergencyNumber):
            dial(number, numbers=numbers)
    assert dial("212 555 0123", numbers=numbers).destination.number == "+12125550123"


# -- countries --------------------------------------------------------------------------------------------------


def test_a_high_risk_country_is_blocked_until_it_is_allowed_by_name() -> None:
    with pytest.raises(NumberBlocked) as refused:
        dial("+5352123456")
    assert refused.value.metadata == {"country": "CU", "tier": "HIGH"}
    rules = CountryRules({"CU": Choice.ALLOWED})
    assert dial("+5352123456", rules=rules).destination.tier is Tier.HIGH


def test_satellites_and_networks_of_no_country_are_blocked() -> None:
    for number in ("+870773111632", "+88213123456", "+8835100123456"):
        with pytest.raises(NumberBlocked):
            dial(number)


def test_a_country_can_be_blocked_whatever_its_tier_even_ones_own() -> None:
    for number, country in (("+905321234567", "TR"), ("+994124041234", "AZ")):
        with pytest.raises(NumberBlocked):
            dial(number, rules=CountryRules({country: Choice.BLOCKED}))


def test_numbers_whose_owner_earns_by_them_are_blocked_even_where_the_country_is_allowed() -> None:
    premium = "+449098790000"
    assert phonenumbers.number_type(phonenumbers.parse(premium)) == phonenumbers.PhoneNumberType.PREMIUM_RATE
    with pytest.raises(NumberBlocked):
        dial(premium, rules=CountryRules({"GB": Choice.ALLOWED}))


def test_where_the_tenant_has_numbers_is_home_and_no_risk() -> None:
    assert dial("+994501234567").destination.tier is Tier.STANDARD
    elsewhere = CallerNumbers(frozenset({ISTANBUL}), ISTANBUL)
    assert dial("+994501234567", numbers=elsewhere).destination.tier is Tier.ELEVATED


def test_the_list_of_tiers_names_only_countries_that_can_be_called() -> None:
    from telephony.domain.countries import _tiers

    assert set(_tiers()) <= set(countries())
    assert {tier for tier in _tiers().values()} == {Tier.ELEVATED, Tier.HIGH}


# -- who is shown ------------------------------------------------------------------------------------------------


def test_the_brands_number_is_shown_unless_another_one_is_wished() -> None:
    both = CallerNumbers(frozenset({BAKU, ISTANBUL}), BAKU)
    assert dial("+905321234567", numbers=both).caller_number == BAKU
    assert dial("+905321234567", numbers=both, caller=ISTANBUL).caller_number == ISTANBUL


def test_a_number_that_is_not_the_tenants_is_never_shown() -> None:
    with pytest.raises(CallerNumberNotOwned):
        dial("+905321234567", caller="+442079460000")
    with pytest.raises(CallerNumberNotOwned):
        dial("+905321234567", numbers=CallerNumbers(frozenset(), BAKU))


def test_a_brand_without_a_number_is_told_apart_from_a_number_that_is_not_ours() -> None:
    with pytest.raises(NoCallerNumber):
        dial("+905321234567", numbers=CallerNumbers(frozenset({BAKU})))


def brought(trunk: str = "trk_b", default: str = ISTANBUL) -> CallerNumbers:
    """BAKU is the platform's, ISTANBUL came with the tenant's own carrier."""
    return CallerNumbers(frozenset({BAKU, ISTANBUL}), default, {ISTANBUL: trunk})


def test_a_number_the_tenant_brought_is_shown_by_its_own_carrier_alone() -> None:
    shared = a_trunk("s", tenant_id=PLATFORM, priority=0)
    own = [a_trunk("a"), a_trunk("b", priority=9)]
    plan = dial("+905321234567", shared, *own, numbers=brought())
    assert {attempt.trunk.trunk_id for attempt in plan.attempts} == {"trk_b"} and plan.caller_number == ISTANBUL
    plan = dial("+905321234567", shared, *own, numbers=brought(), caller=BAKU)
    assert {attempt.trunk.trunk_id for attempt in plan.attempts} == {"trk_a", "trk_b", "trk_s"}


@pytest.mark.parametrize("trunk", [a_trunk("a"), a_trunk("b", enabled=False), a_trunk("b", tenant_id=OTHER)])
def test_without_its_carrier_a_brought_number_is_not_shown_by_another(trunk: Trunk) -> None:
    with pytest.raises(NoTrunk) as refused:
        dial("+905321234567", trunk, numbers=brought())
    assert "caller number" in str(refused.value)


def test_a_number_somebody_says_is_theirs_makes_no_country_safe() -> None:
    havana = "+5378301234"
    numbers = CallerNumbers(frozenset({havana, BAKU}), BAKU, {havana: "trk_a"})
    with pytest.raises(NumberBlocked):
        dial("+5352123456", numbers=numbers)


def test_each_carrier_gets_numbers_as_it_wants_them() -> None:
    trunk = a_trunk(dialed_format=NumberFormat("+", "00"), caller_format=NumberFormat("+994", "0"))
    attempt = dial("+905321234567", trunk).attempts[0]
    assert (attempt.dialed, attempt.caller) == ("00905321234567", "0125551234")
    assert NumberFormat("+90", "0").write(BAKU) == "0" + BAKU


# -- over what -----------------------------------------------------------------------------------------------------


def test_gateways_are_tried_by_priority_and_the_second_carrier_after_the_first() -> None:
    first = a_trunk("a", gateways=(a_gateway("later", priority=2), a_gateway("sooner", priority=1)))
    assert hosts(dial("+905321234567", a_trunk("b", priority=5), first)) == ["sooner", "later", "b.carrier.example"]


def test_the_platforms_trunks_come_after_ones_own_and_another_tenants_never() -> None:
    shared, foreign = a_trunk("s", tenant_id=PLATFORM), a_trunk("f", tenant_id=OTHER)
    plan = dial("+905321234567", shared, foreign, a_trunk("own", priority=100))
    assert hosts(plan) == ["own.carrier.example", "s.carrier.example"]


def test_gateways_of_one_priority_share_calls_by_weight() -> None:
    trunk = a_trunk(gateways=(a_gateway("heavy", weight=3), a_gateway("light", weight=1)))
    chance = Random(7)
    firsts = [dialing.in_order(trunk.gateways, chance)[0].host for _ in range(4000)]
    assert 0.72 < firsts.count("heavy") / len(firsts) < 0.78


def test_a_gateway_that_does_not_answer_is_tried_last_but_is_tried() -> None:
    trunk = a_trunk(gateways=(a_gateway("dead", priority=0), a_gateway("living", priority=1)))
    sight = TrunkSight(
        trunk, {"gwy_dead": GatewayHealth("gwy_dead", DOWN), "gwy_living": GatewayHealth("gwy_living", UP)}
    )
    assert hosts(dial("+905321234567", sight)) == ["living", "dead"]


def test_a_gateway_we_are_not_registered_at_is_tried_last_where_that_is_needed() -> None:
    gateways = (a_gateway("lost", priority=0), a_gateway("known", priority=1))
    health = {"gwy_lost": GatewayHealth("gwy_lost", UP, DOWN), "gwy_known": GatewayHealth("gwy_known", UP, UP)}
    asks = a_trunk(gateways=gateways, registers=True, user_name="x")
    assert hosts(dial("+905321234567", TrunkSight(asks, health))) == ["known", "lost"]
    static = a_trunk(gateways=gateways)
    assert hosts(dial("+905321234567", TrunkSight(static, health))) == ["lost", "known"]


def test_without_a_trunk_that_may_be_used_there_is_none() -> None:
    for sights in ((a_trunk(enabled=False),), (a_trunk(tenant_id=OTHER),)):
        with pytest.raises(NoTrunk):
            dial("+905321234567", *sights)


def test_no_more_attempts_are_made_than_somebody_waits_for() -> None:
    trunk = a_trunk(gateways=tuple(a_gateway(f"g{n}") for n in range(12)))
    assert len(dial("+905321234567", trunk).attempts) == dialing.MAX_ATTEMPTS


# -- limits --------------------------------------------------------------------------------------------------------


def test_a_full_trunk_is_passed_over_and_refuses_when_there_is_no_other() -> None:
    full = TrunkSight(a_trunk("a", limits=Limits(calls=1)), load=Load([a_line()]))
    assert hosts(dial("+905321234567", full, a_trunk("b"))) == ["b.carrier.example"]
    with pytest.raises(TrunkLimitReached) as refused:
        dial("+905321234567", full)
    assert refused.value.metadata == {"limit": "1"}


def test_too_many_calls_in_a_second_are_told_when_to_try_again() -> None:
    busy = TrunkSight(a_trunk(limits=Limits(calls_per_second=3)), load=Load(started=3))
    with pytest.raises(CallRateLimitReached) as refused:
        dial("+905321234567", busy)
    assert refused.value.retry_after == timedelta(seconds=1)
    with pytest.raises(CallRateLimitReached):
        dial("+905321234567", load=Load(started=5))


def test_without_limits_of_ones_own_five_units_a_day_are_all_a_thief_gets() -> None:
    spent = Load(spent={"EUR": Spent(Decimal("4.41"))})
    with pytest.raises(SpendLimitReached) as refused:
        dial("+905321234567", settings=OutboundSettings(), load=spent)
    assert refused.value.metadata == {"limit": "5", "currency": "EUR"}
    dial("+905321234567", settings=OutboundSettings(), load=Load(spent={"EUR": Spent(Decimal("4.40"))}))


def test_a_raised_limit_does_not_raise_what_may_go_to_risky_countries() -> None:
    raised = OutboundSettings(spend=Money(Decimal(1000), "EUR"))
    load = Load(spent={"EUR": Spent(Decimal(300), risky=Decimal("4.50"))})
    assert dial("+905321234567", settings=raised, load=load)
    with pytest.raises(SpendLimitReached):
        dial("+442079460123", settings=raised, load=load)


def test_in_a_currency_without_a_limit_five_units_hold() -> None:
    limits = OutboundSettings(spend=Money(Decimal(1000), "EUR"))
    assert (limits.most("EUR"), limits.most("USD"), limits.most("JPY")) == (1000, 5, 500)
    with pytest.raises(SpendLimitReached):
        dial("+905321234567", a_trunk(currency="USD"), settings=limits, load=Load(spent={"USD": Spent(Decimal(5))}))


def test_running_calls_count_as_far_as_they_have_run_and_a_first_minute_at_least() -> None:
    line = a_line(price="0.90")
    assert lines.cost(line, NOW).amount == 0
    assert lines.owed(line, NOW).amount == Decimal("0.90")
    answered = replace(line, answer_time=NOW)
    assert lines.cost(answered, NOW + timedelta(seconds=20)).amount == Decimal("0.30")
    assert lines.owed(answered, NOW + timedelta(seconds=20)).amount == Decimal("0.90")
    assert lines.owed(answered, NOW + timedelta(seconds=90)).amount == Decimal("1.35")
    assert lines.cost(replace(answered, inbound=True), NOW + timedelta(hours=1)).amount == 0


def test_a_call_is_cut_once_what_has_been_spoken_reached_the_limit() -> None:
    line = replace(a_line(price="6.00"), answer_time=NOW)
    load, plain = Load([line]), OutboundSettings()
    assert not lines.overspent(line, Limits(), load, plain, load, NOW + timedelta(seconds=49))
    assert lines.overspent(line, Limits(), load, plain, load, NOW + timedelta(seconds=50))
    generous = OutboundSettings(spend=Money(Decimal(100), "EUR"))
    assert not lines.overspent(line, Limits(), load, generous, load, NOW + timedelta(seconds=50))
    assert lines.overspent(line, Limits(spend=Decimal(5)), load, generous, load, NOW + timedelta(seconds=50))
    risky = replace(line, tier=Tier.ELEVATED)
    assert lines.overspent(risky, Limits(), Load([risky]), generous, Load([risky]), NOW + timedelta(seconds=50))


def test_a_country_without_a_price_is_guarded_by_one_that_is_too_high_rather_than_too_low() -> None:
    bare = a_trunk(rates={"TR": Decimal("0.02")})
    assert trunks.price_of(bare, "TR", Tier.STANDARD).amount == Decimal("0.02")
    assert [trunks.price_of(bare, "XX", tier).amount for tier in Tier] == [Decimal("0.20"), 1, 5]
    assert trunks.price_of(a_trunk(), "GB", Tier.ELEVATED).amount == Decimal("0.60")


def test_in_a_currency_without_small_change_an_assumed_price_buys_no_more_of_a_days_five_units_than_elsewhere() -> None:
    prices = {
        each: trunks.price_of(a_trunk(currency=each, rates={}), "XX", Tier.HIGH) for each in ("EUR", "JPY", "VND")
    }
    assert [OutboundSettings().most(each) / price.amount for each, price in prices.items()] == [1, 1, 1]


def test_a_minute_may_cost_what_it_does_in_a_currency_of_which_a_call_takes_thousands() -> None:
    rates = {"IR": Decimal(1_500), "": Decimal(750_000)}
    assert trunks.check_trunk(a_trunk(currency="IRR", rates=rates)).rates == rates


# -- always --------------------------------------------------------------------------------------------------------

COUNTRIES = sorted(countries())
example_numbers = st.sampled_from(COUNTRIES).flatmap(
    lambda country: st.sampled_from(
        [
            phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            for kind in (0, 1, 3, 4, 6, 7)
            if (number := phonenumbers.example_number_for_type(country, kind)) is not None
        ]
        or ["+870773111632"]
    )
)
typed = st.one_of(example_numbers, st.from_regex(r"\+[1-9][0-9]{4,14}", fullmatch=True), st.text(max_size=20))
choices = st.dictionaries(st.sampled_from(COUNTRIES), st.sampled_from(Choice), max_size=40)
owned = st.frozensets(st.sampled_from([BAKU, ISTANBUL, "+12125550100", "+442079460000"]), max_size=3)


@settings(max_examples=300, deadline=None)
@given(
    number=typed, said=choices, numbers=owned, shown=st.sampled_from(["", BAKU, ISTANBUL, "+33123456789"]),
    default=st.sampled_from(["", BAKU, "+33123456789"]), calls=st.integers(0, 4), started=st.integers(0, 6),
    spent=st.decimals(0, 12, places=2), seed=st.integers(0, 99),
)  # fmt: skip
def test_no_attempt_ever_breaks_a_rule(number, said, numbers, shown, default, calls, started, spent, seed) -> None:
    limits = Limits(calls=2, calls_per_second=3, spend=Decimal(9))
    load = Load([a_line() for _ in range(calls)], started, {"EUR": Spent(spent, spent / 2)})
    sights = [
        TrunkSight(a_trunk("own", limits=limits), load=load),
        TrunkSight(a_trunk("shared", tenant_id=PLATFORM, limits=limits)),
        TrunkSight(a_trunk("foreign", tenant_id=OTHER)),
    ]
    rules, limited = CountryRules(said), OutboundSettings(spend=Money(Decimal(8), "EUR"))
    dialer = a_dialer(numbers=CallerNumbers(numbers, default), rules=rules, settings=limited, load=load)
    try:
        plan = decide(Wish(number, shown), dialer, sights, NOW, Random(seed))
    except DomainError as refused:
        assert refused.reason in {
            "NUMBER_INVALID", "EMERGENCY_NUMBER", "NUMBER_BLOCKED", "NO_TRUNK", "CALLER_NUMBER_NOT_OWNED",
            "NO_CALLER_NUMBER", "TRUNK_LIMIT_REACHED", "CALL_RATE_LIMIT_REACHED", "SPEND_LIMIT_REACHED",
        }  # fmt: skip
        return
    assert plan.attempts and plan.caller_number in numbers
    country = plan.destination.country
    assert said.get(country) is not Choice.BLOCKED
    home = {phonenumbers.region_code_for_number(phonenumbers.parse(each)) for each in numbers}
    if country not in home and countries()[country].tier is Tier.HIGH:
        assert said.get(country) is Choice.ALLOWED
    kind = phonenumbers.number_type(phonenumbers.parse(plan.destination.number))
    assert kind != phonenumbers.PhoneNumberType.PREMIUM_RATE
    assert started < 5 and spent <= 8
    for attempt in plan.attempts:
        assert attempt.trunk.tenant_id in (TENANT, PLATFORM)
        assert attempt.trunk.trunk_id != "trk_own" or (calls < 2 and started < 3)


# -- inbound -------------------------------------------------------------------------------------------------------


def test_a_companys_trunk_reaches_its_own_numbers_alone_and_the_platforms_everybodys() -> None:
    assert may_deliver(TENANT, TENANT) and may_deliver(PLATFORM, TENANT)
    assert not may_deliver(OTHER, TENANT)


@pytest.mark.parametrize("said", ["+994125551234", "994125551234", "0125551234", "+994125551234;phone-context=x"])
def test_the_number_a_carrier_names_is_read_however_it_writes_it(said: str) -> None:
    assert dialing.read_dialed(said, a_trunk(country="AZ")) == BAKU


def test_what_a_carrier_names_that_is_no_number_is_none() -> None:
    for said in ("", "alice", "+", "anonymous;tag=1"):
        assert dialing.read_dialed(said, a_trunk(country="AZ")) == ""
    assert dialing.read_dialed("994125551234", a_trunk()) == BAKU


# -- what may be in a trunk ------------------------------------------------------------------------------------------


def test_a_trunk_is_told_everything_that_is_wrong_with_it_at_once() -> None:
    wrong = replace(
        a_trunk(),
        display_name=" ",
        gateways=(Gateway("", "1.2.3.400", 70000, Transport.UDP, 0, 1),),
        source_networks=("10.0.0.0/8", "x"),
        codecs=("G729",),
        country="ZZ",
        registers=True,
        limits=Limits(0, 900, Decimal(-1)),
        dialed_format=NumberFormat("abc", ""),
        currency="eur",
    )
    with pytest.raises(InvalidInput) as refused:
        trunks.check_trunk(wrong)
    assert {each.field.removeprefix("trunk.") for each in refused.value.fields} == {
        "display_name", "gateways[0].host", "gateways[0].port", "user_name", "dialed_format.strip", "country", "codecs",
        "source_networks[0]", "source_networks[1]", "limits.max_concurrent_calls", "limits.max_calls_per_second",
        "limits.spend_limit", "currency",
    }  # fmt: skip


def test_an_address_keeps_its_gateways_id_so_that_its_health_stays_known() -> None:
    before = trunks.settle_gateways([Gateway("", "a.example", 0), Gateway("", "b.example", 0)], (), NOW)
    assert [each.port for each in before] == [5060, 5060]
    after = trunks.settle_gateways(
        [Gateway("", "B.example", 5060, priority=3), Gateway("", "a.example", 0, Transport.TLS)], before, NOW
    )
    assert after[0].gateway_id == before[1].gateway_id
    assert after[1].port == 5061 and after[1].gateway_id not in {each.gateway_id for each in before}


def test_what_one_node_reaches_is_up_and_what_nobody_looked_at_lately_is_unknown() -> None:
    gateway = a_gateway()
    sights = [
        GatewayHealth("g", DOWN, problem="TIMEOUT", check_time=NOW),
        GatewayHealth("g", UP, status=200, check_time=NOW - timedelta(seconds=20)),
    ]
    assert trunks.gateway_health(gateway, sights, NOW).state is UP
    assert trunks.gateway_health(gateway, sights[:1], NOW).problem == "TIMEOUT"
    assert trunks.gateway_health(gateway, sights, NOW + timedelta(minutes=5)).state is HealthState.UNKNOWN
    assert trunks.trunk_state(a_trunk(), [sights[0], sights[1]]) is UP
    assert trunks.trunk_state(a_trunk(), sights[:1]) is DOWN
    assert trunks.trunk_state(a_trunk(), [GatewayHealth("g")]) is HealthState.UNKNOWN
