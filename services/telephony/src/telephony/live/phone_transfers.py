"""The transfer key of an agent's desk phone: the same verbs as the desk's buttons, with the same facts.

Who holds an agent's phone may do what the role agent may, whatever else its user may do at the desk.
"""

from __future__ import annotations

from chassis.telemetry import log
from kernel.errors import DomainError, Unavailable

from telephony.domain.calls import Actor
from telephony.domain.conversation import NotOnCall
from telephony.domain.legs import Party
from telephony.domain.phone_keys import read_target
from telephony.live.call import LiveCall
from telephony.live.conversations import Conversations, Target
from telephony.live.outside import TransferWish


class PhoneTransfers:
    """Carries out what phones wish."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations

    async def carry_out(self, live: LiveCall, leg_id: str, wish: TransferWish) -> None:
        """See `Dialing.transfer`: the customer of the call goes on, or the phone hears why not."""
        wish.begun()
        leg = next((each for each in live.legs if each.leg_id == leg_id), None)
        try:
            if leg is None or leg.party != Party.AGENT or not leg.answered:
                raise NotOnCall("only an agent who talks in this call can do this")
            await self._send_on(live, Actor("agent", leg.agent_id), wish)
        except DomainError as error:
            log.info("a phone's transfer was refused", call_id=live.call_id, reason=error.reason)
            wish.refuse(error)
        except Exception as error:
            log.error("a phone's transfer failed", call_id=live.call_id, exc_info=error)
            wish.refuse(Unavailable("the transfer could not be carried out: try again"))
        else:
            wish.done()

    async def _send_on(self, live: LiveCall, actor: Actor, wish: TransferWish) -> None:
        verbs, which = self._conversations, (live.tenant_id, live.call_id, actor)
        if wish.attended:
            await verbs.complete_transfer(*which)
            return
        kind, value = read_target(wish.dialed)
        if kind == "park":
            await verbs.park(*which)
        else:
            await verbs.transfer(*which, Target(kind, value))
