"""The verbs of billing, each within one transaction."""
