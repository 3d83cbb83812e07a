"""Telephony's settings (`MERKEZ_<FIELD>`)."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.settings import ProcessSettings


@dataclass(frozen=True, kw_only=True)
class TelephonySettings(ProcessSettings):
    """How this node meets browsers, and how patient it is."""

    service: str = "telephony"
    node_id: str = "telephony-0"
    """Stable name of this node: its successor after a restart finds the calls it left."""
    media_addresses: str = ""
    """`bind[=advertise],...`; empty takes loopback and the address of the default route."""
    media_port_min: int = 0
    media_port_max: int = 0
    """UDP ports for media; 0 takes any free one."""
    media_silent_seconds: float = 3.0
    """A browser nothing is heard of for this long has lost its media: no RTP, RTCP or STUN check."""
    customer_grace_seconds: float = 10.0
    """A customer whose media is lost may come back for this long (ITU-T E.855 counts 10 s as a lost call)."""
    station_grace_seconds: float = 10.0
    """An idle agent's station may come back for this long before routing is told."""
    talking_grace_seconds: float = 30.0
    """As long, while the agent is in conversation: the customer hears music meanwhile."""
    flow_patience_seconds: float = 180.0
    """A customer hears music for at most this long while flows can't be reached."""
