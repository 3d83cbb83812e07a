"""What is wrong with a queue's rules, said so that a page can say it in its own words."""

from __future__ import annotations

from collections.abc import Sequence
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


def together(found: Sequence[InvalidInput]) -> InvalidInput:
    """Several faults as one InvalidInput, their fields in order. The metadata of the second have `[1]` behind their
    names, those of the third `[2]`, and so on."""
    told = {
        name if place == 0 else f"{name}[{place}]": value
        for place, each in enumerate(found)
        for name, value in each.metadata.items()
    }
    fields = [field for each in found for field in each.fields]
    return InvalidInput("; ".join(str(each) for each in found), fields=fields, metadata=told)


def lengths_wrong(bounds: Sequence[tuple[str, timedelta, timedelta, timedelta]]) -> list[InvalidInput]:
    """A fault for each of (field, length, least, most) that is out of its bounds."""
    return [
        length_fault(field, f"must be {least.total_seconds():g} to {most.total_seconds():g} seconds", least, most)
        for field, value, least, most in bounds
        if not least <= value <= most
    ]
