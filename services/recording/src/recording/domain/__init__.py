"""The rules of recordings: what an Opus packet holds, where it lies in time, how two tracks become one Ogg file."""
