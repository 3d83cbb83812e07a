"""Which trunks an address is of: asked for every INVITE, a stranger's too, before anything else is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from kernel.networks import Network


class Sources:
    """Networks with the ids of trunks that are called from there. A look costs one step for each length of a prefix
    there is, however many networks and trunks there are."""

    def __init__(self, said: Iterable[tuple[Network, str]] = ()) -> None:
        self._known: dict[tuple[int, int], dict[int, list[str]]] = {}
        """By IP version and how many bits of an address don't count: trunks by the bits that do."""
        for network, trunk_id in said:
            rest = network.max_prefixlen - network.prefixlen
            here = self._known.setdefault((network.version, rest), {})
            here.setdefault(int(network.network_address) >> rest, []).append(trunk_id)

    def of(self, host: str) -> Sequence[str]:
        """Ids of the trunks whose networks an address is in, each once; none for what is no address."""
        try:
            address: IPv4Address | IPv6Address = ip_address(host)
        except ValueError:
            return ()
        number, version = int(address), address.version
        found: dict[str, None] = {}
        for (spoken, rest), here in self._known.items():
            if spoken == version and (trunks := here.get(number >> rest)):
                found.update(dict.fromkeys(trunks))
        return list(found)
