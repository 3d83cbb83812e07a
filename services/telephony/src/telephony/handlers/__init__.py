"""gRPC: requests to verbs, results to messages. No rule, no SQL."""

from telephony.handlers.calls import CallHandlers
from telephony.handlers.nodes import NodeHandlers
from telephony.handlers.stations import StationHandlers

__all__ = ["CallHandlers", "NodeHandlers", "StationHandlers"]
