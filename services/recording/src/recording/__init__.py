"""Recordings, their keys, segments and playback."""
