"""What is refused of a plan or an add-on: each fault by its field, all of them at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from kernel.features import Feature
from merkez.tenancy.v1 import plan_pb2
from merkez.type.v1 import money_pb2
from tenancy import catalogue
from tenancy.domain import plan_rules
from tenancy.domain.plan_documents import add_on_document, add_on_of, plan_document, plan_of
from tenancy.domain.plan_rules import PlanInvalid, add_on_faults, plan_faults
from tenancy.domain.plans import AddOn, Limits, Plan, Rate, Tier, with_add_ons
from tenancy.plans_proto import Reading, in_all_languages, plan_out

PLAN: Plan = replace(catalogue.seed().find("growth"), price="99.00", trial_days=14, state="DRAFT")
ADD_ON = AddOn("more_calls", 1, {"en": "Ten more calls"}, {}, "EUR", "20.00", limits=Limits(max_concurrent_calls=10))


def found(**changes: Any) -> dict[str, str]:
    """Faults of the plan with these changes, by path."""
    return {each.field: each.key for each in plan_faults(replace(PLAN, **changes))}


def of_rate(**changes: Any) -> dict[str, str]:
    """Faults of a rate, by its field's path within the rate."""
    rate = replace(Rate("voice_inbound_minute", "minute", "0.02"), **changes)
    return {path.removeprefix("plan.rates[0]."): key for path, key in found(rates=(rate,)).items()}


def tiers(*ends: str) -> tuple[Tier, ...]:
    return tuple(Tier(up_to=end, unit_price="0.01") for end in ends)


def graduated(*ends: str) -> dict[str, str]:
    return of_rate(model="GRADUATED", price="", tiers=tiers(*ends))


def test_what_is_sold_has_no_fault() -> None:
    assert [fault for plan in catalogue.PLANS for fault in plan_faults(plan)] == []
    assert found() == {} and add_on_faults(ADD_ON, ["growth"]) == []


@pytest.mark.parametrize(
    ("changes", "path", "key"),
    [
        ({"price": "-1"}, "price", "NEGATIVE"),
        ({"price": "99.001"}, "price", "TOO_MANY_DIGITS"),
        ({"price": "1000000000"}, "price", "TOO_LARGE"),
        ({"price": "1e3"}, "price", "NOT_A_NUMBER"),
        ({"price": "NaN"}, "price", "NOT_A_NUMBER"),
        ({"price": "١٢"}, "price", "NOT_A_NUMBER"),
        ({"minimum": "-5"}, "minimum", "NEGATIVE"),
        ({"currency": "EUX"}, "currency", "UNKNOWN"),
        ({"currency": "eur"}, "currency", "UNKNOWN"),
        ({"currency": ""}, "currency", "REQUIRED"),
        ({"names": {}}, "names", "REQUIRED"),
        ({"names": {"en": "Growth", "de": "Wachstum"}}, "names[de]", "UNKNOWN"),
        ({"names": {"en": "two\nlines"}}, "names[en]", "NOT_TEXT"),
        ({"trial_days": -1}, "trial_days", "NEGATIVE"),
        ({"trial_days": 400}, "trial_days", "TOO_LARGE"),
        ({"price": ""}, "trial_days", "NO_FEE"),
        ({"features": ("recording", "teleport")}, "features[1]", "UNKNOWN"),
        ({"features": (Feature.API, Feature.API)}, "features[1]", "REPEATED"),
        ({"soft_limits": ("max_dogs",)}, "soft_limits[0]", "UNKNOWN"),
        ({"limits": replace(PLAN.limits, max_numbers=-3)}, "limits.max_numbers", "NEGATIVE"),
        ({"limits": replace(PLAN.limits, max_users=0)}, "limits.max_users", "NOT_POSITIVE"),
    ],
)
def test_fault_of_a_plan_is_named(changes: Mapping[str, Any], path: str, key: str) -> None:
    assert found(**changes) == {f"plan.{path}": key}


@pytest.mark.parametrize(
    ("changes", "path", "key"),
    [
        ({"meter": "Dogs"}, "meter", "UNKNOWN"),
        ({"meter": "voice_prepaid_minute"}, "meter", "UNKNOWN"),
        ({"meter": "dogs", "timing": "ADVANCE"}, "timing", "NOT_BEFORE_USE"),
        ({"meter": "dogs", "unit": ""}, "unit", "REQUIRED"),
        ({"meter": ""}, "meter", "REQUIRED"),
        ({"unit": "gb"}, "unit", "UNKNOWN"),
        ({"price": ""}, "price", "REQUIRED"),
        ({"price": "-0.01"}, "price", "NEGATIVE"),
        ({"price": "0.0000000001"}, "price", "TOO_MANY_DIGITS"),
        ({"included_units": "-1"}, "included_units", "NEGATIVE"),
        ({"package_size": "100"}, "package_size", "NOT_OF_MODEL"),
        ({"model": "PACKAGE"}, "package_size", "REQUIRED"),
        ({"model": "PACKAGE", "package_size": "0"}, "package_size", "NOT_POSITIVE"),
        ({"model": "PERCENTAGE", "price": ""}, "percent", "REQUIRED"),
        ({"model": "PERCENTAGE", "price": "", "percent": "100.5"}, "percent", "TOO_LARGE"),
        ({"model": "PERCENTAGE", "price": "", "percent": "-1"}, "percent", "NEGATIVE"),
        ({"model": "DECK", "price": ""}, "rate_deck_id", "REQUIRED"),
        ({"minimum": "5", "maximum": "4.99"}, "minimum", "ABOVE_MAXIMUM"),
        ({"first_increment_seconds": -1}, "first_increment_seconds", "NEGATIVE"),
        ({"next_increment_seconds": 7200}, "next_increment_seconds", "TOO_LARGE"),
        ({"timing": "ADVANCE"}, "timing", "NOT_BEFORE_USE"),
        ({"properties": {"Channel": "chat"}}, "properties[Channel]", "UNKNOWN"),
        ({"properties": {"channel": ""}}, "properties[channel]", "REQUIRED"),
        ({"model": ""}, "model", "UNKNOWN"),
        ({"included_per_meter": "Seats"}, "included_per_meter", "UNKNOWN"),
        ({"flat_fee_at_zero": True}, "flat_fee_at_zero", "NOT_OF_MODEL"),
    ],
)
def test_fault_of_a_rate_is_named(changes: Mapping[str, Any], path: str, key: str) -> None:
    assert of_rate(**changes) == {path: key}


def test_tiers_rise_without_gap_to_one_without_an_end() -> None:
    assert graduated("100", "500", "") == {}
    assert graduated("100", "100", "") == {"tiers[1].up_to": "NOT_RISING"}
    assert graduated("500", "100", "") == {"tiers[1].up_to": "NOT_RISING"}
    assert graduated("", "500", "") == {"tiers[0].up_to": "GAP"}
    assert graduated("100", "500") == {"tiers[1].up_to": "NO_OPEN_END"}
    assert graduated("0", "") == {"tiers[0].up_to": "NOT_POSITIVE"}
    assert of_rate(model="VOLUME", price="") == {"tiers": "REQUIRED"}
    assert of_rate(model="VOLUME", price="1", tiers=tiers("")) == {"price": "NOT_OF_MODEL"}
    assert of_rate(model="VOLUME", price="", tiers=(Tier(),)) == {"tiers[0].unit_price": "REQUIRED"}
    sized = {"tiers[0].package_size": "NOT_POSITIVE", "tiers[0].unit_price": "REQUIRED"}
    assert of_rate(model="VOLUME", price="", tiers=(Tier(package_size="0"),)) == sized
    share = (Tier("1000", percent="3"), Tier(percent="101"))
    assert of_rate(model="GRADUATED_PERCENTAGE", price="", tiers=share) == {"tiers[1].percent": "TOO_LARGE"}


def test_a_record_costs_no_more_than_its_maximum() -> None:
    bounds = {"record_minimum": "2", "record_maximum": "1"}
    assert of_rate(model="PERCENTAGE", price="", percent="2.5", **bounds) == {"record_minimum": "ABOVE_MAXIMUM"}


def test_of_two_rates_for_the_same_usage_nobody_could_tell_which_applies() -> None:
    def rates(*properties: Mapping[str, str]) -> dict[str, str]:
        return found(rates=tuple(Rate("seat_month", "month", "1", properties=each) for each in properties))

    assert rates({}, {"channel": "chat"}, {"channel": "voice"}, {"channel": "chat", "brand": "x"}) == {}
    assert rates({}, {}) == {"plan.rates[1].properties": "AMBIGUOUS"}
    assert rates({"channel": "chat"}, {"brand": "x"}) == {"plan.rates[1].properties": "AMBIGUOUS"}


def test_every_fault_is_said_at_once() -> None:
    faults = plan_faults(replace(PLAN, currency="?", price="x", rates=(Rate("A", "b"), *PLAN.rates)))
    with pytest.raises(PlanInvalid) as refused:
        plan_rules.check(faults)
    said = {each.field for each in refused.value.fields}
    assert said == {"plan.currency", "plan.price", "plan.rates[0].meter", "plan.rates[0].price"}
    assert all(each.description for each in refused.value.fields)


def test_add_on_adds_something_to_plans_there_are() -> None:
    nothing = replace(ADD_ON, limits=Limits(), plan_ids=("growth", "dogs"))
    assert {each.field: each.key for each in add_on_faults(nothing, ["growth"])} == {
        "add_on.limits": "NOTHING", "add_on.plan_ids[1]": "UNKNOWN",
    }  # fmt: skip


def test_limits_and_features_of_add_ons_come_on_top() -> None:
    audit = replace(ADD_ON, add_on_id="audit", limits=Limits(), features=(Feature.AUDIT,))
    merged = with_add_ons(PLAN, [(ADD_ON, 3), (audit, 1)])
    assert merged.limits == replace(PLAN.limits, max_concurrent_calls=60)
    assert merged.features == (*PLAN.features, Feature.AUDIT)
    bounded = replace(ADD_ON, limits=Limits(max_api_requests_per_minute=10))
    assert with_add_ons(PLAN, [(bounded, 1)]).limits.max_api_requests_per_minute == 0, "no bound stays none"


def test_missing_language_falls_back_to_english() -> None:
    assert in_all_languages({"en": "Big", "tr": "Büyük", "fa": " "}) == {
        "en": "Big", "tr": "Büyük", "az": "Big", "fa": "Big",
    }  # fmt: skip
    assert in_all_languages({"az": "Böyük"})["tr"] == "Böyük" and in_all_languages({}) == {}


EVERYTHING = replace(
    PLAN,
    interval="year",
    minimum="10.50",
    soft_limits=("max_users",),
    tenant_id="ten_x",
    rates=(
        Rate("seat_month", "month", "10", timing="ADVANCE", minimum="1", maximum="100", record_fee="0.1"),
        Rate("voice_inbound_minute", "minute", model="GRADUATED", tiers=(Tier("10.5", "1", "2"), Tier("", "0.5"))),
        Rate("number_month", "month", "7", model="PACKAGE", package_size="10", properties={"country": "TR"}),
        Rate(
            "voice_outbound_minute", "minute", model="PERCENTAGE", percent="2.75", free_records=3, record_minimum="0.1",
            record_maximum="9",
        ),
        Rate("voice_outbound_minute", "minute", model="DECK", rate_deck_id="rdk_1", properties={"route": "deck"}),
    ),
)  # fmt: skip


def test_plan_reads_back_as_it_was_written_from_wire_and_from_store() -> None:
    assert plan_faults(EVERYTHING) == []
    reading = Reading("EUR")
    read = reading.plan(plan_out(EVERYTHING, as_written=True), EVERYTHING.plan_id, EVERYTHING.version)
    assert reading.faults == []
    assert replace(read, effective_time=EVERYTHING.effective_time, rates=tuple(read.rates)) == EVERYTHING
    kept = plan_of(plan_document(EVERYTHING), EVERYTHING.version, "DRAFT", None)
    assert replace(kept, effective_time=EVERYTHING.effective_time) == EVERYTHING
    assert add_on_of(add_on_document(ADD_ON), 1, "ON_SALE", ADD_ON.effective_time) == ADD_ON


def test_amount_in_another_currency_is_a_fault_of_its_field() -> None:
    message = plan_pb2.Plan(price=money_pb2.Money(currency="USD", amount="1"))
    message.rates.add(meter="seat_month", minimum=money_pb2.Money(currency="TRY", amount="1"))
    reading = Reading("EUR")
    reading.plan(message, "x")
    assert [(each.field, each.key) for each in reading.faults] == [
        ("plan.rates[0].minimum", "OTHER_CURRENCY"), ("plan.price", "OTHER_CURRENCY"),
    ]  # fmt: skip
