"""Reports are what RFC 3550 6.4 says, by aiortc's own parser, and others' are read whatever they hold."""

from __future__ import annotations

from dataclasses import replace

from aiortc.rtp import (
    RtcpPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
)
from hypothesis import given
from hypothesis import strategies as st
from telephony.media.rtcp import Reports
from telephony.media.rtp import SILENCE, Inbound, Outbound
from testkit import eventually


def _inbound() -> Inbound:
    inbound = Inbound(7, 100)
    for number, arrival in ((100, 1.0), (101, 1.02), (104, 1.09)):
        inbound.add(number, number * 960, arrival)
    return inbound


def _outbound() -> Outbound:
    outbound = Outbound(111, lambda _: None)
    outbound.send(outbound, SILENCE)
    outbound.send(outbound, SILENCE)
    return outbound


def test_a_report_says_what_was_sent_and_what_was_heard() -> None:
    outbound, inbound = _outbound(), _inbound()
    sender, name = RtcpPacket.parse(Reports().report(outbound, inbound))
    assert isinstance(sender, RtcpSrPacket)
    assert isinstance(name, RtcpSdesPacket)
    assert sender.ssrc == outbound.ssrc == name.chunks[0].ssrc
    assert name.chunks[0].items == [(1, b"merkez")]
    assert (sender.sender_info.packet_count, sender.sender_info.octet_count) == (2, 6)
    block = sender.reports[0]
    assert (block.ssrc, block.packets_lost, block.highest_sequence) == (7, 2, 104)
    assert block.fraction_lost == 2 * 256 // 5
    assert block.jitter == int(inbound.jitter_samples) > 0


def test_who_has_sent_nothing_reports_as_a_receiver() -> None:
    outbound = Outbound(111, lambda _: None)
    first, _ = RtcpPacket.parse(Reports().report(outbound, _inbound()))
    assert isinstance(first, RtcpRrPacket)
    assert first.reports[0].packets_lost == 2


def test_the_other_sides_report_gives_loss_jitter_and_round_trip() -> None:
    reports, outbound = Reports(), _outbound()
    sender, _ = RtcpPacket.parse(reports.report(outbound, None))
    assert isinstance(sender, RtcpSrPacket)
    middle = (sender.sender_info.ntp_timestamp >> 16) & 0xFFFFFFFF
    block = RtcpReceiverInfo(outbound.ssrc, 64, 3, 9, 4800, middle, 1)
    theirs = RtcpSrPacket(5, RtcpSenderInfo(1 << 40, 0, 0, 0), [replace(block, ssrc=1, jitter=9), block])
    reports.read(bytes(RtcpSdesPacket([RtcpSourceInfo(5, [(1, b"x")])])) + bytes(theirs), outbound.ssrc)
    assert (reports.remote.fraction_lost, reports.remote.jitter_seconds) == (0.25, 0.1)
    assert reports.remote.round_trip_seconds is not None
    answer, _ = RtcpPacket.parse(reports.report(outbound, _inbound()))
    assert isinstance(answer, RtcpSrPacket)
    assert answer.reports[0].lsr == 1 << 24


@given(st.binary(max_size=120), st.integers(0, 255), st.integers(199, 203))
def test_a_report_that_lies_is_read_no_further_than_it_goes(rest: bytes, first: int, kind: int) -> None:
    Reports().read(bytes((first, kind)) + rest, 1)


async def test_legs_report_in_turn_and_not_all_at_once(studio, monkeypatch) -> None:
    monkeypatch.setattr("telephony.media.plane._REPORT_EVERY", 0.3)
    legs = [(await studio.connect(None))[1] for _ in range(3)]
    turns: list[int] = []
    loop_turns = {id(leg): number for number, leg in enumerate(legs)}
    monkeypatch.setattr("telephony.media.leg.WebRtcLeg.report", lambda leg: turns.append(loop_turns[id(leg)]))
    await eventually(lambda: len(turns) >= 9)
    assert {tuple(sorted(turns[at : at + 3])) for at in range(0, 9, 3)} == {(0, 1, 2)}
    await studio.plane.close_leg(legs[0])
    seen = len(turns)
    await eventually(lambda: len(turns) >= seen + 6)
    assert 0 not in turns[seen:]


async def test_a_peer_at_the_last_port_costs_nobody_a_report(studio) -> None:
    """Beside it, where reports would go, there is no port: the legs whose turn comes with it report all the same."""
    peer, leg = await studio.ring(440)
    leg.answer(peer.describe(port=65535))
    leg.report()
