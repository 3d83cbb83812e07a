"""What an agent hears at their telephone before the key."""

from __future__ import annotations

import pytest
from telephony.domain.announcements import LANGUAGES, MAX_NAME, digits, who_calls

BAKU, ISTANBUL = "+994125551234", "+902125550100"


def test_a_number_is_said_digit_by_digit_as_it_is_dialled_where_the_company_is() -> None:
    assert digits("+905321234567", ISTANBUL) == "0 5 3 2, 1 2 3, 4 5, 6 7"
    assert digits("+905321234567", BAKU) == "9 0, 5 3 2, 1 2 3, 4 5, 6 7"
    assert digits("+905321234567", "") == "9 0 5 3 2 1 2 3 4 5 6 7"
    assert digits("+99999", BAKU).replace(",", "").replace(" ", "") == "99999"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_queue_and_the_number_come_before_the_key_in_the_agents_language(language: str) -> None:
    said = who_calls(language, "Support", "+905321234567", ISTANBUL)
    key = "یک" if language == "fa" else "1"
    assert said.index("Support") < said.index("5 3 2") < said.rindex(key)
    withheld = who_calls(language, "", "", ISTANBUL)
    assert withheld != said and not any(each.isdigit() for each in withheld.replace("1", "")), "nobody is made up"


def test_a_language_without_a_voice_is_english_and_a_long_name_leaves_time_for_the_number() -> None:
    assert who_calls("de", "Support", "", ISTANBUL) == who_calls("en", "Support", "", ISTANBUL)
    assert len(who_calls("en", "x" * 500, "", "")) < MAX_NAME + 120
