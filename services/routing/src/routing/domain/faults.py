"""What is wrong with a queue's rules, said so that a page can say it in its own words."""

from __future__ import annotations

from datetime import timedelta

from kernel.errors import FieldViolation, InvalidInput


def fault(code: str, field: str, wrong: str, **values: object) -> InvalidInput:
    """InvalidInput about one field. Its metadata have the `code`, which never changes, as `fault`, and the values that
    belong in a sentence about it; numbers of steps, levels and rules count from 1 there."""
    told = {name: str(value) for name, value in values.items()}
    return InvalidInput(
        f"{field} {wrong}", fields=[FieldViolation(field, wrong)], metadata={"fault": code, **told}
    )  # fmt: skip


def length_fault(field: str, wrong: str, least: timedelta, most: timedelta) -> InvalidInput:
    """The fault of a length that isn't `least` to `most`."""
    return fault(
        "LENGTH", field, wrong, least_seconds=int(least.total_seconds()), most_seconds=int(most.total_seconds())
    )  # fmt: skip


def number_fault(field: str, least: float, most: float) -> InvalidInput:
    """The fault of a number that isn't `least` to `most`."""
    return fault("NUMBER", field, f"must be {least:g} to {most:g}", least=f"{least:g}", most=f"{most:g}")
