"""gRPC as every service speaks it, both ends.

Server: verifies the internal token, checks the permission the rpc declares, turns domain errors into rich statuses,
hides bugs, traces, serves health and reflection, drains. Client: carries the principal, a deadline and the trace,
turns statuses back into the same errors, and is the one level that retries.
"""

from __future__ import annotations

from chassis.rpc_client import DEADLINE_SECONDS, Peers
from chassis.rpc_server import Server, permission_of, serve

__all__ = ["DEADLINE_SECONDS", "Peers", "Server", "permission_of", "serve"]
