"""What rates may be of. A new meter is a line here, where plans are checked, and one in billing, which counts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Meter:
    """`unit` is what its price is for; what `lasts` is held for a time and can be charged before it; a `call` has
    increments."""

    unit: str
    lasts: bool = False
    call: bool = False


METERS: Mapping[str, Meter] = {
    "seat_month": Meter("month", lasts=True),
    "number_month": Meter("month", lasts=True),
    "recording_storage_gb_month": Meter("gb_month", lasts=True),
    "voice_inbound_minute": Meter("minute", call=True),
    "voice_outbound_minute": Meter("minute", call=True),
}
