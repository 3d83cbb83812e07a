"""gRPC, by noun: requests to verbs, results to messages. No rule, no SQL."""

from telephony.handlers.calls import CallHandlers
from telephony.handlers.devices import DeviceHandlers
from telephony.handlers.find_me import FindMeHandlers
from telephony.handlers.media import MediaHandlers
from telephony.handlers.nodes import NodeHandlers
from telephony.handlers.outbound import OutboundHandlers
from telephony.handlers.stations import StationHandlers
from telephony.handlers.trunks import TrunkHandlers

__all__ = [
    "CallHandlers",
    "DeviceHandlers",
    "FindMeHandlers",
    "MediaHandlers",
    "NodeHandlers",
    "OutboundHandlers",
    "StationHandlers",
    "TrunkHandlers",
]
