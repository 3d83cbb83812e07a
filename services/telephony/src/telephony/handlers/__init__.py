"""gRPC, by noun: requests to verbs, results to messages. No rule, no SQL."""

from telephony.handlers.calls import CallHandlers, StationHandlers
from telephony.handlers.devices import DeviceHandlers
from telephony.handlers.outbound import OutboundHandlers
from telephony.handlers.trunks import TrunkHandlers

__all__ = ["CallHandlers", "DeviceHandlers", "OutboundHandlers", "StationHandlers", "TrunkHandlers"]
