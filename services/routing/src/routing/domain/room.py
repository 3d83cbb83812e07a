"""For which channels an agent has room, as the board sees it: in service and on a day that is played."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from routing.domain.capacity import ALL, SPOKEN, USUAL_RULES, CapacityRules
from routing.domain.contacts import Channel
from routing.domain.ranking import LOADED, Ready


def has_any_room(held: Sequence[Channel], own: Mapping[Channel, int], rules: CapacityRules) -> bool:
    """Whether somebody who holds these could be offered anything. Nobody on a call could, and that is nearly
    everybody who holds something."""
    return SPOKEN.isdisjoint(held) and bool(rules.room(held, own))


def with_room(
    idle: Ready, held: Sequence[Channel], own: Mapping[Channel, int], rules: CapacityRules = USUAL_RULES
) -> Ready:
    """An agent who would be `idle` if they held nothing, with room for what fits beside what they hold; `own` are
    their own capacities."""
    if not held and not own and rules is USUAL_RULES:
        return idle
    does, room = rules.room((), own), rules.room(held, own)
    return idle._replace(
        idle_since=LOADED + timedelta(days=rules.occupancy(held)) if held else idle.idle_since,
        open=None if room == ALL else room, does=None if does == ALL else does, loaded=bool(held),
    )  # fmt: skip
