"""Facts as they went over the wire when they were first told, kept in `facts.jsonl`: one a line, never edited.

`python -m tests.contracts.golden` adds a line for each fact of the catalogue that has none. A later version of a
fact may add fields; what an old line says must be read from it for ever.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis.facts import CATALOGUE, message_class
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

KEPT = Path(__file__).with_name("facts.jsonl")
_TEXT, _MESSAGE, _BYTES = FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE, FieldDescriptor.TYPE_BYTES
_DEPTH = 4


@dataclass(frozen=True)
class Golden:
    """A fact, its bytes, and what is read from them (protobuf's JSON)."""

    fact: str
    wire: bytes
    reads: dict[str, Any]


def kept() -> list[Golden]:
    """Every line."""
    lines = [json.loads(line) for line in KEPT.read_text().splitlines()] if KEPT.exists() else []
    return [Golden(line["fact"], base64.b64decode(line["wire"]), line["reads"]) for line in lines]


def filled(message: Message, depth: int = _DEPTH) -> Message:
    """The message with every field set to something that is not its default, nested messages `depth` deep."""
    for number, field in enumerate(message.DESCRIPTOR.fields, start=1):
        if field.containing_oneof is not None and message.WhichOneof(field.containing_oneof.name):
            continue
        nested = field.message_type
        if nested is not None and nested.GetOptions().map_entry:
            _fill_map(getattr(message, field.name), nested, number)
        elif field.type == _MESSAGE:
            _fill_message(message, field, depth)
        elif field.is_repeated:
            getattr(message, field.name).append(_scalar(field, number))
        else:
            setattr(message, field.name, _scalar(field, number))
    return message


def _fill_message(message: Message, field: Any, depth: int) -> None:
    if depth == 0:
        return
    target = getattr(message, field.name)
    filled(target.add() if field.is_repeated else target, depth - 1)


def _fill_map(target: Any, entry: Any, number: int) -> None:
    key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
    if value.type == _MESSAGE:
        filled(target[_scalar(key, number)], 0)
    else:
        target[_scalar(key, number)] = _scalar(value, number)


def _scalar(field: Any, number: int) -> Any:
    if field.type == _TEXT:
        return f"{field.name} ı ی {number}"
    if field.type == _BYTES:
        return bytes([number])
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    return number


def main() -> None:
    """Adds what is missing."""
    known = {line.fact for line in kept()}
    with KEPT.open("a") as file:
        for name in sorted(set(CATALOGUE) - known):
            fact = filled(message_class(name)())
            wire = base64.b64encode(fact.SerializeToString(deterministic=True)).decode()
            line = {"fact": name, "wire": wire, "reads": MessageToDict(fact, preserving_proto_field_name=True)}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            print(f"added {name}")


if __name__ == "__main__":
    main()
