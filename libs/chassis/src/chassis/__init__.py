"""What every process needs: settings, grpc, sql, bus, outbox, telemetry, health, lifecycle."""
