"""A statement as bytes: the same statement always makes the same ones, and the bytes make the same statement again.

JSON with sorted keys and no blanks; amounts as decimal text, quantities as numerator/denominator, times in UTC. What is
frozen at finalization is kept in this shape for ever, so `statements.FORMAT` rises when it changes and old ones stay
readable.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from billing.domain.statements import BrandShare, Discount, LineKind, Statement, StatementLine, Tax


def statement_bytes(statement: Statement, format_: int | None = None) -> bytes:
    """The statement's canonical bytes, in its own format or an older one."""
    return json.dumps(
        _plain(statement, format_ or statement.format), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()


def format_of(data: bytes) -> int:
    """The format bytes are in."""
    return int(json.loads(data)["format"])


def digest(data: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def statement_from(data: bytes) -> Statement:
    """The statement whose bytes these are."""
    value = json.loads(data)
    return Statement(
        currency=value["currency"],
        start_time=_time(value["start"]),
        end_time=_time(value["end"]),
        cutoff_time=_time(value["cutoff"]),
        plan_id=value["plan"],
        plan_version=value["plan_version"],
        lines=tuple(_line(each) for each in value["lines"]),
        discounts=tuple(_discount(each) for each in value["discounts"]),
        taxes=tuple(
            Tax(
                each["code"], each["name"], Decimal(each["percent"]), Decimal(each["base"]), Decimal(each["amount"]),
                each["included"],
                tuple(each["lines"]),
                tuple(each.get("line_ids", ())),
            )
            for each in value["taxes"]
        ),
        subtotal=Decimal(value["subtotal"]),
        total=Decimal(value["total"]),
        format=int(value["format"]),
        advance=_period(value.get("advance")),
    )  # fmt: skip


def differences(frozen: bytes, rebuilt: bytes) -> list[str]:
    """What differs between two statements, a sentence each; nothing when the bytes are the same."""
    if frozen == rebuilt:
        return []
    before, after = json.loads(frozen), json.loads(rebuilt)
    found = list(_differing("", before, after))
    return found or ["the bytes differ, and what they say does not"]


def _differing(path: str, before: Any, after: Any) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from _differing(f"{path}.{name}" if path else name, before.get(name), after.get(name))
    elif path == "lines" and isinstance(before, list) and isinstance(after, list):
        old, new = ({each["id"]: each for each in lines} for lines in (before, after))
        for name in dict.fromkeys([*old, *new]):
            yield from _differing(f"lines[{name}]", old.get(name), new.get(name))
        if list(old) != list(new) and set(old) == set(new):
            yield "the lines are in another order"
    elif before != after:
        yield f"{path} was {json.dumps(before, ensure_ascii=False)}, is {json.dumps(after, ensure_ascii=False)} now"


def _plain(statement: Statement, format_: int) -> dict[str, Any]:
    return {
        "format": format_,
        "currency": statement.currency,
        "start": _moment(statement.start_time),
        "end": _moment(statement.end_time),
        "cutoff": _moment(statement.cutoff_time),
        "plan": statement.plan_id,
        "plan_version": statement.plan_version,
        "lines": [_plain_line(line, format_) for line in statement.lines],
        "discounts": [
            {"id": each.discount_id, "name": each.name, "amount": _amount(each.amount)}
            | ({"late_start": _moment(each.late_start)} if each.late_start and format_ > 2 else {})
            for each in statement.discounts
        ],
        "taxes": [
            {
                "code": each.tax_code, "name": each.name, "percent": _amount(each.percent), "base": _amount(each.base),
                "amount": _amount(each.amount), "included": each.included, "lines": list(each.line_codes),
                **({"line_ids": list(each.line_ids)} if format_ > 2 else {}),
            }
            for each in statement.taxes
        ],
        "subtotal": _amount(statement.subtotal),
        "total": _amount(statement.total),
        **({"advance": [_moment(each) for each in statement.advance or ()]} if format_ > 3 else {}),
    }  # fmt: skip


def _plain_line(line: StatementLine, format_: int) -> dict[str, Any]:
    whose: dict[str, Any] = {"brand": ""}
    if format_ > 1:
        whose = {
            "brands": [
                {
                    "brand": each.brand_id, "quantity": str(each.quantity), "included": str(each.included),
                    "amount": _amount(each.amount),
                }
                for each in line.brands
            ]
        }  # fmt: skip
    return whose | {
        "id": line.line_id, "kind": line.kind.value, "amount": _amount(line.amount), "start": _moment(line.start_time),
        "end": _moment(line.end_time), "plan": line.plan_id, "plan_version": line.plan_version, "rate": line.rate_id,
        "meter": line.meter, "quantity": str(line.quantity), "included": str(line.included),
        "unit_price": _amount(line.unit_price), "description": line.description_key,
        "parameters": dict(line.description_parameters), "discount": _amount(line.discount), "tax": line.tax_code,
    }  # fmt: skip


def _discount(value: Mapping[str, Any]) -> Discount:
    late = value.get("late_start")
    return Discount(value["id"], value["name"], Decimal(value["amount"]), _time(late) if late else None)


def _line(value: Mapping[str, Any]) -> StatementLine:
    return StatementLine(
        line_id=value["id"], kind=LineKind(value["kind"]), amount=Decimal(value["amount"]),
        start_time=_time(value["start"]), end_time=_time(value["end"]), plan_id=value["plan"],
        plan_version=value["plan_version"], rate_id=value["rate"], meter=value["meter"],
        quantity=Fraction(value["quantity"]), included=Fraction(value["included"]),
        unit_price=Decimal(value["unit_price"]), description_key=value["description"],
        brands=tuple(
            BrandShare(
                each["brand"], Fraction(each["quantity"]), Fraction(each["included"]), Decimal(each["amount"])
            )
            for each in value.get("brands", ())
        ),
        description_parameters=value["parameters"], discount=Decimal(value["discount"]), tax_code=value["tax"],
    )  # fmt: skip


def _amount(value: Decimal) -> str:
    return f"{value:f}"


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def _time(value: str) -> datetime:
    return datetime.fromisoformat(value)


def _period(value: Sequence[str] | None) -> tuple[datetime, datetime] | None:
    return (_time(value[0]), _time(value[1])) if value else None
