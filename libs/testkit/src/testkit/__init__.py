"""Real-server fixtures, virtual time and small helpers for tests. Never imported by services.

Fixtures (pytest plugin): postgres, nats_server, service_db, make_bus, rpc, clock, internal_key, voice_peers.
"""

from testkit.clock import FixedClock, ManualClock
from testkit.rpc import RpcHouse, someone
from testkit.waiting import eventually

__all__ = ["FixedClock", "ManualClock", "RpcHouse", "eventually", "someone"]
