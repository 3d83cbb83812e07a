"""Why a payment failed is said in the same words in e-mails and on pages."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORDS = json.loads((ROOT / "services/tenancy/src/tenancy/domain/letter_words.json").read_text("utf-8"))
PAGES = ROOT / "services/web/src"


def test_pages_and_letters_say_the_same_of_a_failed_payment() -> None:
    messages = json.loads((PAGES / "messages/notices.json").read_text("utf-8"))
    said = {key.removeprefix("failure."): text for key, text in messages.items() if key.startswith("failure.")}
    assert said == WORDS["failure"]


def test_pages_and_letters_know_the_same_codes() -> None:
    text = (PAGES / "ui/failureText.ts").read_text("utf-8")
    same = dict(re.findall(r'^  (\w+): "(\w+)",$', text, re.MULTILINE))
    assert same == WORDS["same_failure"] and set(same.values()) <= set(WORDS["failure"])
