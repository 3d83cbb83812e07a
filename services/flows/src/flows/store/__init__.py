"""Rows of flows and the domain types they stand for."""
