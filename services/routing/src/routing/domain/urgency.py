"""Which of the contacts that wait comes first: by how long they waited, with priority counted as waiting.

A point of priority is worth some seconds of waiting, so everybody's turn comes: a contact with 2 points of 60 s stands
where one stands that came two minutes earlier. With growth a contact gains points while it waits, up to a most. In one
formula (docs/mechanisms/matching.md): it stands as if it had come at

    since - point * min(most, points + growth * (now - since))
"""

from __future__ import annotations

from typing import NamedTuple

from routing.domain.rules import DEFAULT, Rules

HALF_A_POINT = 0.5
"""What an offer that came to nothing is worth, and being for one agent alone: ahead of equals, behind those of more
priority."""


class Urgency(NamedTuple):
    """What a point is worth in seconds of waiting, points gained a second, and how many count at most."""

    point: float
    growth: float
    most: float

    @property
    def grows(self) -> bool:
        """Whether contacts of one priority overtake those of another while they wait."""
        return self.growth > 0 and self.point > 0

    def came(self, since: float, points: float, now: float) -> float:
        """When it stands as if it had come, in seconds since the epoch: smaller is first. Without growth `now` means
        nothing."""
        if self.growth:
            points += self.growth * max(0.0, now - since)
        return since - self.point * (points if points < self.most else self.most)

    def place(self, contact_id: str, since: float, points: float, now: float) -> tuple[float, float, str]:
        """Where it stands in a line: smaller is first, and no two are alike."""
        return self.came(since, points, now), since, contact_id


def urgency_of(rules: Rules) -> Urgency:
    """What a queue's rules say of it."""
    return Urgency(rules.point.total_seconds(), rules.acceleration / 60, rules.most_points)


USUAL = urgency_of(DEFAULT)
