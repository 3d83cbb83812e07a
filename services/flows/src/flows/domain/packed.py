"""What a tenant's system packed (RFC 9110 8.4), unpacked no further than there is use for: a few kilobytes may say
gigabytes, and flows runs every tenant's calls in one process."""

from __future__ import annotations

import zlib

_EITHER = 32 + zlib.MAX_WBITS
"""Windows of any size, in gzip's or in zlib's wrapping, whichever the first bytes say."""


class UnpackingFailed(Exception):
    """It isn't packed as it says, or in a way nobody asked for."""


class Unpacking:
    """One answer, as its Content-Encoding says."""

    KNOWN = ("gzip", "deflate")

    def __init__(self, encoding: str) -> None:
        ways = [each for part in encoding.split(",") if (each := part.strip().lower()) not in ("", "identity")]
        if len(ways) > 1 or any(each not in (*self.KNOWN, "x-gzip") for each in ways):
            raise UnpackingFailed(f"packed as {encoding[:40]!r}")
        self._deflated = ways == ["deflate"]
        self._packed = zlib.decompressobj(_EITHER) if ways else None
        self._begun = False

    def feed(self, piece: bytes, most: int) -> bytes:
        """What a piece holds, `most` bytes of it; the rest is lost. UnpackingFailed."""
        if self._packed is None:
            return piece[:most]
        try:
            return self._unpacked(piece, most)
        except zlib.error as error:
            raise UnpackingFailed(str(error)) from error

    def finish(self) -> None:
        """Nothing follows. UnpackingFailed when something should."""
        if self._packed is not None and self._begun and not self._packed.eof:
            raise UnpackingFailed("it breaks off")

    def _unpacked(self, piece: bytes, most: int) -> bytes:
        assert self._packed is not None
        first, self._begun = not self._begun, self._begun or bool(piece)
        try:
            return self._packed.decompress(piece, most)
        except zlib.error:
            # Some say deflate and leave out the wrapping that belongs to it.
            if not (first and self._deflated):
                raise
            self._packed = zlib.decompressobj(-zlib.MAX_WBITS)
            return self._packed.decompress(piece, most)
