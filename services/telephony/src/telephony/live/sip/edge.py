"""Sets the SIP user agent of this node up: where it listens, whom it trusts, whom it bars, and who takes what comes."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Awaitable
from ipaddress import ip_address
from urllib.parse import urlsplit

from chassis.lifecycle import Process
from chassis.sealing import Seal
from chassis.telemetry import log, tracer
from kernel.networks import networks_of

from telephony.domain.devices import REALM
from telephony.live.conversations import Conversations
from telephony.live.dialing import Dialing
from telephony.live.house import House
from telephony.live.lines import Lines
from telephony.live.nodes import Nodes
from telephony.live.phone_transfers import PhoneTransfers
from telephony.live.sip.bars import Bars
from telephony.live.sip.edges import PING_SECONDS as EDGE_SECONDS
from telephony.live.sip.edges import Edges
from telephony.live.sip.incoming import Incoming
from telephony.live.sip.outgoing import SipOutside
from telephony.live.sip.phones import Phones
from telephony.live.sip.reach import Reach
from telephony.live.sip.roster import PING_SECONDS, REFRESH_SECONDS, Roster
from telephony.live.sip.shown import LOOK_SECONDS, shown
from telephony.live.sip.silences import ASK_SECONDS, Silences
from telephony.live.sip.trial import Trial
from telephony.live.sip.vouching import Vouching
from telephony.live.switchboard import Switchboard
from telephony.settings import TelephonySettings
from telephony.sip import AgentSettings, GateKeys, Invitation, ListenPoint, SipAgent

OVERSPENT_SECONDS = 5.0
TRUNK_PASSWORDS = "merkez telephony trunk passwords"
"""The purpose they are sealed for."""
PASSED_ON = "merkez telephony phones passed on"


def listen_points(settings: TelephonySettings) -> list[ListenPoint]:
    """Read the setting: `udp:0.0.0.0:5060=203.0.113.7,tls:0.0.0.0:5061`."""
    return [_point(item.strip(), settings) for item in settings.sip_listen.split(",") if item.strip()]


def _point(item: str, settings: TelephonySettings) -> ListenPoint:
    where, _, advertised = item.partition("=")
    parts = urlsplit(where.replace(":", "://", 1))
    tls = None
    if parts.scheme == "tls":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(settings.sip_tls_certificate, settings.sip_tls_key or None)
    return ListenPoint(parts.scheme.upper(), parts.hostname or "", parts.port or 0, advertise_host=advertised, tls=tls)


class SipEdge:
    """The agent with everything around it. `open` begins it, `close` ends it."""

    def __init__(self, house: House, switchboard: Switchboard, dialing: Dialing, nodes: Nodes) -> None:
        settings = house.settings
        seal, points = Seal.load(settings.internal_key, TRUNK_PASSWORDS), listen_points(settings)
        self._house = house
        certificate, key = settings.sip_tls_certificate, settings.sip_tls_key
        self._shown = [shown(point.tls, certificate, key) for point in points if point.tls is not None]
        self._lines = Lines(house.db, settings.node_id, house.now, house.tasks)
        self.edges = Edges(settings.sip_edges)
        families = {ip_address(point.host).version for point in points}
        reach = Reach(self.edges, networks_of(settings.sip_private_networks), families)
        self.roster = Roster(house, seal, nodes.living, self.edges, reach)
        conversations = Conversations(house, switchboard, dialing)
        dialing.transfer = PhoneTransfers(conversations).carry_out
        self.silences = Silences(house, self.edges, nodes.living)
        self.phones = Phones(house, switchboard, dialing, conversations, self.edges, self.silences)
        bars = Bars(self.roster.trusts)
        vouching = Vouching(Seal.load(settings.internal_key, PASSED_ON), house.now, self._elsewhere)
        self._nodes = nodes
        self.agent = SipAgent(
            AgentSettings(
                points=points,
                keys=GateKeys(
                    REALM, secrets.token_bytes(32), self.phones.ha1, lambda: house.now().timestamp(), settings.digests
                ),
                trusted=lambda source: self.roster.trusts(source.host),
                share=lambda source: self.roster.owners(source.host),
                phone=self.phones.named,
                vouched=vouching.taken,
                elsewhere=vouching.passed_on,
                edges=self.edges.believes,
                barred=bars.barred,
                barred_name=bars.barred_name,
                on_failure=bars.failed,
            )
        )
        self.phones.agent = self.agent
        self.outside = SipOutside(house, self.agent, self.roster, self._lines, self.phones)
        self.trial = Trial(house, self.agent, self.roster, self._lines)
        self._incoming = Incoming(house, switchboard, dialing, self.roster, self._lines)
        self.agent.on_invite = self._invited
        self.agent.on_register = self.phones.register
        self.agent.on_options = lambda _request: 503 if switchboard.draining else 200

    def _invited(self, invitation: Invitation) -> None:
        taking = self.phones.dialed(invitation) if invitation.user else self._incoming.take(invitation)
        self._house.tasks.spawn(_traced(taking), "sip invite")

    async def _elsewhere(self, user: str) -> str:
        found = await self.phones.agent_of(user)
        return await self._nodes.sip_of_call(*found) if found is not None else ""

    @property
    def address(self) -> str:
        """Where other nodes' phones are sent, host:port; "" without UDP. Only once it is open."""
        points = [point for point in self.agent.points if point.transport == "UDP"]
        if not points:
            return ""
        host, port = points[0].advertise_host or points[0].host, points[0].advertise_port or points[0].port
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def open(self, process: Process) -> None:
        """Listen, and begin the loops."""
        await self.roster.refresh()
        await self.agent.start()
        process.tasks.every(REFRESH_SECONDS, self._refresh, "trunks")
        process.tasks.every(PING_SECONDS, self._ping, "gateways")
        process.tasks.every(OVERSPENT_SECONDS, self.outside.cut_overspent, "spending")
        process.tasks.every(ASK_SECONDS, self._ask_silent, "silent phones")
        if self.edges:
            process.tasks.every(EDGE_SECONDS, self._ping_edges, "edges")
        if self._shown:
            process.tasks.every(LOOK_SECONDS, self._renew, "certificate that SIP shows")
        for point in self.agent.points:
            log.info("SIP listens", transport=point.transport, host=point.host, port=point.port)

    async def close(self) -> None:
        """Registrations are taken back, sockets given up."""
        await self.roster.close()
        await self.agent.close()

    async def _refresh(self) -> None:
        await self.roster.refresh()
        await self.roster.register(self.agent)

    async def _ping(self) -> None:
        await self.roster.ping(self.agent)

    async def _renew(self) -> None:
        for look in self._shown:
            look()

    async def _ask_silent(self) -> None:
        await self.silences.ask(self.agent)

    async def _ping_edges(self) -> None:
        await self.edges.ping(self.agent)


async def _traced(taking: Awaitable[None]) -> None:
    """One span from the INVITE until it is answered or refused: what is asked of others on the way hangs below it."""
    with tracer.start_as_current_span("sip invite"):
        await taking
