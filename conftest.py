"""Loads the fixtures every test may ask for."""

pytest_plugins = ["testkit.plugin"]
