"""What the protos' comments say, by the full name of what they stand above."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto

from gateway.contracts import described

# Field numbers of descriptor.proto, which is how SourceCodeInfo names places.
_FILE_MESSAGE, _FILE_ENUM, _FILE_SERVICE = 4, 5, 6
_MESSAGE_FIELD, _MESSAGE_NESTED, _MESSAGE_ENUM, _ENUM_VALUE, _SERVICE_METHOD = 2, 3, 4, 2, 2

_Place = tuple[int, ...]


@functools.cache
def comments() -> Mapping[str, str]:
    """Full name -> comment, on one line."""
    found: dict[str, str] = {}
    for file in described().file:
        places = {
            tuple(location.path): " ".join(location.leading_comments.split())
            for location in file.source_code_info.location
            if location.leading_comments
        }
        for name, place in _names(file):
            if place in places:
                found[name] = places[place]
    return found


def _names(file: FileDescriptorProto) -> Iterator[tuple[str, _Place]]:
    for index, service in enumerate(file.service):
        name, place = f"{file.package}.{service.name}", (_FILE_SERVICE, index)
        yield name, place
        for number, method in enumerate(service.method):
            yield f"{name}.{method.name}", (*place, _SERVICE_METHOD, number)
    yield from _messages(file.message_type, file.package, (_FILE_MESSAGE,))
    yield from _enums(file.enum_type, file.package, (_FILE_ENUM,))


def _messages(messages: Sequence[DescriptorProto], scope: str, place: _Place) -> Iterator[tuple[str, _Place]]:
    for index, message in enumerate(messages):
        name, here = f"{scope}.{message.name}", (*place, index)
        yield name, here
        for number, field in enumerate(message.field):
            yield f"{name}.{field.name}", (*here, _MESSAGE_FIELD, number)
        yield from _messages(message.nested_type, name, (*here, _MESSAGE_NESTED))
        yield from _enums(message.enum_type, name, (*here, _MESSAGE_ENUM))


def _enums(enums: Sequence[EnumDescriptorProto], scope: str, place: _Place) -> Iterator[tuple[str, _Place]]:
    for index, enum in enumerate(enums):
        name, here = f"{scope}.{enum.name}", (*place, index)
        yield name, here
        for number, value in enumerate(enum.value):
            yield f"{name}.{value.name}", (*here, _ENUM_VALUE, number)
