"""Which transaction a message belongs to (RFC 3261 17.1.3, 17.2.3), and the bounds on how many there are."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Protocol

from chassis.lifecycle import Tasks

from telephony.sip.client_transactions import ClientTransaction
from telephony.sip.connections import Limits
from telephony.sip.errors import SipParseError, TransportFailed
from telephony.sip.fields import BRANCH_COOKIE, Via
from telephony.sip.messages import Flow, Request, Response
from telephony.sip.server_transactions import Key, ServerTransaction, answering_flow, key_of
from telephony.sip.timers import Timers
from telephony.sip.transports import DEFAULT_PORTS, Destination, TransportLayer


class Core(Protocol):
    """Who uses transactions (RFC 3261 calls it the transaction user)."""

    def request_received(self, transaction: ServerTransaction) -> None: ...

    def ack_received(self, request: Request) -> None:
        """An ACK to a 2xx, which is no transaction's."""
        ...


class TransactionLayer:
    """All transactions of one agent."""

    def __init__(self, timers: Timers, transports: TransportLayer, core: Core, limits: Limits) -> None:
        self.timers = timers
        self._transports = transports
        self._core = core
        self._limits = limits
        self._servers: dict[Key, ServerTransaction] = {}
        self._clients: dict[tuple[str, str], ClientTransaction] = {}
        self._merges: dict[Key, ServerTransaction] = {}
        self._tasks = Tasks("sip transactions")

    def __len__(self) -> int:
        return len(self._servers) + len(self._clients)

    def receive_request(self, request: Request, flow: Flow) -> None:
        """A well-formed request: new, repeated, or an ACK."""
        via = request.via
        request.headers.set("via", str(via.received_from(flow.remote)), *request.headers.lines("via")[1:])
        request.flow = flow
        key = key_of(request, via, "INVITE" if request.method == "ACK" else "")
        known = self._servers.get(key)
        if request.method == "ACK":
            self._receive_ack(known, request)
        elif known is not None:
            known.received_again()
        else:
            self._begin(request, key, answering_flow(flow, via))

    def receive_response(self, response: Response) -> None:
        """A well-formed response; one that isn't for a transaction of ours is dropped (18.1.2)."""
        if len(response.headers.lines("via")) != 1:
            return
        transaction = self._clients.get((response.via.branch, response.cseq[1]))
        if transaction is not None:
            transaction.receive(response)

    def start(self, request: Request, flow: Flow, on_response: Callable[[Response], None]) -> ClientTransaction:
        """Send a request of ours; its Via must be on it (`stamp`)."""
        transaction = ClientTransaction(self, request, flow, on_response)
        self._clients[transaction.key] = transaction
        return transaction

    def stamp(self, request: Request, flow: Flow) -> None:
        """Put our Via with a fresh branch on a request that goes by `flow` (18.1.1; rport by RFC 3581)."""
        request.flow, request.sent_at = flow, asyncio.get_running_loop().time()
        host, port = self._transports.sent_by(flow.transport)
        branch = BRANCH_COOKIE + secrets.token_hex(12)
        request.headers.set("via", str(Via(flow.transport, host, port, {"branch": branch, "rport": None})))

    def invite_for(self, cancel: Request) -> ServerTransaction | None:
        """The INVITE a CANCEL means (9.2)."""
        return self._servers.get(key_of(cancel, cancel.via, "INVITE"))

    def flow_lost(self, flow: Flow) -> None:
        """A connection broke: tell those who wait for an answer on it."""
        for transaction in [each for each in self._clients.values() if each.flow is flow]:
            transaction.flow_lost()

    def forget_server(self, key: Key, transaction: ServerTransaction) -> None:
        """Called by a transaction at its end."""
        self._servers.pop(key, None)
        if transaction.merge_key is not None and self._merges.get(transaction.merge_key) is transaction:
            del self._merges[transaction.merge_key]

    def forget_client(self, transaction: ClientTransaction) -> None:
        """Called by a transaction at its end."""
        self._clients.pop(transaction.key, None)

    def send_elsewhere(self, request: Request, data: bytes) -> None:
        """A response whose connection is gone: by a new one to sent-by at the address it came from (18.2.2)."""
        via = request.via
        host = via.parameters.get("received") or via.host
        port = via.port or DEFAULT_PORTS.get(via.transport, 5060)
        self._tasks.spawn(self._send_elsewhere(Destination(via.transport, host, port), data), "response")

    async def close(self) -> None:
        """End all without a word."""
        for transaction in [*self._servers.values(), *self._clients.values()]:
            transaction.terminate()
        await self._tasks.close()

    def _receive_ack(self, known: ServerTransaction | None, request: Request) -> None:
        # An ACK to a 2xx has a branch of its own (13.2.2.4), but some senders give it the INVITE's.
        if known is not None:
            known.acknowledged()
        self._core.ack_received(request)

    def _begin(self, request: Request, key: Key, flow: Flow) -> None:
        if len(self._servers) >= self._limits.transactions:
            refusal = request.response(503)
            refusal.headers.set("retry-after", "5")
            flow.send(refusal.encode())
            return
        transaction = ServerTransaction(self, request, key, flow)
        self._servers[key] = transaction
        if not request.to.tag and request.method != "CANCEL":
            merge_key = (request.call_id, request.from_.tag, str(request.cseq[0]), request.method)
            if merge_key in self._merges:
                # The same request by two ways: one of them is enough (8.2.2.2).
                transaction.answer_once(482, tag=secrets.token_hex(8))
                return
            transaction.merge_key = merge_key
            self._merges[merge_key] = transaction
        self._core.request_received(transaction)

    async def _send_elsewhere(self, destination: Destination, data: bytes) -> None:
        try:
            (await self._transports.flow_to(destination)).send(data)
        except (TransportFailed, SipParseError):
            return
