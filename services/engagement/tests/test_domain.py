"""Rules about customers: addresses, names, notes, changes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from engagement import domain
from engagement.domain import Customer

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
CARLA = Customer("cus_1", "brd_1", "Carla", ("+905551234567",), (), {}, NOW, NOW)


@pytest.mark.parametrize("written", ["+90 555 123 45 67", "+90-555-1234567", "+905551234567"])
def test_number_is_kept_in_e164_however_it_was_written(written: str) -> None:
    assert domain.normal_number(written) == "+905551234567"


@pytest.mark.parametrize("written", ["0555 123", "call me", "+1", "+99999999999999999"])
def test_number_nobody_could_dial_is_refused_with_its_field(written: str) -> None:
    with pytest.raises(domain.CustomerInvalid) as refused:
        domain.normal_number(written)
    assert refused.value.fields[0].field == "number"


def test_email_is_kept_in_lower_case() -> None:
    assert domain.normal_email(" Carla@Example.COM ") == "carla@example.com"


@pytest.mark.parametrize("written", ["carla", "carla@", "@example.com", "a b@example.com", "x" * 255 + "@example.com"])
def test_what_is_no_email_is_refused(written: str) -> None:
    with pytest.raises(domain.CustomerInvalid):
        domain.normal_email(written)


def test_change_touches_only_the_named_fields() -> None:
    news = Customer("cus_1", "brd_2", "Karla", (), ("k@example.com",), {"vip": "yes"}, NOW, NOW)
    changed = domain.changed(CARLA, news, ["display_name"], 0, NOW)
    assert (changed.display_name, changed.numbers, changed.emails, changed.brand_id) == (
        "Karla", CARLA.numbers, (), "brd_1",
    )  # fmt: skip
    assert changed.version == 2


def test_change_of_an_older_version_is_refused() -> None:
    with pytest.raises(domain.VersionConflict):
        domain.changed(CARLA, CARLA, ["display_name"], 7, NOW)


@pytest.mark.parametrize("fields", [[], ["customer_id"], ["display_name", "brand_id"]])
def test_fields_that_cannot_change_are_refused(fields: list[str]) -> None:
    with pytest.raises(domain.CustomerInvalid):
        domain.changed(CARLA, CARLA, fields, 0, NOW)


@pytest.mark.parametrize("note", ["", "   ", "x" * 4001])
def test_empty_or_endless_note_is_refused(note: str) -> None:
    with pytest.raises(domain.CustomerInvalid):
        domain.checked_note(note)


def test_number_of_a_plan_we_do_not_know_is_kept_as_it_came() -> None:
    assert domain.normal_number("+1555014") == "+1555014"


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("İrem IŞIK", "irem ışık"),
        ("İrem Işık", "IREM IŞIK"),
        ("Əliyeva Gülnar", "əLIYEVA"),
        ("علي كريمي", "علی کریمی"),
        ("خانه‌دار", "خانه دار"),
    ],
)
def test_name_is_found_however_its_letters_were_typed(name: str, query: str) -> None:
    customer = Customer("cus_1", "brd_1", name, (), (), {}, NOW, NOW)
    assert any(term in domain.search_text(customer) for term in domain.search_terms(query))


@pytest.mark.parametrize("query", ["+90 555 123", "(555) 123-45-67", "۵۵۵۱۲۳", "905551234567"])
def test_number_is_found_however_it_was_typed(query: str) -> None:
    assert any(term in domain.search_text(CARLA) for term in domain.search_terms(query))


def test_endless_query_is_refused() -> None:
    with pytest.raises(domain.CustomerInvalid):
        domain.search_terms("x" * 201)
