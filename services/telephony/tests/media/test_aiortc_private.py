"""Fails loudly when a private name we lean on moves in aiortc, aioice or pylibsrtp."""

from __future__ import annotations

import importlib.metadata
import inspect

import pytest
from aioice import ice, stun
from aioice.ice import Connection, StunProtocol
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceGatherer, RTCIceTransport
from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi, lib


@pytest.mark.parametrize(("package", "version"), [("aiortc", "1.16."), ("aioice", "0.13."), ("pylibsrtp", "1.0.")])
def test_private_names_are_of_the_version_they_were_read_in(package: str, version: str) -> None:
    assert importlib.metadata.version(package).startswith(version)


async def test_private_names_are_still_there() -> None:
    gatherer = RTCIceGatherer(iceServers=[])
    connection = gatherer._connection
    assert isinstance(connection, Connection)
    for name in (
        "_protocols", "_local_candidates", "_local_candidates_start", "_local_candidates_end", "_nominated", "_queue",
        "check_incoming", "check_complete", "data_received", "gather_candidates", "query_consent", "build_request",
        "_query_consent_task", "_closing",
    ):  # fmt: skip
        assert hasattr(connection, name), name
    transport = RTCIceTransport(gatherer)
    assert transport._connection is connection
    dtls = RTCDtlsTransport(transport, [RTCCertificate.generateCertificate()])
    for name in ("_rx_srtp", "_ssl", "_tx_srtp", "_set_role", "_role", "start", "stop"):
        assert hasattr(dtls, name), name
    protocol = StunProtocol(connection)
    assert list(inspect.signature(protocol.datagram_received).parameters) == ["data", "addr"]
    assert stun.Message(stun.Method.BINDING, stun.Class.REQUEST)._integrity_data is None
    assert protocol.transactions == {}
    assert (ice.CONSENT_FAILURES, ice.CONSENT_INTERVAL) == (6, 5)
    assert list(inspect.signature(connection.check_incoming).parameters) == ["message", "addr", "protocol"]
    await transport.stop()


def test_libsrtp_still_works_in_place_on_a_buffer_of_ours() -> None:
    for name in ("srtp_protect", "srtp_unprotect", "srtp_protect_rtcp", "srtp_unprotect_rtcp"):
        assert hasattr(lib, name), name
    key = bytes(30)
    sender = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND))
    receiver = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND))
    packet = bytes.fromhex("806f000100000001000000aa") + b"voice"
    buffer = bytearray(256)
    buffer[: len(packet)] = packet
    length = ffi.new("int *", len(packet))
    assert lib.srtp_protect(sender._srtp[0], ffi.from_buffer(buffer), length) == 0
    assert length[0] > len(packet)
    assert lib.srtp_unprotect(receiver._srtp[0], ffi.from_buffer(buffer), length) == 0
    assert bytes(buffer[: length[0]]) == packet
