"""The rules of flows: what a flow is, when it may be published, and how a run goes through it. Pure."""
