"""The verbs of wfm, each within one transaction, by noun."""
