"""Whose packets a SIP leg hears: symmetric RTP (RFC 4961) without an open door.

Plain RTP proves nothing about its sender, so a leg that took its peer's address from whatever arrives could be
taken over by anybody who guesses the port. The description says where the peer is; another source is believed only
in a short window after it was negotiated: another port of the same host, or, for a peer behind NAT, one of the host
its signalling comes from, or a source that keeps up one stream for a while, or one that holds the SRTP key. Anybody can
keep up a stream: who is believed for that alone gives way to the peer's own host. Whoever was heard before the peer
moved is heard until the new source is.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from kernel.networks import is_public

Address = tuple[str, int]
_CONSISTENT = 5
"""Packets in a row of one stream before an unknown source is believed: 100 ms."""
_MAX_CANDIDATES = 8
_SILENT_SECONDS = 1.0


@dataclass
class _Candidate:
    ssrc: int
    sequence: int
    packets: int = 1


class SourceFilter:
    """What is known of one leg's peer. Times are monotonic seconds. `home` is the host its signalling comes from."""

    def __init__(self, *, nat: bool, window_seconds: float, home: str = "") -> None:
        self.source: Address | None = None
        """Who is heard; None until somebody is."""
        self.expected: Address | None = None
        """Where the description says the peer is."""
        self._inside = False
        """Whether that is inside a private network although the peer was met in public: it is sent nothing there."""
        self.strangers = 0
        self._nat = nat
        self._home = home
        self._window = window_seconds
        self._until = 0.0
        self._found = False
        self.guessed = False
        """Whether whoever is heard was believed for its persistence alone: the peer's own host takes its place."""
        self._candidates: OrderedDict[Address, _Candidate] = OrderedDict()

    @property
    def target(self) -> Address | None:
        """Where to send: to a peer behind NAT back where it sends from, to any other where it said."""
        if self._nat and self._found and self.source is not None:
            return self.source
        return None if self._inside else self.expected

    @property
    def settled(self) -> bool:
        """Whether the peer is heard from exactly where it said: nothing better can come."""
        return self._found and self.source == self.expected

    def expect(self, address: Address | None, now: float, *, silent_seconds: float = 0.0) -> bool:
        """The peer was negotiated to be at `address`; whether the window is open (again).

        The same place again changes nothing, except that a peer behind NAT whose packets stopped may have got a new
        mapping.
        """
        if address is None:
            return False
        if address == self.expected and self._found and not (self._nat and silent_seconds > _SILENT_SECONDS):
            return False
        self.expected = address
        self._inside = self.leads_inside(address[0])
        self.open(now)
        return True

    def look_again(self, now: float) -> bool:
        """Open the window anew where nobody was found in it; whether it is open by that."""
        if self._found or self.expected is None:
            return False
        self.open(now)
        return True

    def reports(self, said: Address, heard_from: Address | None) -> Address:
        """Where a peer that said `said` takes RTCP: behind NAT where it sends it from, or beside its audio."""
        if not self._nat or self.source is None or self.source == self.expected:
            return said
        return heard_from or (self.source[0], self.source[1] + 1)

    def leads_inside(self, host: str) -> bool:
        """Whether a peer that was met in public names a host in a private network: ours, not its own."""
        return is_public(self._home) and not is_public(host)

    def open(self, now: float) -> None:
        """Look for the peer's source from now on, for the length of the window."""
        self._found = self.guessed = False
        self._until = now + self._window
        self._candidates.clear()

    def close(self) -> None:
        """The window is over: who wasn't found is heard from where it said, or from another port of that host."""
        self._until = 0.0
        self._candidates.clear()
        same_host = self.source is not None and self.expected is not None and self.source[0] == self.expected[0]
        if not self._found and not same_host:
            self.source = self.expected

    def admit(self, address: Address, ssrc: int, sequence: int, now: float, *, proven: bool = False) -> bool:
        """Whether the packet is heard. `proven`: it was encrypted with the negotiated key."""
        if address == self.expected:
            self.source, self._found, self.guessed = address, True, False
            return True
        # Before anything is negotiated `_until` is over, so that nobody is heard.
        searching = now < self._until and (proven or not self._found)
        at_home = self._nat and address[0] == self._home
        if (searching and self._believed(address, ssrc, sequence, proven)) or (self.guessed and at_home):
            self.source, self._found = address, True
            self.guessed = not (proven or at_home or self._of_expected_host(address))
        if address == self.source:
            return True
        self.strangers += 1
        return False

    def knows(self, address: Address) -> bool:
        """Whether the host is the peer's, whatever the port: for RTCP, which has its own."""
        return address[0] in (self.source[0] if self.source else "", self.expected[0] if self.expected else "")

    def _believed(self, address: Address, ssrc: int, sequence: int, proven: bool) -> bool:
        if address == self.source and not proven:
            return False  # heard as before, but not where the peer is now
        if proven or self._of_expected_host(address):
            return True
        return self._nat and (address[0] == self._home or self._consistent(address, ssrc, sequence))

    def _of_expected_host(self, address: Address) -> bool:
        return self.expected is not None and address[0] == self.expected[0]

    def _consistent(self, address: Address, ssrc: int, sequence: int) -> bool:
        candidate = self._candidates.get(address)
        if candidate is None or candidate.ssrc != ssrc or sequence != (candidate.sequence + 1) & 0xFFFF:
            self._candidates[address] = _Candidate(ssrc, sequence)
            self._candidates.move_to_end(address)
            if len(self._candidates) > _MAX_CANDIDATES:
                self._candidates.popitem(last=False)
            return False
        candidate.sequence, candidate.packets = sequence, candidate.packets + 1
        return candidate.packets >= _CONSISTENT
