"""Where a request began, as an edge of ours tells it."""

from __future__ import annotations

from typing import Any

import pytest
from telephony.live.sip.edges import edges_of
from telephony.settings import TelephonySettings
from telephony.sip.messages import Headers, Request, Source
from telephony.sip.sources import told_by_edge


class AFlow:
    transport = "UDP"
    remote: tuple[str, int] = ("10.0.1.5", 5060)
    name = ""
    reliable = False
    alive = True

    def send(self, data: bytes) -> None:
        raise AssertionError("nothing is sent")


def told(*lines: str) -> Source:
    request = Request("INVITE", "sip:a@b", Headers(("x-merkez-source", line) for line in lines))
    return told_by_edge(request, AFlow())


@pytest.mark.parametrize(
    ("line", "source"),
    [
        ("udp:203.0.113.5:5060", ("UDP", "203.0.113.5", 5060)),
        ("TLS:203.0.113.5:41000", ("TLS", "203.0.113.5", 41000)),
        ("tcp:[2001:db8::1]:5060", ("TCP", "2001:db8::1", 5060)),
        ("tcp:2001:db8::1:5060", ("TCP", "2001:db8::1", 5060)),
    ],
)
def test_an_edges_word_is_read_with_either_kind_of_address(line: str, source: tuple[str, str, int]) -> None:
    assert told(line) == Source(*source, by_edge=True)


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("",),
        ("udp:203.0.113.5",),
        ("udp:203.0.113.5:0",),
        ("udp:203.0.113.5:99999",),
        ("udp:203.0.113.5:5o6o",),
        ("udp:carrier.example:5060",),
        ("ws:203.0.113.5:5060",),
        ("udp:203.0.113.5:5060, udp:203.0.113.6:5060",),
        ("udp:203.0.113.5:5060", "udp:203.0.113.6:5060"),
    ],
)
def test_without_one_clear_word_a_request_comes_from_nowhere_and_never_from_the_edge(lines: tuple[str, ...]) -> None:
    assert told(*lines) == Source("UDP", "", 0, by_edge=True)


def test_of_what_no_edge_passed_on_the_source_is_the_far_end() -> None:
    request = Request("INVITE", "sip:a@b", Headers([("x-merkez-source", "udp:203.0.113.5:5060")]))
    request.flow = AFlow()
    assert request.source == Source("UDP", "10.0.1.5", 5060)


def test_an_edge_has_an_address_for_nodes_and_another_for_the_world() -> None:
    both, same, v6 = edges_of("10.0.1.5:5060=203.0.113.5, 10.0.1.6:5070,[2001:db8::5]:5060=sip.example.com:5080")
    assert both.route == "<sip:10.0.1.5:5060;lr>" and both.contact("m") == "sip:m@203.0.113.5:5060"
    assert same.contact("m") == "sip:m@10.0.1.6:5070"
    assert v6.route == "<sip:[2001:db8::5]:5060;lr>" and v6.contact("m") == "sip:m@sip.example.com:5080"


@pytest.mark.parametrize(
    ("sip_edges", "sip_listen"),
    [
        ("edge.example:5060", "udp:0.0.0.0:5060"),
        ("10.0.1.5", "udp:0.0.0.0:5060"),
        ("10.0.1.5:5060", "tcp:0.0.0.0:5060"),
    ],
)
def test_edges_that_can_not_be_reached_are_said_before_the_node_starts(sip_edges: str, sip_listen: str) -> None:
    more: dict[str, Any] = {"sip_edges": sip_edges, "sip_listen": sip_listen}
    assert any("MERKEZ_SIP_EDGES" in each for each in TelephonySettings(**more).wrong())
