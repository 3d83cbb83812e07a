"""A number is E.164 or it is refused."""

from __future__ import annotations

import pytest
from kernel.errors import InvalidInput
from kernel.phone import is_e164, require_e164


@pytest.mark.parametrize("number", ["+994125551234", "+15550142", "+999", "+123456789012345"])
def test_numbers_of_e164_pass(number: str) -> None:
    assert require_e164(number, "caller_number") == number


@pytest.mark.parametrize(
    "number", ["", "0125551234", "+0123456", "+12", "+1234567890123456", "+99 412", "+٩٩٤١٢٥٥٥", "+123456\n"]
)
def test_anything_else_is_refused_without_repeating_it(number: str) -> None:
    assert not is_e164(number)
    with pytest.raises(InvalidInput) as refused:
        require_e164(number, "caller_number")
    assert refused.value.fields[0].field == "caller_number"
    assert not number or number not in refused.value.message
