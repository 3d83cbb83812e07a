"""The words of documents in each language, and how it writes amounts and days."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib import resources

from billing.domain.plans import PRICE_CLASS

_PERSIAN = str.maketrans("0123456789,.", "۰۱۲۳۴۵۶۷۸۹٬٫")
_POINTS = str.maketrans(",.", ".,")


@dataclass(frozen=True)
class Words:
    """One language."""

    language: str
    texts: Mapping[str, str]

    @property
    def right_to_left(self) -> bool:
        """Whether it is written from the right."""
        return self.language == "fa"

    def say(self, key: str, **values: str) -> str:
        """A text with its values."""
        return self.texts[key].format(**values)

    def line(self, key: str, kind: str, meter: str, parameters: Mapping[str, str], *, late: bool = False) -> str:
        """What a line is for. A key without words is said by its meter: a line is never without a name."""
        name = key.removeprefix("invoice.")
        template = self.texts.get(f"line.{name}") or self.texts.get(f"line.{meter}") or self.texts.get(f"line.{kind}")
        text = (template or (meter or name or kind).replace("_", " ")).format_map(_Known(parameters))
        if parameters.get("reason"):
            text = self.say("no_rate", what=text)
        elif where := parameters.get("destination") or parameters.get(PRICE_CLASS):
            text = self.say("to", what=text, destination=where)
        return self.say("late", invoice=parameters.get("invoice", ""), what=text) if late else text

    def amount(self, value: Decimal, currency: str = "") -> str:
        """An amount as it is written here, with its currency's code behind it when one is given."""
        text = self.number(f"{abs(value):,f}")
        if value < 0:  # the mark keeps the sign before its number also where it is written from the right
            text = f"\u200e−{text}" if self.right_to_left else f"−{text}"
        # The code is Latin in every language; it stands apart so that its direction changes nothing.
        return f"{text} {currency}" if currency else text

    def number(self, text: str) -> str:
        """A number written with a point, as it is written here."""
        if self.language == "fa":
            return text.translate(_PERSIAN)
        return text.translate(_POINTS) if self.language in ("tr", "az") else text

    def day(self, value: date) -> str:
        """A day: as ISO 8601 writes it in English, day first elsewhere."""
        if self.language == "fa":
            return f"{value:%Y/%m/%d}".translate(_PERSIAN)
        return f"{value:%d.%m.%Y}" if self.language in ("tr", "az") else f"{value:%Y-%m-%d}"


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


@functools.cache
def words_of(language: str) -> Words:
    """The words of a language; English for one that has none."""
    known = json.loads(resources.files("billing.documents").joinpath("words.json").read_text(encoding="utf-8"))
    found = language if language in known else "en"
    return Words(found, known[found])
