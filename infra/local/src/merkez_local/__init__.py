"""Runs the whole of Merkez on one machine."""
