"""What every process needs: settings, grpc, sql, bus, outbox, telemetry, health, lifecycle."""

import os

# Read once when grpc loads; its informational lines are not in our format and say nothing of ours.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
