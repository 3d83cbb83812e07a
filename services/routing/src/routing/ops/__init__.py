"""The verbs of routing: one function, one transaction, time as a parameter."""
