"""The verbs of telephony: one function, one transaction. None of them touches media."""
