"""Channels, capacities and their rules: proto <-> domain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kernel.errors import InvalidInput
from merkez.routing.v1 import capacity_pb2, contact_pb2

from routing.domain.capacity import CapacityRules, ChannelRule, Held
from routing.domain.contacts import Channel


def channel_to_proto(channel: Channel) -> contact_pb2.Channel.ValueType:
    """By its name."""
    return contact_pb2.Channel.Value(f"CHANNEL_{channel}")


def channel_from_proto(value: int, field: str) -> Channel:
    """InvalidInput when it is not said, or of a newer contract."""
    descriptor: Any = contact_pb2.Channel.DESCRIPTOR.values_by_number.get(value)
    if descriptor is None or value == 0:
        raise InvalidInput.of(field, "is required" if value == 0 else "is not a value this version knows")
    return Channel(descriptor.name.removeprefix("CHANNEL_"))


def held_to_proto(held: Held) -> contact_pb2.HeldContact:
    """Whole."""
    return contact_pb2.HeldContact(
        contact_id=held.contact_id, channel=channel_to_proto(held.channel), wrapping_up=held.wrapping
    )


def capacities_to_proto(capacities: Mapping[Channel, int]) -> list[contact_pb2.ChannelCapacity]:
    """Whole."""
    return [
        contact_pb2.ChannelCapacity(channel=channel_to_proto(channel), capacity=most)
        for channel, most in capacities.items()
    ]


def capacities_from_proto(listed: Iterable[contact_pb2.ChannelCapacity]) -> dict[Channel, int]:
    """As given, each channel once; the rules check them."""
    found: dict[Channel, int] = {}
    for index, each in enumerate(listed):
        _add(found, each.channel, each.capacity, f"agent.capacities[{index}].channel")
    return found


def capacity_rules_to_proto(rules: CapacityRules) -> capacity_pb2.CapacityRules:
    """Whole."""
    return capacity_pb2.CapacityRules(
        channels=[
            capacity_pb2.ChannelRule(
                channel=channel_to_proto(channel), capacity=rule.capacity, weight=rule.weight,
                interrupts=map(channel_to_proto, sorted(rule.interrupts)),
            )
            for channel, rule in rules.channels.items()
        ],
        version=rules.version,
    )  # fmt: skip


def capacity_rules_from_proto(message: capacity_pb2.CapacityRules) -> dict[Channel, ChannelRule]:
    """As given, each channel once; the rules check them."""
    found: dict[Channel, ChannelRule] = {}
    for index, each in enumerate(message.channels):
        place = f"capacity_rules.channels[{index}]"
        interrupts = frozenset(channel_from_proto(other, f"{place}.interrupts") for other in each.interrupts)
        _add(found, each.channel, ChannelRule(each.capacity, each.weight, interrupts), f"{place}.channel")
    return found


def _add(found: dict[Channel, Any], value: int, what: Any, field: str) -> None:
    channel = channel_from_proto(value, field)
    if channel in found:
        raise InvalidInput.of(field, "is named twice")
    found[channel] = what
