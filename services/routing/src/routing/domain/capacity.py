"""How much an agent handles at once: contacts of each channel, what each weighs, and what may interrupt what.

A channel has room for one more contact while the agent holds fewer of it than its capacity, and its weight fits beside
that of what they hold: all of it may weigh one agent, 100. What the channel interrupts weighs nothing for it, so a call
comes through to who writes three chats, and no chat comes to who is on a call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from kernel.errors import InvalidInput

from routing.domain.contacts import Channel

WHOLE = 100
"""What an agent is, in the unit of weights."""
MOST_AT_ONCE = 20
SPOKEN = frozenset({Channel.VOICE, Channel.VIDEO})
"""An agent has one voice: at most one of these at a time, whatever the rules say."""
ALL = frozenset(Channel)


class Held(NamedTuple):
    """A contact an agent holds; `wrapping` when it is in wrap-up."""

    contact_id: str
    channel: Channel
    wrapping: bool = False


@dataclass(frozen=True)
class ChannelRule:
    """Contacts of a channel at once, 0 for none; the weight of one, 1 to 100; what one may come on top of."""

    capacity: int
    weight: int
    interrupts: frozenset[Channel] = frozenset()


_WRITTEN = frozenset({Channel.CHAT, Channel.SMS, Channel.EMAIL, Channel.SOCIAL, Channel.FAX})
_LATER = frozenset({Channel.EMAIL, Channel.FAX})
DEFAULT_RULES: Mapping[Channel, ChannelRule] = MappingProxyType(
    {
        Channel.VOICE: ChannelRule(1, WHOLE, _WRITTEN),
        Channel.VIDEO: ChannelRule(1, WHOLE, _WRITTEN),
        Channel.CHAT: ChannelRule(3, 33, _LATER),
        Channel.SMS: ChannelRule(3, 33, _LATER),
        Channel.SOCIAL: ChannelRule(3, 33, _LATER),
        Channel.EMAIL: ChannelRule(2, 50),
        Channel.FAX: ChannelRule(2, 50),
    }
)


@dataclass(frozen=True)
class CapacityRules:
    """A tenant's rules, of every channel."""

    channels: Mapping[Channel, ChannelRule] = field(default_factory=lambda: DEFAULT_RULES)
    version: int = 0

    def capacity(self, channel: Channel, own: Mapping[Channel, int]) -> int:
        """How many of a channel an agent with these `own` capacities handles at once."""
        return own.get(channel, self.channels[channel].capacity)

    def room(self, held: Sequence[Channel], own: Mapping[Channel, int]) -> frozenset[Channel]:
        """Channels of which the agent can take one more."""
        return frozenset(channel for channel in Channel if self.has_room(channel, held, own))

    def has_room(self, channel: Channel, held: Sequence[Channel], own: Mapping[Channel, int]) -> bool:
        """Whether the agent can take one more contact of this channel."""
        if sum(each is channel for each in held) >= self.capacity(channel, own):
            return False
        rule = self.channels[channel]
        if not held:
            return True
        beside = [each for each in held if each not in rule.interrupts]
        if channel in SPOKEN and not SPOKEN.isdisjoint(beside):
            return False
        return rule.weight + sum(self.channels[each].weight for each in beside) <= WHOLE

    def occupancy(self, held: Sequence[Channel]) -> int:
        """How much of the agent what they hold takes, 0 to 100."""
        return min(WHOLE, sum(self.channels[each].weight for each in held))


USUAL_RULES = CapacityRules()


def check_capacities(own: Mapping[Channel, int], field: str) -> Mapping[Channel, int]:
    """Capacities of one agent: 0 to 20 of a channel, at most 1 where there is one voice."""
    for channel, most in own.items():
        limit = 1 if channel in SPOKEN else MOST_AT_ONCE
        if not 0 <= most <= limit:
            raise InvalidInput.of(f"{field}[{channel}]", f"must be 0 to {limit}")
    return own


def check_rules(rules: CapacityRules) -> CapacityRules:
    """Rules that can work: what weighs a whole agent is there for someone, and no two channels interrupt each other,
    which would let an agent be loaded without end."""
    check_capacities({channel: rule.capacity for channel, rule in rules.channels.items()}, "channels")
    for channel, rule in rules.channels.items():
        if not 1 <= rule.weight <= WHOLE:
            raise InvalidInput.of(f"channels[{channel}].weight", f"must be 1 to {WHOLE}")
        for other in sorted(rule.interrupts):
            place = f"channels[{channel}].interrupts"
            if other is channel:
                raise InvalidInput.of(place, "names the channel itself: its capacity says how many there are at once")
            if channel in SPOKEN and other in SPOKEN:
                raise InvalidInput.of(place, f"names {other}: an agent has one voice")
            if channel in rules.channels[other].interrupts:
                raise InvalidInput.of(place, f"names {other}, which interrupts {channel}")
    return rules
