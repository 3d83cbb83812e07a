"""Stations: an agent's warm media, attached once and joined to one call after another."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from kernel.errors import FailedPrecondition, InvalidInput, NotFound
from kernel.ids import is_id

from telephony.domain.legs import LegState

_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class StationNotFound(NotFound):
    """The agent has no station."""

    reason = "STATION_NOT_FOUND"


class StationHeldByOtherTab(FailedPrecondition):
    """Another tab owns the agent's media."""

    reason = "STATION_HELD_BY_OTHER_TAB"


class StationRequired(FailedPrecondition):
    """This needs a softphone of the user that is attached."""

    reason = "STATION_REQUIRED"


class StationOnCall(FailedPrecondition):
    """The station is joined to a call."""

    reason = "STATION_ON_CALL"


class StationReason:
    """Why a station went away."""

    LEFT = "LEFT"
    MEDIA_LOST = "MEDIA_LOST"
    NODE_LOST = "NODE_LOST"


@dataclass(frozen=True)
class Station:
    """One station as stored. `detach_time` is when it is given up unless it comes back before."""

    station_id: str
    agent_id: str
    client_id: str
    state: LegState
    node_id: str
    attach_time: datetime
    call_id: str = ""
    detach_time: datetime | None = None
    detach_reason: str = ""

    @property
    def desk_phone(self) -> bool:
        """Whether it is a desk phone that rings for calls, in place of a browser's warm media."""
        return is_id("dev", self.client_id)


def check_client_id(client_id: str) -> str:
    if not _CLIENT_ID.fullmatch(client_id):
        raise InvalidInput.of("client_id", "is required: letters, digits, _ and -, at most 64")
    return client_id


def may_attach(held: Station | None, client_id: str, takeover: bool) -> None:
    """Whether this tab may take the agent's station: StationHeldByOtherTab when another one has live media."""
    if held is None or held.client_id == client_id or takeover or held.state is LegState.MEDIA_LOST or held.desk_phone:
        return
    raise StationHeldByOtherTab("another tab has the microphone", metadata={"client_id": held.client_id})


def lost(station: Station, now: datetime, grace: timedelta, reason: str = StationReason.MEDIA_LOST) -> Station:
    """The station with its media gone; it has `grace` to come back."""
    return dataclasses.replace(station, state=LegState.MEDIA_LOST, detach_time=now + grace, detach_reason=reason)


def regained(station: Station) -> Station:
    """The station with its media back."""
    return dataclasses.replace(station, state=LegState.CONNECTED, detach_time=None, detach_reason="")
