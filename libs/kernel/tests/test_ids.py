"""Ids sort by the time they were made, and a wrong one is refused by the name of its field."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel.errors import InvalidInput
from kernel.ids import PREFIXES, is_id, new_id, require_id, require_request_id, time_of

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 2 * 10**17).map(lambda passed: EPOCH + timedelta(microseconds=passed))


@given(MOMENTS, MOMENTS)
def test_the_order_of_ids_is_the_order_of_creation(first: datetime, second: datetime) -> None:
    if abs(first - second) >= timedelta(milliseconds=1):
        assert (new_id("call", first) < new_id("call", second)) == (first < second)


@given(MOMENTS)
def test_an_id_tells_when_it_was_made(moment: datetime) -> None:
    assert timedelta(0) <= moment - time_of(new_id("que", moment)) < timedelta(milliseconds=1)


@pytest.mark.parametrize("prefix", sorted(PREFIXES))
def test_every_prefix_makes_ids_of_its_own_kind(prefix: str) -> None:
    made = new_id(prefix, NOW)
    assert is_id(prefix, made) and require_id(prefix, made, "id") == made
    assert not any(is_id(other, made) for other in PREFIXES if other != prefix)


def test_ids_of_one_moment_differ() -> None:
    assert len({new_id("evt", NOW) for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    "value",
    [
        "",
        "que_",
        "01j",
        "que_" + "0" * 25,
        "que_" + "u" * 26,
        "QUE_" + "0" * 26,
        "que_" + "0" * 26 + "\n",
        "que_" + "8" * 26,
    ],
)
def test_what_is_no_queue_id_is_refused_by_its_field_and_not_repeated(value: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        require_id("que", value, "queue_id")
    assert [item.field for item in refused.value.fields] == ["queue_id"]
    assert len(value) < 5 or value not in refused.value.message


def test_an_unknown_prefix_is_a_bug() -> None:
    with pytest.raises(ValueError, match="prefix"):
        new_id("foo", NOW)


@pytest.mark.parametrize("value", ["", "x" * 129])
def test_request_id_is_required_and_bounded(value: str) -> None:
    assert require_request_id("x" * 128)
    with pytest.raises(InvalidInput, match="request_id"):
        require_request_id(value)
