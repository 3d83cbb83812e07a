"""Plans and add-ons as documents: what is kept of a version, every value as it was written.

Two releases may read the same catalogue while one takes the other's place. What a newer one wrote and this one doesn't
know is left out when a version is read, and stays where a draft is written anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from kernel.features import Feature

from tenancy.domain.plans import DRAFT, AddOn, Limits, Plan, Rate, Tier

_COLUMNS = ("version", "state", "effective_time")
"""Kept beside the document: they are the version's standing, not what it says."""
_LIMITS = [each.name for each in fields(Limits)]


def plan_document(plan: Plan) -> dict[str, Any]:
    """What is kept of a plan."""
    return _document(plan)


def add_on_document(add_on: AddOn) -> dict[str, Any]:
    """What is kept of an add-on."""
    return _document(add_on)


def plan_of(document: Mapping[str, Any], version: int, state: str, effective_time: datetime | None) -> Plan:
    """A plan's version as it was kept."""
    said = _known(Plan, document)
    rates = [_rate(each) for each in said.pop("rates")]
    return Plan(
        **_common(said, version, state, effective_time),
        rates=tuple(rates),
        soft_limits=tuple(each for each in said.pop("soft_limits") if each in _LIMITS),
        **said,
    )


def add_on_of(document: Mapping[str, Any], version: int, state: str, effective_time: datetime | None) -> AddOn:
    """An add-on's version as it was kept."""
    said = _known(AddOn, document)
    return AddOn(**_common(said, version, state, effective_time), plan_ids=tuple(said.pop("plan_ids")), **said)


def written_anew(document: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """What a draft says now, with what it said `before` that this release doesn't know: of a price, where one of the
    same meter and properties is left."""
    made = {**_unknown(before, document), **document, "limits": _with_unknown(document["limits"], before["limits"])}
    made["features"] = _more(document["features"], before["features"], list(Feature))
    if "rates" in document:
        priced = {_usage_of(each): each for each in before["rates"]}
        made["rates"] = [_with_unknown(each, priced.get(_usage_of(each), {})) for each in document["rates"]]
        made["soft_limits"] = _more(document["soft_limits"], before["soft_limits"], _LIMITS)
    return made


def _usage_of(rate: Mapping[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    return rate["meter"], tuple(sorted(rate.get("properties", {}).items()))


def _more(now: Sequence[str], before: Sequence[str], known: Sequence[str]) -> list[str]:
    return [*now, *(each for each in before if each not in known and each not in now)]


def _with_unknown(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    return {**_unknown(before, now), **now}


def _unknown(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    # A document has every field its release knows.
    return {name: value for name, value in before.items() if name not in now}


def _known(kind: type[Any], said: Mapping[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in said.items() if name in names}


def _rate(said: Mapping[str, Any]) -> Rate:
    tiers = tuple(Tier(**_known(Tier, each)) for each in said["tiers"])
    return Rate(**{**_known(Rate, said), "tiers": tiers})


def _document(item: Plan | AddOn) -> dict[str, Any]:
    said = {name: value for name, value in asdict(item).items() if name not in _COLUMNS}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}


def _common(said: dict[str, Any], version: int, state: str, effective_time: datetime | None) -> dict[str, Any]:
    times = {} if effective_time is None or state == DRAFT else {"effective_time": effective_time}
    limits = Limits(**_known(Limits, said.pop("limits")))
    features = tuple(Feature(each) for each in said.pop("features") if each in list(Feature))
    return {"version": version, "state": state, "limits": limits, "features": features, **times}
