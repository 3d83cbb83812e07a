"""Calls and stations as they live on this node: media and rows brought together.

The rows are the truth about what a call is; what is here is what can't be stored: legs, timers, the run being
driven. Each verb first commits its transaction, then moves the media.
"""
