"""What rates may be of: the meters every installation has, as billing counts them, and those operators define there.
A new meter of every installation is a line here, where plans are checked, and one in billing."""

from __future__ import annotations

import re
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
    "seat_concurrent": Meter("seat"),
    "seat_active": Meter("seat"),
    "seat_hour": Meter("hour"),
    "message": Meter("message"),
    "call_over_limit": Meter("call"),
    "api_request_over_limit": Meter("request"),
    "carrier_cost": Meter("amount"),
}
"""Minutes that wallets pay for are priced by no plan, so that nobody pays twice."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_NEVER = ("voice_prepaid_minute", "presence")


def may_be(meter: str) -> bool:
    """Whether a plan may name it: one of every installation, or one of an operator, which billing is asked about."""
    return meter in METERS or (meter not in _NEVER and _NAME.fullmatch(meter) is not None)
