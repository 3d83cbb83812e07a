"""Rows of telephony and the domain types they stand for."""
