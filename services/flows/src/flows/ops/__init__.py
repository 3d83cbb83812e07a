"""The verbs of flows: one function, one transaction."""
