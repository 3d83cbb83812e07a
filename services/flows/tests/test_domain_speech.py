"""What a waiting caller is told."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flows.domain import speech
from flows.domain.speech import WaitEstimate, announcement
from hypothesis import given
from hypothesis import strategies as st

SECONDS = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("low", "expected", "high", "heard"),
    [
        (5, 20, 55, "The expected wait is less than one minute."),
        (20, 50, 110, "The expected wait is between 1 and 2 minutes."),
        (62, 100, 119, "The expected wait is between 1 and 2 minutes."),
        (300, 300, 300, "The expected wait is about 5 minutes."),
        (700, 900, 1300, "The expected wait is between 10 and 25 minutes."),
        (3700, 4000, 5000, "The expected wait is more than one hour."),
    ],
)
def test_wait_is_told_as_an_honest_range(low: int, expected: int, high: int, heard: str) -> None:
    text, language = announcement(WaitEstimate(2, expected * SECONDS, low * SECONDS, high * SECONDS), "en")
    assert text == f"You are number 2 in line. {heard}" and language == "en"


def test_unknown_wait_is_said_to_be_unknown_in_every_language() -> None:
    heard = {language: announcement(WaitEstimate(1), language)[0] for language in ("en", "tr", "az", "fa")}
    assert heard == {
        "en": "You are next in line. We can't tell the waiting time right now. Thank you for your patience.",
        "tr": "Sırada ilk sizsiniz. Şu anda bekleme süresini söyleyemiyoruz. Sabrınız için teşekkür ederiz.",
        "az": "Növbədə birincisiniz. Hazırda gözləmə müddətini deyə bilmirik. Səbriniz üçün təşəkkür edirik.",
        "fa": "شما نفر بعدی در صف هستید. در حال حاضر نمی‌توانیم زمان انتظار را اعلام کنیم. از شکیبایی شما سپاسگزاریم.",
    }


def test_language_without_sentences_of_its_own_hears_english() -> None:
    assert announcement(WaitEstimate(1), "de")[1] == "en"
    assert speech.sentence("failed", "de")[1] == "en"


@given(st.integers(0, 7200), st.integers(0, 7200), st.integers(0, 7200), st.sampled_from(["en", "tr", "az", "fa"]))
def test_what_is_said_never_promises_less_than_was_estimated(a: int, b: int, c: int, language: str) -> None:
    low, expected, high = sorted((a, b, c))
    text, _ = announcement(WaitEstimate(0, expected * SECONDS, low * SECONDS, high * SECONDS), language)
    assert "{" not in text
    minutes = [int(number) for number in re.findall(r"\d+", text)]
    if minutes:
        assert minutes[-1] * 60 >= high
