"""Which fields an update names."""

from __future__ import annotations

from collections.abc import Collection

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from kernel.errors import InvalidInput


def masked(mask: FieldMask, message: Message, allowed: Collection[str]) -> list[str]:
    """The fields an update changes: the mask's, or without a mask those that are set. InvalidInput."""
    paths = list(mask.paths) or [each.name for each, _ in message.ListFields() if each.name in allowed]
    for path in paths:
        if path not in allowed:
            raise InvalidInput.of("update_mask", f"{path[:64]} can't be changed; these can: {', '.join(allowed)}")
    if not paths:
        raise InvalidInput.of("update_mask", "names no field to change")
    return paths
