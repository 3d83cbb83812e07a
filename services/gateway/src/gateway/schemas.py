"""JSON Schemas of proto messages, by the proto3 JSON mapping."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from gateway.comments import comments
from gateway.contracts import PACKAGE

Json = dict[str, Any]

_SCALARS: dict[int, Json] = {
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.CPPTYPE_UINT32: {"type": "integer", "format": "int64", "minimum": 0},
    FieldDescriptor.CPPTYPE_INT64: {"type": "string", "format": "int64"},
    FieldDescriptor.CPPTYPE_UINT64: {"type": "string", "format": "uint64"},
    FieldDescriptor.CPPTYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.CPPTYPE_FLOAT: {"type": "number", "format": "float"},
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.CPPTYPE_STRING: {"type": "string"},
}
_WELL_KNOWN: dict[str, Json] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$", "examples": ["3.5s"]},
    "google.protobuf.FieldMask": {"type": "string", "examples": ["displayName,language"]},
    "google.protobuf.Empty": {"type": "object"},
}


def schema_name(descriptor: Any) -> str:
    """`merkez.routing.v1.Queue` -> `routing.v1.Queue`."""
    return descriptor.full_name.removeprefix(f"{PACKAGE}.")


class Schemas:
    """Builds each message's schema once and refers to it from everywhere else."""

    def __init__(self) -> None:
        self._built: dict[str, Json] = {}

    def built(self) -> dict[str, Json]:
        """Every schema that was asked for, by name."""
        return self._built

    def of(self, descriptor: Any) -> Json:
        """A reference to a message's or enum's schema; well-known types stand in place."""
        known = _WELL_KNOWN.get(descriptor.full_name)
        if known is not None:
            return dict(known)
        name = schema_name(descriptor)
        if name not in self._built:
            self._built[name] = {}  # a message may hold itself
            self._built[name] = self._enum(descriptor) if hasattr(descriptor, "values") else self._message(descriptor)
        return {"$ref": f"#/components/schemas/{name}"}

    def of_request(self, descriptor: Any, bound: Sequence[str]) -> Json:
        """As `of`, saying which fields a body must have: those the path does not give already."""
        reference = self.of(descriptor)
        taken = {variable.split(".")[0] for variable in bound}
        required = [
            field.json_name
            for field in descriptor.fields
            if field.name not in taken and comments().get(field.full_name, "").startswith("Required")
        ]
        if required:
            self._built[schema_name(descriptor)]["required"] = required
        return reference

    def of_field(self, field: Any, *, described: bool = True) -> Json:
        """One field's schema, with its comment when `described`."""
        entry = field.message_type
        if entry is not None and entry.GetOptions().map_entry:
            schema: Json = {
                "type": "object",
                "additionalProperties": self._single(entry.fields_by_name["value"]),
            }
        elif field.is_repeated:
            schema = {"type": "array", "items": self._single(field)}
        else:
            schema = self._single(field)
        said = comments().get(field.full_name, "") if described else ""
        if said:
            schema = schema | {"description": said}
        if said.startswith("Output only"):
            schema = schema | {"readOnly": True}
        return schema

    def _single(self, field: Any) -> Json:
        if field.message_type is not None:
            return self.of(field.message_type)
        if field.enum_type is not None:
            return self.of(field.enum_type)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return {"type": "string", "contentEncoding": "base64"}
        return dict(_SCALARS[field.cpp_type])

    def _message(self, descriptor: Any) -> Json:
        return {
            "type": "object",
            "description": comments().get(descriptor.full_name, ""),
            "properties": {field.json_name: self.of_field(field) for field in descriptor.fields},
        }

    def _enum(self, descriptor: Any) -> Json:
        return {
            "type": "string",
            "description": comments().get(descriptor.full_name, ""),
            "enum": [value.name for value in descriptor.values],
        }
