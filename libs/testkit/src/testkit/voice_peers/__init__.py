"""Voice peers we didn't write, as real processes: sipp, baresip, Kamailio, coturn and rtpengine from Debian.

A test asks for the fixture `voice_peers` and starts what it needs; all of it listens on loopback ports of its own,
keeps its configuration and logs in the test's folder, and ends with the test. A test that fails shows their logs::

    async def test_a_desk_phone_hears_the_caller(voice_peers: VoicePeers) -> None:
        carrier = await voice_peers.start(Sipp, "carrier", UAS, rtp_echo=True)
        phone = await voice_peers.start(Baresip, "anna", tone=880)
        await phone.dial(carrier.uri("anyone"))
        await phone.hears(880)

`infra/local/peers.sh` installs the packages. One that is missing fails the test: none is skipped.
"""

from testkit.voice_peers.baresip import Baresip, Event
from testkit.voice_peers.house import VoicePeers
from testkit.voice_peers.kamailio import Kamailio
from testkit.voice_peers.ports import Ports
from testkit.voice_peers.process import PeerFailed, PeerMissing, PeerProcess
from testkit.voice_peers.rtpengine import Rtpengine
from testkit.voice_peers.sipp import UAC, UAS, Outcome, Sipp
from testkit.voice_peers.turnserver import Turnserver

__all__ = [
    "UAC",
    "UAS",
    "Baresip",
    "Event",
    "Kamailio",
    "Outcome",
    "PeerFailed",
    "PeerMissing",
    "PeerProcess",
    "Ports",
    "Rtpengine",
    "Sipp",
    "Turnserver",
    "VoicePeers",
]
