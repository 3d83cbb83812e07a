"""What an agent is told of a call: what its flow found out on the way, as much of it as a contact holds."""

from __future__ import annotations

from flows.domain.definitions import BUILT_IN_ATTRIBUTES, OWN_PREFIXES
from flows.domain.walks import Walk

MOST_TOLD = 64
"""Attributes of a contact, as routing takes them. A run holds more, and flows that called one another do together."""


def told(walk: Walk) -> dict[str, str]:
    """The attributes of the whole way, what is inside last, without what a contact has fields for. Of too many those
    are left out that nobody chose a name for, such as what was pressed in a menu, then those whose names come last by
    letter, so that a turn that is repeated says the same: a contact that says less is better than none."""
    found = {
        name: value
        for attributes in (*(frame.attributes for frame in walk.state.frames), walk.state.attributes)
        for name, value in attributes.items()
        if name not in BUILT_IN_ATTRIBUTES
    }
    over = len(found) - MOST_TOLD
    if over > 0:
        for name in sorted(found, key=lambda each: (each.startswith(OWN_PREFIXES), each))[MOST_TOLD:]:
            del found[name]
        walk.note(f"{over} attributes are not told: a contact holds {MOST_TOLD}")
    return found
