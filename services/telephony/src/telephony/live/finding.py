"""Finding agents at their telephones: what rings for an offer besides the desk, on the node that owns the call.

A search is a row that begins with its offer and goes with the offer's answer, whoever gives it (`ops.find_me`). This
node rings what the row says, step after step. A desk phone that is answered takes the call; whoever answers a number is
asked to press a key first, because a mobile's mailbox answers too. Taking it is accepting the offer in the agent's
name; that one who took it joins the conversation follows from routing's fact like at the desk.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from chassis.statuses import RemoteFailed
from chassis.telemetry import log, tracer
from kernel.errors import DomainError, Unavailable
from kernel.ids import new_id

from telephony.domain import announcements
from telephony.domain import find_me as rules
from telephony.domain import legs as leg_rules
from telephony.domain.find_me import CONFIRM, CONFIRM_DIGIT, Search
from telephony.domain.legs import Q850, Leg, LegState, Party
from telephony.live.call import LiveCall
from telephony.live.dialing import Dialing
from telephony.live.house import House
from telephony.live.ledger import LeaseLost
from telephony.live.outside import OutsideLeg, Planned
from telephony.live.switchboard import Switchboard
from telephony.media.clips import Clip
from telephony.ops import find_me as ops

SEEK_SECONDS = 1.0
"""How late a search may begin or end whose news went to another node."""
TURN_SECONDS = 5.0
"""How late routing hears that telephones' hours have begun or ended."""
_LOOK_SECONDS = 0.5
_TAKE_SECONDS = 8.0
"""How long routing may be away while somebody has pressed the key."""
_PAUSE_SECONDS = 1.5
_DESK_PHONES = ""


class Finder:
    """The searches of this node. `look` is a loop of main."""

    def __init__(self, house: House, switchboard: Switchboard, dialing: Dialing) -> None:
        self._house = house
        self._switchboard = switchboard
        self._dialing = dialing
        self._hunts: dict[str, _Hunt] = {}
        self._turn = asyncio.Lock()
        switchboard.seek = lambda: house.tasks.spawn(self.look(), "seek agents now")

    async def look(self) -> None:
        """Begin searches that have begun by the rows, and end those that are over."""
        async with self._turn:
            node = self._house.settings.node_id
            if not self._switchboard.calls and not self._hunts:
                return
            try:
                rows = await self._house.db.system(lambda tx: ops.searches_of_node(tx, node), read_only=True)
            except Unavailable:
                return  # what rings rings on
            found = {search.offer_id: search for _, search in rows}
            for offer_id, hunt in list(self._hunts.items()):
                gone = hunt.live.ending or self._switchboard.find(hunt.live.call_id) is not hunt.live
                if gone or offer_id not in found:
                    hunt.end()
                    del self._hunts[offer_id]
            for search in found.values():
                live = self._switchboard.find(search.call_id)
                if search.offer_id not in self._hunts and live is not None and not live.ending:
                    hunt = self._hunts[search.offer_id] = _Hunt(
                        self._house, self._switchboard, self._dialing, live, search
                    )
                    self._house.tasks.spawn(hunt.run(), "find agent")

    async def turn(self) -> None:
        """Tell routing of agents whose telephones' hours have begun or ended. Every node looks, one tells."""
        db, now = self._house.db, self._house.now()
        try:
            for tenant_id, agent_id in await db.system(lambda tx: ops.due(tx, now), read_only=True):
                await db.run(tenant_id, lambda tx, agent_id=agent_id: ops.turn(tx, agent_id, now))
        except Unavailable:
            return  # later, then

    async def close(self) -> None:
        """This node goes away: nothing it rings rings on."""
        hunts, self._hunts = list(self._hunts.values()), {}
        await asyncio.gather(*(hunt.close() for hunt in hunts), return_exceptions=True)


@dataclass
class _Rung:
    """One telephone. `confirming` asks whoever answered it for the key."""

    leg_id: str
    outside: OutsideLeg
    number: str
    confirming: asyncio.Task[None] | None = None
    presses: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(maxsize=16))


class _Hunt:
    """One search as it rings here."""

    def __init__(
        self, house: House, switchboard: Switchboard, dialing: Dialing, live: LiveCall, search: Search
    ) -> None:
        self.live = live
        self._house = house
        self._switchboard = switchboard
        self._dialing = dialing
        self._search = search
        self._rung: dict[str, _Rung] = {}
        self._closing: set[str] = set()
        """Leg ids whose end is being written."""
        self._taken = search.taken_leg_id
        self._over = False
        self._changed = asyncio.Event()
        self._words: asyncio.Task[Sequence[Clip]] | None = None
        """What is said at each telephone, made while the first rings."""

    def end(self) -> None:
        """The offer has its answer, or the call is over."""
        self._over = True
        self._changed.set()

    async def run(self) -> None:
        """Ring step after step until the agent is found or nothing is left; then wait for the offer's end."""
        try:
            with tracer.start_as_current_span("find agent", context=self.live.trace):
                await self._run()
        except LeaseLost:
            log.info("an agent is sought by another node", call_id=self.live.call_id)
        finally:
            await self.close()

    async def close(self) -> None:
        """Nothing rings any more but the leg on which the agent took the call."""
        self._over = True
        for rung in list(self._rung.values()):
            await self._drop(rung, Q850.ANSWERED_ELSEWHERE if self._taken else Q850.NORMAL)

    async def _run(self) -> None:
        if self._taken:
            await self._take_over(self._taken)
        elif self._search.step >= 0:
            await self._ring(self._search)
        while not self._over:
            await self._step_over()
            if self._taken:
                # Until the offer's end says that they have it, or they hang up before that.
                await self._wait(_LOOK_SECONDS)
                continue
            following = rules.next_step(self._search, self._house.now())
            if self._over or following is None:
                break
            await self._ring(following)
        if not self._over and self._search.away:
            await self._nobody()
        while not self._over:
            await self._wait(_LOOK_SECONDS)

    # -- ringing -----------------------------------------------------------------------------------------------

    async def _ring(self, search: Search) -> None:
        """The rows say first what rings; what can't be rung is a leg that is over at once."""
        live, step, now = self.live, search.steps[search.step], self._house.now()
        legs: list[Leg] = []
        planned: dict[str, Planned | None] = {}
        for number in ([_DESK_PHONES] if step.desk_phones else []) + list(step.numbers):
            leg = Leg(
                new_id("leg", now), live.call_id, Party.SOUGHT, LegState.RINGING, agent_id=search.agent_id,
                address=number, invited_by=search.offer_id,
            )  # fmt: skip
            if number == _DESK_PHONES:
                planned[leg.leg_id] = None
            else:
                plan = await self._plan(number)
                if plan is None:
                    leg = leg_rules.ended(leg, now, Q850.NO_CIRCUIT)
                planned[leg.leg_id] = plan
            legs.append(leg)
        found = await live.journal.write(lambda tx: ops.ring(tx, search, legs, self._house.now()))
        if found is None:
            self.end()
            return
        self._search = search
        self._switchboard.settle(live.tenant_id, *found)
        ringing = [leg for leg in legs if leg.live]
        if self._words is None and any(leg.address for leg in ringing):
            self._words = self._house.tasks.spawn(self._who_calls(), "say who calls")
        await asyncio.gather(*(self._ring_one(leg, planned[leg.leg_id]) for leg in ringing))

    async def _plan(self, number: str) -> Planned | None:
        try:
            return await self._dialing.plan_to_find(self.live.tenant_id, self.live.call, number)
        except (DomainError, RemoteFailed) as error:
            log.info("an agent's telephone may not be rung", call_id=self.live.call_id, reason=_why(error))
            return None

    async def _ring_one(self, leg: Leg, planned: Planned | None) -> None:
        live, outside_world = self.live, self._house.outside
        outside: OutsideLeg | None = None
        try:
            if planned is None:
                # The step's end is told by us, so that it is no answer and not a phone that gave up.
                longest = (rules.MAX_RING + rules.SLACK).total_seconds()
                outside = await outside_world.ring_agent(live.tenant_id, live.call, leg.agent_id, longest)
            else:
                caller = live.outside.get(live.customer_id)
                outside = await outside_world.dial(live.call, leg.leg_id, live.tenant_id, planned, caller)
        except (DomainError, RemoteFailed) as error:
            log.info("an agent's telephone can't be rung", call_id=live.call_id, reason=_why(error))
        if outside is None:
            await self._row_over(leg.leg_id, Q850.NO_CIRCUIT if planned else Q850.UNREACHABLE)
            return
        rung = self._rung[leg.leg_id] = _Rung(leg.leg_id, outside, leg.address)
        outside.on_answered = lambda: self._answered(rung)
        outside.on_gone = lambda q850, status: self._gone(rung, q850, status)
        if self._over or self._taken or live.ending:
            await self._drop(rung, Q850.NORMAL)

    async def _step_over(self) -> None:
        """Until the step's time is over for who hasn't answered, or nothing of it rings any more."""
        while not self._over and not self._taken:
            self._follow_rows()
            left = (self._search.until - self._house.now()).total_seconds()
            if left <= 0:
                for rung in [each for each in self._rung.values() if each.confirming is None]:
                    await self._let_go(rung, Q850.NO_ANSWER)
            if not self._rung and not self._closing and (left <= 0 or self._search.step >= 0):
                return
            await self._wait(_LOOK_SECONDS if left <= 0 else min(left, _LOOK_SECONDS))

    def _follow_rows(self) -> None:
        """Somebody let a telephone go, or the call moved on."""
        ended = {leg.leg_id for leg in self.live.legs if not leg.live}
        for rung in [each for each in self._rung.values() if each.leg_id in ended]:
            self._house.tasks.spawn(self._drop(rung, Q850.NORMAL), "stop telephone")
        if self.live.ending:
            self.end()

    async def _nobody(self) -> None:
        """Every telephone was tried and no desk rings: the offer needn't wait for its time."""
        search = self._search
        try:
            await self._house.routing.miss_offer(self.live.tenant_id, search.offer_id, search.agent_id)
        except (DomainError, RemoteFailed) as error:
            log.info("an offer waits for its time", call_id=self.live.call_id, reason=_why(error))

    # -- what telephones tell ----------------------------------------------------------------------------------

    def _answered(self, rung: _Rung) -> None:
        spawn = self._house.tasks.spawn
        if rung.number == _DESK_PHONES:
            spawn(self._take(rung), "desk phone answered")
        elif rung.confirming is None:
            rung.confirming = spawn(self._confirm(rung), "ask for the key")

    async def _confirm(self, rung: _Rung) -> None:
        """Whoever answered hears what it is about until they press the key; a mailbox never does."""
        media = rung.outside.media
        if media is None:
            await self._let_go(rung, Q850.UNSPECIFIED)
            return
        media.on_digit = rung.presses.put_nowait
        rung.outside.on_digit_info = rung.presses.put_nowait
        if self._words is None:
            self._words = self._house.tasks.spawn(self._who_calls(), "say who calls")
        spoken = await asyncio.shield(self._words)
        if spoken:
            media.play([*spoken, Clip.silence(_PAUSE_SECONDS)], loop=True)
        pressed = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONFIRM.total_seconds()):
                while not pressed:
                    pressed = await rung.presses.get() == CONFIRM_DIGIT
        media.stop_playing()
        media.on_digit = None
        if pressed:
            await self._take(rung)
        else:
            log.info("a telephone was answered and the call not taken", call_id=self.live.call_id)
            await self._let_go(rung, Q850.NO_ANSWER)

    async def _who_calls(self) -> Sequence[Clip]:
        """For whom the call is, who calls, and which key takes it; the key alone where the brand hides its callers, or
        that can't be said."""
        call, search = self.live.call, self._search
        language = search.language or call.language
        spoken: Sequence[Clip] = []
        if not call.rules.callers_hidden:
            name = call.brand_name
            if search.queue_id:
                try:
                    name = await self._house.routing.queue_name(self.live.tenant_id, search.queue_id)
                except (DomainError, RemoteFailed) as error:
                    log.info("a queue can't be named", call_id=call.call_id, reason=_why(error))
            voice = language if language in announcements.LANGUAGES else "en"
            said = announcements.who_calls(voice, name, call.customers_number, call.companys_number)
            spoken = await self._house.spoken(said, voice, personal=True)
        return spoken or await self._house.phrase("find_me", language)

    def _gone(self, rung: _Rung, q850: int, sip_status: int) -> None:
        if self._rung.pop(rung.leg_id, None) is None:
            return
        if rung.confirming is not None and self._taken != rung.leg_id:
            rung.confirming.cancel()
        self._closing.add(rung.leg_id)
        self._house.tasks.spawn(self._row_over(rung.leg_id, q850, sip_status), "telephone gone")
        self._changed.set()

    # -- taking the call ---------------------------------------------------------------------------------------

    async def _take(self, rung: _Rung) -> None:
        """The first who takes it has it, if routing says so too."""
        live, leg_id, offer_id = self.live, rung.leg_id, self._search.offer_id
        if self._over or self._taken or leg_id not in self._rung:
            await self._drop(rung, Q850.ANSWERED_ELSEWHERE)
            return
        self._taken = leg_id
        try:
            taken = await live.journal.write(lambda tx: ops.take(tx, offer_id, leg_id))
        except LeaseLost:
            taken = False
        if not taken or leg_id not in self._rung:
            self._taken = ""
            await self._drop(rung, Q850.ANSWERED_ELSEWHERE)
            self._changed.set()
            return
        # From here on it is the call's, like any other party outside: it outlives this node and this search.
        del self._rung[leg_id]
        self._dialing.hold_on_to(live, leg_id, rung.outside)
        self._dialing.keep(live, leg_id, rung.outside)
        await self._accept(leg_id)
        self._changed.set()

    async def _take_over(self, leg_id: str) -> None:
        """The node it was on died between the key and routing's answer: go on with that leg, or without it."""
        live, patience = self.live, asyncio.get_running_loop().time() + _TAKE_SECONDS
        while leg_id not in live.outside and asyncio.get_running_loop().time() < patience and not self._over:
            if not any(leg.leg_id == leg_id and leg.live for leg in live.legs):
                break
            await self._wait(_LOOK_SECONDS / 5)
        if leg_id in live.outside:
            await self._accept(leg_id)
        elif not self._over:
            self._taken = ""
            await self._ring(replace(self._search, taken_leg_id=""))

    async def _accept(self, leg_id: str) -> None:
        """Accept the offer for the agent, unless they hang up before routing has: the search goes on without them. When
        routing had in that moment, `ops.accepted` hears of it."""
        line = self.live.outside.get(leg_id)
        if line is None:
            self._left()
            return
        accepting = self._house.tasks.spawn(self._ask(leg_id), "accept for an agent")
        told = line.on_gone

        def gone(q850: int, status: int) -> None:
            told(q850, status)
            if not accepting.done():
                accepting.cancel()
                self._left()

        line.on_gone = gone
        await asyncio.wait([accepting])

    def _left(self) -> None:
        log.info("an agent hung up before they had the call", call_id=self.live.call_id)
        self._taken = ""
        self._changed.set()

    async def _ask(self, leg_id: str) -> None:
        """Routing says whose the call is; who took it too late is hung up."""
        search, patience = self._search, asyncio.get_running_loop().time() + _TAKE_SECONDS
        while True:
            try:
                await self._house.routing.take_offer(self.live.tenant_id, search.offer_id, search.agent_id, leg_id)
                log.info("agent found", call_id=self.live.call_id, agent_id=search.agent_id, leg_id=leg_id)
                return
            except (DomainError, RemoteFailed) as error:
                away = isinstance(error, Unavailable | RemoteFailed)
                if away and asyncio.get_running_loop().time() < patience:
                    await asyncio.sleep(0.3)
                    continue
                log.info("a call was taken too late", call_id=self.live.call_id, reason=_why(error))
                await self._too_late(leg_id)
                return

    async def _too_late(self, leg_id: str) -> None:
        """The rows say whose it is: an agent who accepted at the desk in the same moment may be in the call by it."""
        live, now = self.live, self._house.now
        try:
            found = await live.journal.write(lambda tx: ops.taken_too_late(tx, live.call_id, leg_id, now()))
        except LeaseLost:
            return
        if found is not None:
            self._switchboard.settle(live.tenant_id, *found)

    # -- letting go --------------------------------------------------------------------------------------------

    async def _let_go(self, rung: _Rung, q850: int) -> None:
        """This telephone rings no more, and its row says why."""
        if rung.leg_id in self._rung:
            await self._drop(rung, q850)
            await self._row_over(rung.leg_id, q850)
        self._changed.set()

    async def _drop(self, rung: _Rung, q850: int) -> None:
        self._rung.pop(rung.leg_id, None)
        if rung.confirming is not None and rung.confirming is not asyncio.current_task():
            rung.confirming.cancel()
        await rung.outside.hang_up(q850)

    async def _row_over(self, leg_id: str, q850: int, sip_status: int = 0) -> None:
        self._closing.add(leg_id)
        try:
            await self._switchboard.party_gone(self.live, leg_id, q850, sip_status)
        finally:
            self._closing.discard(leg_id)
            self._changed.set()

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.01)):
                await self._changed.wait()
        self._changed.clear()


def _why(error: Exception) -> str:
    return error.reason if isinstance(error, DomainError) else type(error).__name__
