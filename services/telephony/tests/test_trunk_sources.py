"""Of which trunks an address is: the same answer as looking through all their networks, at the cost of one look."""

from __future__ import annotations

import ipaddress
from time import process_time

from hypothesis import given
from hypothesis import strategies as st
from telephony.live.sip.networks import Sources

ADDRESSES = st.one_of(
    st.ip_addresses(network="198.51.0.0/18"), st.ip_addresses(network="2001:db8::/112"), st.ip_addresses()
)
NETWORKS = st.tuples(ADDRESSES, st.integers(0, 128)).map(
    lambda each: ipaddress.ip_network((each[0], min(each[1], each[0].max_prefixlen)), strict=False)
)


@given(st.lists(st.tuples(NETWORKS, st.sampled_from(["one", "two", "three"])), max_size=12), ADDRESSES)
def test_an_address_is_of_every_trunk_with_a_network_around_it(said, address) -> None:
    found = Sources(said).of(str(address))
    assert set(found) == {trunk for network, trunk in said if address in network}
    assert len(found) == len(set(found))


def test_what_is_no_address_is_nobodys() -> None:
    sources = Sources([(ipaddress.ip_network("0.0.0.0/0"), "one")])
    assert list(sources.of("198.51.100.7")) == ["one"]
    assert not sources.of("") and not sources.of("carrier.example") and not sources.of("2001:db8::1")


def test_a_thousand_trunks_cost_a_look_no_more_than_ten() -> None:
    networks = (f"{50 + n // 250}.{n % 250}.0.0/{16 + n % 13}" for n in range(32_000))
    sources = Sources(
        (ipaddress.ip_network(network, strict=False), f"trunk {n // 32}") for n, network in enumerate(networks)
    )
    began = process_time()
    for _ in range(100):
        sources.of("203.0.113.9")
    assert (process_time() - began) / 100 < 0.001
