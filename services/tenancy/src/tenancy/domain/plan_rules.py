"""What is wrong with a plan or an add-on as an operator wrote it: every fault at once, each with its field's path."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kernel.currencies import CURRENCIES
from kernel.errors import FieldViolation, InvalidInput
from kernel.features import Feature
from kernel.money import minor_digits

from tenancy.domain.decimals import decimal
from tenancy.domain.fields import LANGUAGES
from tenancy.domain.limits import NEVER_SOFT
from tenancy.domain.plans import LIMITS, AddOn, Limits, Plan
from tenancy.domain.rate_rules import rate_faults, same_usage

MOST_DAYS, MOST_RATES = 365, 200
_NAME, _SUMMARY = 100, 500
_MOST_OF_A_LIMIT = 10_000_000
_ID = re.compile(r"[a-z][a-z0-9_-]{1,39}")

_SAID: Mapping[str, str] = {
    "REQUIRED": "must be given",
    "NOT_A_NUMBER": "must be a decimal number, such as 12.50",
    "NEGATIVE": "must not be negative",
    "NOT_POSITIVE": "must be more than 0",
    "TOO_LARGE": "is larger than anybody means",
    "TOO_MANY_DIGITS": "has more digits after the point than it can have",
    "UNKNOWN": "is not one of those there are",
    "REPEATED": "is there twice",
    "TOO_LONG": "is too long",
    "NOT_TEXT": "must be one line of text",
    "ID": "must have 2 to 40 lower-case letters, digits, - and _, a letter first",
    "NOT_OF_MODEL": "doesn't belong to this model",
    "NOT_RISING": "must be more than the tier before",
    "GAP": "only the last tier has no end",
    "NO_OPEN_END": "must be empty in the last tier: it has no end",
    "ABOVE_MAXIMUM": "must not be more than the maximum",
    "NOT_BEFORE_USE": "only what is held for a time can be charged before it",
    "NOT_A_CALL": "is only for meters of calls",
    "AMBIGUOUS": "applies to the same usage as another rate with as many properties",
    "OTHER_CURRENCY": "must be in the plan's currency",
    "NOT_RATEABLE": "can't be applied to usage",
    "NOTHING": "must add to a limit or have a feature",
    "NO_FEE": "needs a fee that it leaves out",
    "OTHER_COMPANY": "stays what it was when the plan was created",
}


@dataclass(frozen=True)
class Fault:
    """One fault: the field's path and a stable key for what is wrong."""

    field: str
    key: str

    @property
    def description(self) -> str:
        """What is wrong, in English."""
        return _SAID[self.key]


class PlanInvalid(InvalidInput):
    """A plan or add-on has faults; the violations name each."""

    reason = "PLAN_INVALID"


def check(faults: Sequence[Fault]) -> None:
    """Raises `PlanInvalid` with every fault."""
    if faults:
        first = faults[0]
        raise PlanInvalid(
            f"{first.field} {first.description}{f', and {len(faults) - 1} more' if len(faults) > 1 else ''}.",
            fields=[FieldViolation(each.field, each.description) for each in faults],
        )


def plan_faults(plan: Plan, at: str = "plan") -> list[Fault]:
    """All faults of a plan; `at` leads every path."""
    found = [*id_faults(plan.plan_id, f"{at}.plan_id")] if plan.plan_id else []
    found += texts(plan.names, f"{at}.names", _NAME, required=True)
    found += texts(plan.summaries, f"{at}.summaries", _SUMMARY)
    found += currency_faults(plan.currency, f"{at}.currency")
    found += whole(plan.tier, f"{at}.tier", 1000)
    found += fee(plan.price, plan.currency, f"{at}.price")
    found += fee(plan.minimum, plan.currency, f"{at}.minimum")
    found += whole(plan.trial_days, f"{at}.trial_days", MOST_DAYS)
    if plan.trial_days > 0 and not plan.price:
        found.append(Fault(f"{at}.trial_days", "NO_FEE"))
    found += _limits(plan.limits, f"{at}.limits")
    if plan.limits.max_users == 0:  # its owner is one
        found.append(Fault(f"{at}.limits.max_users", "NOT_POSITIVE"))
    found += _of(plan.features, set(Feature), f"{at}.features")
    found += _of(plan.soft_limits, set(LIMITS) - set(NEVER_SOFT), f"{at}.soft_limits")
    if len(plan.rates) > MOST_RATES:
        found.append(Fault(f"{at}.rates", "TOO_LONG"))
    for index, rate in enumerate(plan.rates[:MOST_RATES]):
        found += [Fault(*each) for each in rate_faults(rate, plan.currency, f"{at}.rates[{index}]")]
        if any(same_usage(rate, other) for other in plan.rates[:index]):
            found.append(Fault(f"{at}.rates[{index}].properties", "AMBIGUOUS"))
    return found


def add_on_faults(add_on: AddOn, plan_ids: Iterable[str], at: str = "add_on") -> list[Fault]:
    """All faults of an add-on; `plan_ids` are those there are."""
    found = [*id_faults(add_on.add_on_id, f"{at}.add_on_id")] if add_on.add_on_id else []
    found += texts(add_on.names, f"{at}.names", _NAME, required=True)
    found += texts(add_on.summaries, f"{at}.summaries", _SUMMARY)
    found += currency_faults(add_on.currency, f"{at}.currency")
    found += fee(add_on.price, add_on.currency, f"{at}.price")
    found += _limits(add_on.limits, f"{at}.limits")
    found += _of(add_on.features, set(Feature), f"{at}.features")
    found += _of(add_on.plan_ids, set(plan_ids), f"{at}.plan_ids")
    if add_on.limits == Limits() and not add_on.features:
        found.append(Fault(f"{at}.limits", "NOTHING"))
    return found


def id_faults(value: str, at: str) -> list[Fault]:
    """Of a stable id of a plan or add-on."""
    return [] if _ID.fullmatch(value) else [Fault(at, "ID")]


def texts(said: Mapping[str, str], at: str, longest: int, *, required: bool = False) -> list[Fault]:
    """Of a text in several languages: one is enough, others fall back to it."""
    found = [Fault(f"{at}[{language}]", "UNKNOWN") for language in sorted(set(said) - set(LANGUAGES))]
    if required and not any(text.strip() for text in said.values()):
        found.append(Fault(at, "REQUIRED"))
    for language, text in said.items():
        if len(text) > longest:
            found.append(Fault(f"{at}[{language}]", "TOO_LONG"))
        if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
            found.append(Fault(f"{at}[{language}]", "NOT_TEXT"))
    return found


def currency_faults(currency: str, at: str) -> list[Fault]:
    """Of a currency's code."""
    return [] if currency in CURRENCIES else [Fault(at, "UNKNOWN" if currency else "REQUIRED")]


def fee(text: str, currency: str, at: str) -> list[Fault]:
    """Of an amount that stands on an invoice as it is: no finer than the currency's minor unit. Empty means none."""
    return [Fault(*each) for each in decimal(text, at, minor_digits(currency))] if text else []


def whole(value: int, at: str, most: int) -> list[Fault]:
    """Of a whole number from 0 to `most`."""
    if value < 0:
        return [Fault(at, "NEGATIVE")]
    return [Fault(at, "TOO_LARGE")] if value > most else []


def _limits(limits: Limits, at: str) -> list[Fault]:
    return [fault for name in LIMITS for fault in whole(getattr(limits, name), f"{at}.{name}", _MOST_OF_A_LIMIT)]


def _of(said: Sequence[str], there_are: set[str] | set[Feature], at: str) -> list[Fault]:
    found: list[Fault] = []
    for index, each in enumerate(said):
        if each not in there_are:
            found.append(Fault(f"{at}[{index}]", "UNKNOWN"))
        elif each in said[:index]:
            found.append(Fault(f"{at}[{index}]", "REPEATED"))
    return found
