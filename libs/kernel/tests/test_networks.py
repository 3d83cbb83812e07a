"""Where a tenant may have us go."""

from __future__ import annotations

import pytest
from kernel.networks import LOOPBACK, is_public, may_reach, networks_of


@pytest.mark.parametrize("address", ["8.8.8.8", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_the_world_is_open(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1", "172.16.9.9", "192.168.1.1", "127.0.0.1", "0.0.0.0", "100.64.0.1", "224.0.0.1", "255.255.255.255",
        "::1", "fc00::1", "fec0::1", "64:ff9b:1::1", "::10.0.0.1", "::ffff:10.0.0.1", "2002:a00:1::", "64:ff9b::a00:1",
        "carrier.example", "127.1", "",
    ],
)  # fmt: skip
def test_what_leads_inside_is_shut_however_it_is_written(address: str) -> None:
    assert not is_public(address)


def test_an_operator_opens_networks_one_by_one() -> None:
    opened = networks_of("10.20.0.0/24, 127.0.0.1")
    assert may_reach("10.20.0.9", opened) and may_reach("127.0.0.1", opened) and may_reach("::ffff:10.20.0.9", opened)
    assert not may_reach("10.20.1.9", opened) and not may_reach("127.0.0.2", opened)
    assert may_reach("::1", LOOPBACK)


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "169.254.170.2", "fe80::a9fe:a9fe", "fe80::1%eth0", "fd00:ec2::254", "fd20:ce::254",
     "100.100.100.200", "168.63.129.16", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"],
)  # fmt: skip
def test_where_machines_get_their_credentials_is_shut_even_to_an_operator_who_opens_everything(address: str) -> None:
    assert not may_reach(address, networks_of("0.0.0.0/0,::/0"))


@pytest.mark.parametrize("text", ["10.0.0.0/33", "inside", "10.0.0.5/24"])
def test_a_setting_that_is_no_network_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=text.split("/", 1)[0]):
        networks_of(text)
