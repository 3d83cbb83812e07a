"""How calls begin, in and out, made of what tenancy says of the brand: in one place, so that no way forgets a thing."""

from __future__ import annotations

from typing import Any

from kernel.ids import new_id

from telephony.clients import CallerNumbers, Route
from telephony.domain.calls import Call, CallState, Direction
from telephony.domain.names import shown_name
from telephony.live.house import House
from telephony.live.outside import Planned
from telephony.live.switchboard import Switchboard


def inbound(house: House, route: Route, dialed_number: str, **caller: Any) -> Call:
    """A call in where `route` leads; `caller` tells what is known of who calls (fields of `Call`)."""
    return _begun(
        house, route, state=CallState.SETUP, flow_id=route.flow_id, dialed_number=dialed_number, **caller
    )  # fmt: skip


def outbound(house: House, numbers: CallerNumbers, planned: Planned, agent_id: str) -> Call:
    """A call an agent makes in a brand's name."""
    return _begun(
        house, numbers, state=CallState.DIALING, direction=Direction.OUTBOUND, flow_id="",
        dialed_number=planned.number, caller_number=planned.caller_number, agent_id=agent_id,
    )  # fmt: skip


def _begun(house: House, brand: Route | CallerNumbers, *, caller_name: str = "", **more: Any) -> Call:
    now = house.now()
    return Call(
        call_id=new_id("call", now),
        brand_id=brand.brand_id,
        brand_name=shown_name(brand.brand_name),
        caller_name=shown_name(caller_name),
        language=brand.language,
        recorded=brand.recorded,
        rules=brand.rules,
        node_id=house.settings.node_id,
        start_time=now,
        state_time=now,
        trace_id=Switchboard.trace_id(),
        **more,
    )
