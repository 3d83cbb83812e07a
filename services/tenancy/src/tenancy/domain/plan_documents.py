"""Plans and add-ons as documents: what is kept of a version, every value as it was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from kernel.features import Feature

from tenancy.domain.plans import DRAFT, AddOn, Limits, Plan, Rate, Tier

_COLUMNS = ("version", "state", "effective_time")
"""Kept beside the document: they are the version's standing, not what it says."""


def plan_document(plan: Plan) -> dict[str, Any]:
    """What is kept of a plan."""
    return _document(plan)


def add_on_document(add_on: AddOn) -> dict[str, Any]:
    """What is kept of an add-on."""
    return _document(add_on)


def plan_of(document: Mapping[str, Any], version: int, state: str, effective_time: datetime | None) -> Plan:
    """A plan's version as it was kept."""
    said = dict(document)
    rates = [Rate(**{**rate, "tiers": tuple(Tier(**each) for each in rate["tiers"])}) for rate in said.pop("rates")]
    return Plan(
        **_common(said, version, state, effective_time),
        rates=tuple(rates),
        soft_limits=tuple(said.pop("soft_limits")),
        **said,
    )


def add_on_of(document: Mapping[str, Any], version: int, state: str, effective_time: datetime | None) -> AddOn:
    """An add-on's version as it was kept."""
    said = dict(document)
    return AddOn(**_common(said, version, state, effective_time), plan_ids=tuple(said.pop("plan_ids")), **said)


def _document(item: Plan | AddOn) -> dict[str, Any]:
    said = {name: value for name, value in asdict(item).items() if name not in _COLUMNS}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}


def _common(said: dict[str, Any], version: int, state: str, effective_time: datetime | None) -> dict[str, Any]:
    times = {} if effective_time is None or state == DRAFT else {"effective_time": effective_time}
    limits, features = Limits(**said.pop("limits")), tuple(Feature(each) for each in said.pop("features"))
    return {"version": version, "state": state, "limits": limits, "features": features, **times}
