"""The cluster's DNS: `python -m tests.cluster.names ADDRESS API CA TOKEN` answers for Services as Kubernetes' DNS
specification says, from what the API server tells. CoreDNS isn't in Debian.

A name of a headless Service is the addresses of its ready pods (of all, where it publishes those that aren't ready),
of a StatefulSet's pod its own; any other Service's is its cluster address.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import sys
from typing import Any, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import httpx

ZONE = "svc.cluster.local."
LIFETIME = 5
"""Seconds an answer may be kept, as CoreDNS says by default."""


class Names:
    """Name -> addresses, kept current by two watches."""

    def __init__(self) -> None:
        self._services: dict[tuple[str, str], str] = {}
        self._endpoints: dict[tuple[str, str], list[tuple[str, str]]] = {}

    def addresses(self, name: str) -> list[str] | None:
        """Addresses of a full name with its final dot; None when there is no such name."""
        if not name.endswith(f".{ZONE}"):
            return None
        parts = name.removesuffix(f".{ZONE}").split(".")
        if len(parts) < 2:
            return None
        *host, service, space = parts
        cluster = self._services.get((space, service))
        if cluster is None:
            return None
        found = self._endpoints.get((space, service), [])
        if host:
            return [address for address, own in found if own == host[-1]] or None
        return [address for address, _ in found] if cluster == "None" else [cluster]

    def take(self, kind: str, event: str, found: dict[str, Any]) -> None:
        """One object of a list or a watch."""
        key = found["metadata"]["namespace"], found["metadata"]["name"]
        gone = event == "DELETED"
        if kind == "services":
            if gone:
                self._services.pop(key, None)
            else:
                self._services[key] = found["spec"].get("clusterIP", "None")
        elif gone:
            self._endpoints.pop(key, None)
        else:
            subsets = found.get("subsets") or []
            self._endpoints[key] = [
                (each["ip"], each.get("hostname", "")) for one in subsets for each in one.get("addresses") or []
            ]

    async def follow(self, client: httpx.AsyncClient, kind: str) -> None:
        """Lists and watches one kind for ever."""
        while True:
            try:
                listed = (await client.get(f"/api/v1/{kind}")).json()
                for each in listed["items"]:
                    self.take(kind, "ADDED", each)
                version = listed["metadata"]["resourceVersion"]
                query = {"watch": "1", "resourceVersion": version}
                async with client.stream("GET", f"/api/v1/{kind}", params=query) as lines:
                    async for line in lines.aiter_lines():
                        event = json.loads(line)
                        if event["type"] == "ERROR":
                            break
                        self.take(kind, event["type"], event["object"])
            except (httpx.HTTPError, KeyError, ValueError) as error:
                print(f"{kind}: {error!r}", flush=True)
                await asyncio.sleep(0.5)


class Server(asyncio.DatagramProtocol):
    """Answers over UDP."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        assert self._transport is not None
        try:
            asked = dns.message.from_wire(data)
        except Exception as error:  # whatever it was, it was no question
            print(f"not understood: {error!r}", flush=True)
            return
        answer = dns.message.make_response(asked, recursion_available=True)
        answer.flags |= dns.flags.AA
        question = asked.question[0]
        found = self._names.addresses(question.name.to_text().lower())
        if found is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif question.rdtype == dns.rdatatype.A and found:
            random.shuffle(found)
            answer.answer.append(dns.rrset.from_text(question.name, LIFETIME, "IN", "A", *found))
        self._transport.sendto(answer.to_wire(), addr)


async def main(address: str, api: str, authority: str, token: str) -> None:
    """Serves until it is ended."""
    names = Names()
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: Server(names), local_addr=(address, 53))
    verified = ssl.create_default_context(cafile=authority)
    timeout = httpx.Timeout(10, read=None)
    headers = {"authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(base_url=api, verify=verified, headers=headers, timeout=timeout) as client,
        asyncio.TaskGroup() as tasks,
    ):
        for kind in ("services", "endpoints"):
            tasks.create_task(names.follow(client, kind))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
