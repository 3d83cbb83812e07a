"""Flow definitions, immutable releases, runs and prompts."""
