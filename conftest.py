"""Loads the fixtures every test may ask for."""

import os

# Before anybody loads gRPC: its handlers start threads in a child that was forked, which then dies before it becomes
# what it was forked for (PostgreSQL, as another user).
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
# Hundreds of people sign in to the systems that tests start.
os.environ.setdefault("MERKEZ_PASSWORD_PROFILE", "owasp")

pytest_plugins = ["testkit.plugin"]
