"""Tries a flow out without a call: the interpreter of real calls, with a scenario in place of the world.

Pure, like it. Where a real call would wait for somebody, the next input says what they do; where no input is left, the
simulation says what it waits for. Nothing is asked of anybody: an HTTP step gets the answer the input holds, a queue
has the agents the input says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from kernel.hours import opening

from flows.domain import answers, callbacks, deeds, spoken, waits
from flows.domain.asking import Survey
from flows.domain.branching import POINTS, WHOLE, Split
from flows.domain.definitions import DEFAULT_MOST_OFFERS, Collect, Definition, Queue, Transfer
from flows.domain.effects import ChangeFlow, CheckHours, Enqueue, Fetch
from flows.domain.interpreter import advance
from flows.domain.number_lists import patterns_of
from flows.domain.orders import Audio, EndCall, Gather, Order, WaitInQueue
from flows.domain.runs import (  # fmt: skip
    Call,
    ContactChecked,
    Dequeued,
    DialEnded,
    DialFailed,
    Digits,
    Effect,
    Enqueued,
    Estimated,
    Event,
    Fetched,
    Finished,
    FlowChanged,
    HoursChecked,
    How,
    Phase,
    Proceed,
    QueueTick,
    Recorded,
    Started,
    TimedOut,
    first_state,
)
from flows.domain.scenarios import FAILED, MISSING, OUTCOMES, Input, Kind, Scenario, customer_of, keys_of, standing_of
from flows.domain.simulated import End as End
from flows.domain.simulated import Mismatch as Mismatch
from flows.domain.simulated import Simulation as Simulation
from flows.domain.simulated import Visit as Visit
from flows.domain.simulated import Waiting as Waiting
from flows.domain.simulated import World as World
from flows.domain.speech import WaitEstimate
from flows.domain.subflows import EnterFlow, FlowEntered, FlowLeft, LeaveFlow
from flows.domain.walks import Turn

MAX_VISITS = 500
"""Steps after which a simulation stops: a flow that goes round without asking anybody."""
MAX_SIZE = 500_000
"""Characters of all that is heard and of all attributes after which it stops: no answer is bigger than can be sent."""
RUN_ID = "run_simulated"
_CONTACT, _CALLBACK, _AGENT = "con_simulated", "cbk_simulated", "usr_simulated"
_SOME_TIME = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""When the call comes if nobody says so; only differences of it are ever seen."""
_TURNED_AWAY = ("closed", "nobody_staffed", "full")
_WAITING = (Phase.ENQUEUEING, Phase.ESTIMATING, Phase.CHECKING_CONTACT, Phase.QUEUED)
_TALK, _MESSAGE = timedelta(seconds=60), timedelta(seconds=10)


def simulate(definition: Definition, scenario: Scenario, inputs: Sequence[Input], world: World) -> Simulation:
    """Run `definition` by the inputs until they are used up, or the call is over."""
    return _Runner(definition, scenario, inputs, world).run()


class _Stop(Exception):
    """The simulation is over, for now."""

    def __init__(self, end: End, waiting: Waiting | None = None, mismatch: Mismatch | None = None):
        super().__init__(end)
        self.end, self.waiting, self.mismatch = end, waiting, mismatch


class _Runner:
    def __init__(self, definition: Definition, scenario: Scenario, inputs: Sequence[Input], world: World):
        self._definition = self._root = definition
        self._scenario = scenario
        self._inputs = inputs
        self._world = world
        self._taken = 0
        self._size = 0
        self._heard_by = -1
        """The input that waits for the next announcement and nothing else."""
        self._callback = ""
        """What comes of asking for the callback that is being offered, when an input said so."""
        self._flow_id = ""
        self._visits: list[Visit] = []
        self._now = self._began = scenario.time or _SOME_TIME
        call = Call(
            "call_simulated", "", "", scenario.brand_name, scenario.language, scenario.caller_number,
            scenario.caller_name, scenario.dialed_number, scenario.attributes,
            channel=scenario.channel or "voice",
        )  # fmt: skip
        self._state = first_state(call, "", definition.language)
        self._initial = self._state.attributes

    def run(self) -> Simulation:
        event: Event = Started()
        try:
            while True:
                turn = advance(RUN_ID, self._definition, self._state, event, self._now)
                self._note(turn)
                event = self._next(turn)
        except _Stop as stop:
            elapsed = self._now - self._began
            return Simulation(tuple(self._visits), stop.end, self._initial, stop.waiting, stop.mismatch, elapsed)

    def _note(self, turn: Turn) -> None:
        """Write down the steps of a turn. Notes before the first step that was entered are about the one left."""
        self._state = turn.state
        marks = [*(each.notes for each in turn.entered), len(turn.trail)]
        self._amend([note.outcome for note in turn.trail[: marks[0]]])
        for place, each in enumerate(turn.entered):
            self._leave(each.attributes)
            outcomes = tuple(note.outcome for note in turn.trail[marks[place] : marks[place + 1]])
            self._visits.append(Visit(each.step_id, self._flow_id, (), outcomes))
            self._size += sum(len(name) + len(value) for name, value in each.attributes.items())
        self._leave(turn.state.attributes)
        heard: tuple[Audio, ...] = getattr(turn.order, "audio", ())
        self._size += sum(len(each.text) for each in heard)
        if self._visits and heard:
            self._visits[-1] = replace(self._visits[-1], heard=(*self._visits[-1].heard, *heard))

    def _amend(self, outcomes: list[str]) -> None:
        if self._visits and outcomes:
            self._visits[-1] = replace(self._visits[-1], outcomes=(*self._visits[-1].outcomes, *outcomes))

    def _leave(self, attributes: Mapping[str, str]) -> None:
        if self._visits:
            self._visits[-1] = replace(self._visits[-1], attributes=attributes)

    def _next(self, turn: Turn) -> Event:
        if isinstance(turn.order, EndCall):
            end = End.FLOW_ENDED if turn.order.cause == "FLOW_ENDED" else End.FLOW_FAILED
            end = End.HUNG_UP if turn.state.gone else end
            raise _Stop(end, mismatch=self._left_over("the call is over before this"))
        if len(self._visits) > MAX_VISITS or self._size > MAX_SIZE:
            raise _Stop(End.TOO_MANY_STEPS)
        match turn.state.phase:
            case Phase.PLAYING:
                return Finished()
            case Phase.WAITING:
                return Proceed()
            case Phase.CHANGING_FLOW:
                return self._change_flow(turn.effect)
            case Phase.ENTERING_FLOW:
                return self._enter_flow(turn.effect)
            case Phase.LEAVING_FLOW:
                return self._leave_flow(turn.effect)
            case Phase.CHECKING_HOURS:
                return self._check_hours(turn.effect)
            case Phase.GATHERING:
                return self._gather(turn.order)
            case Phase.FETCHING:
                return self._fetch(turn.effect)
            case Phase.DIALLING:
                return self._dial()
            case Phase.RECORDING:
                return self._record()
            case Phase.DRAWING:
                return self._draw()
            case Phase.CHECKING_QUEUE:
                return self._look_at_queue()
            case Phase.LOOKING_IN_LISTS:
                return self._look_in_lists(turn.effect)
            case Phase.FINDING_CUSTOMER:
                return self._look_up()
            case Phase.CHECKING_CALLBACK:
                return self._offer_callback()
            case Phase.REQUESTING_CALLBACK:
                return self._make_callback()
            case _:
                return self._wait_in_queue(turn)

    def _left_over(self, why: str) -> Mismatch | None:
        return Mismatch(self._taken, why) if self._taken < len(self._inputs) else None

    def _peek(self, waiting: Waiting) -> Input:
        """The next input if it fits what is waited for; it stays there."""
        if self._taken >= len(self._inputs):
            raise _Stop(End.WAITING, waiting)
        given = self._inputs[self._taken]
        if given.kind == Kind.HANG_UP and self._goes_on:
            return given
        if given.kind == Kind.HANG_UP:
            self._take()
            raise _Stop(End.HUNG_UP, mismatch=self._left_over("the caller has hung up before this"))
        if given.kind not in waiting.kinds or (waiting.outcomes and given.value not in waiting.outcomes):
            wanted = " or ".join(waiting.kinds) + (f" ({', '.join(waiting.outcomes)})" if waiting.outcomes else "")
            message = f"step {waiting.step_id} waits for {wanted}, and this is {given.kind}: {given.value[:80]!r}"
            raise _Stop(End.WAITING, waiting, Mismatch(self._taken, message))
        return given

    def _take(self) -> None:
        self._visits[-1] = replace(self._visits[-1], inputs=(*self._visits[-1].inputs, self._taken))
        self._taken += 1

    def _ask(self, *kinds: Kind) -> Waiting:
        outcomes = tuple(OUTCOMES.get(kinds[0], ())) if len(kinds) == 1 else ()
        return Waiting(self._state.step_id, kinds, outcomes)

    def _gather(self, order: Order | None) -> Event:
        assert isinstance(order, Gather)
        action = self._action
        least = callbacks.fewest_digits(self._state.asking)
        least = max(action.min_digits, 1) if isinstance(action, Collect) else least
        least = min(len(str(max(action.lowest, 0))), order.max_digits) if isinstance(action, Survey) else least
        waiting = replace(
            self._ask(Kind.DIGITS, Kind.TEXT, Kind.TIMED_OUT),
            min_digits=least, max_digits=order.max_digits, terminator=order.terminator,
            phrases=tuple(each.phrase for each in order.spoken) if order.language in spoken.LANGUAGES else (),
        )  # fmt: skip
        given = self._peek(waiting)
        pressed = given.value if given.kind != Kind.TEXT else ""
        ends = pressed.find(order.terminator) if order.terminator else -1
        wanted = order.max_digits if ends < 0 else min(ends + 1, order.max_digits)
        if len(pressed) > wanted:
            message = f"step {waiting.step_id} is done after {pressed[:wanted]!r}: press the rest where it is asked for"
            raise _Stop(End.WAITING, waiting, Mismatch(self._taken, message))
        self._take()
        if ends >= 0:
            return Digits(pressed[:ends])
        if given.kind == Kind.TEXT and given.value.strip() and waiting.phrases:
            digit = spoken.digit_for(given.value, order.spoken)
            return Digits(digit, How.SPOKEN if digit else How.NOT_UNDERSTOOD)
        # To a step that listens to no words the time ran out, as it does when too few digits come.
        return Digits(pressed) if len(pressed) == order.max_digits else TimedOut(pressed)

    def _check_hours(self, effect: Effect | None) -> Event:
        assert isinstance(effect, CheckHours)
        told = self._taken < len(self._inputs) and self._inputs[self._taken].kind == Kind.HOURS
        calendars = self._world.calendars
        if self._scenario.time is not None and calendars is not None and not told:
            calendar = calendars.get(effect.business_hours_id)
            return HoursChecked(opening(calendar, self._now).open if calendar else None)
        given = self._peek(self._ask(Kind.HOURS))
        self._take()
        return HoursChecked(given.value == "open")

    def _fetch(self, effect: Effect | None) -> Event:
        assert isinstance(effect, Fetch)
        asked = self._ask(Kind.HTTP_ANSWER, Kind.HTTP_FAILURE)
        given = self._peek(replace(asked, method=effect.method, url=effect.url, body=effect.body))
        self._take()
        if given.kind == Kind.HTTP_FAILURE:
            return Fetched(None, given.value or "failed")
        values = answers.extract(given.value.encode("utf-8", "replace"), effect.extract)
        return Fetched(values, "ok" if values is not None else answers.NOT_JSON)

    def _dial(self) -> Event:
        given = self._peek(self._ask(Kind.TRANSFER))
        self._take()
        if given.value != "answered":
            return DialFailed(given.value.upper())
        talk = _TALK if given.duration is None else given.duration
        self._now += talk
        return DialEnded(talk)

    def _record(self) -> Event:
        given = self._peek(self._ask(Kind.VOICEMAIL))
        self._take()
        spoken = (given.duration or _MESSAGE) if given.value == "left" else timedelta(0)
        self._now += spoken
        return Recorded(spoken)

    def _draw(self) -> Event:
        action = self._action
        assert isinstance(action, Split)
        names = [share.name for share in action.shares]
        given = self._peek(replace(self._ask(Kind.SPLIT), outcomes=tuple(names)))
        self._take()
        before = sum(share.percent for share in action.shares[: names.index(given.value)])
        return deeds.Drawn(before * (POINTS // WHOLE))

    def _look_at_queue(self) -> Event:
        given = self._peek(self._ask(Kind.QUEUE_STANDING))
        self._take()
        return deeds.QueueSeen(None if given.value == FAILED else standing_of(given.value))

    def _look_in_lists(self, effect: Effect | None) -> Event:
        assert isinstance(effect, deeds.LookInLists)
        given = self._peek(self._ask(Kind.NUMBER_LISTS))
        self._take()
        named = keys_of(given.value) or frozenset[str]()
        return deeds.ListsSeen(
            tuple(each for each in sorted(effect.asked) if each[1] in named and patterns_of(each[0]))
        )

    def _look_up(self) -> Event:
        given = self._peek(self._ask(Kind.CUSTOMER))
        self._take()
        if given.value in MISSING:
            return deeds.LookedUp(deeds.Found(given.value))
        return deeds.LookedUp(deeds.Found.FOUND, customer_of(given.value) or {})

    def _offer_callback(self) -> Event:
        """Routing offers it unless the next input says otherwise: only at the end of the inputs somebody is asked."""
        if self._taken >= len(self._inputs) or self._inputs[self._taken].kind == Kind.CALLBACK:
            self._callback = self._peek(self._ask(Kind.CALLBACK)).value
            self._take()
        return deeds.CallbackChecked(self._callback != "not_offered")

    def _make_callback(self) -> Event:
        # Where it is offered always, and to who has left, routing is asked for the first time now.
        if not self._callback and self._taken < len(self._inputs) and self._inputs[self._taken].kind == Kind.CALLBACK:
            self._callback = self._peek(self._ask(Kind.CALLBACK)).value
            self._take()
        came, self._callback = self._callback, ""
        if came in ("refused", "not_offered"):
            return deeds.CallbackMade("", refusal="CALLBACK_NOT_OFFERED")
        return deeds.CallbackMade(_CALLBACK, came == "asked_before")

    def _change_flow(self, effect: Effect | None) -> Event:
        assert isinstance(effect, ChangeFlow)
        other = self._world.flows.get(effect.flow_id)
        if other is None:
            return FlowChanged()
        self._definition, self._flow_id = other, effect.flow_id
        return FlowChanged(effect.flow_id, "rel_simulated")

    def _enter_flow(self, effect: Effect | None) -> Event:
        assert isinstance(effect, EnterFlow)
        other = self._world.flows.get(effect.flow_id)
        if other is None:
            return FlowEntered()
        before, self._flow_id, self._definition = self._flow_id, effect.flow_id, other
        return FlowEntered(effect.flow_id, "rel_simulated", before, "rel_simulated")

    def _leave_flow(self, effect: Effect | None) -> Event:
        assert isinstance(effect, LeaveFlow)
        self._flow_id = effect.flow_id
        self._definition = self._world.flows[effect.flow_id] if effect.flow_id else self._root
        return FlowLeft(effect.flow_id, effect.release_id)

    @property
    def _goes_on(self) -> bool:
        """Whether the step that waits has something to do for who hangs up there."""
        action = self._action
        return isinstance(action, Queue) and bool(action.abandoned) and self._state.phase in _WAITING

    @property
    def _action(self) -> object:
        step = self._definition.step(self._state.step_id)
        return step.action if step else None

    def _wait_in_queue(self, turn: Turn) -> Event:
        action = self._action
        assert isinstance(action, Queue | Transfer)
        if isinstance(turn.effect, Enqueue) and not turn.effect.queue_id and not turn.effect.agent_id:
            return Enqueued("", "QUEUE_NOT_FOUND")  # no rule chose one: routing takes no contact for nowhere
        waiting = self._queue_outcomes(action, turn.state.phase)
        given = self._peek(waiting)
        match turn.state.phase:
            case Phase.ENQUEUEING:
                if given.value == "no_agents" and not (isinstance(action, Queue) and action.no_match):
                    self._take()
                    return Enqueued("", "NO_AGENTS")
                if given.value in _TURNED_AWAY:
                    self._take()
                    return Enqueued(_CONTACT, left=given.value)
                if given.value == "waiting":
                    self._heard_by = self._taken
                return Enqueued(_CONTACT)
            case Phase.ESTIMATING:
                if given.value == "no_agents":
                    return Estimated(WaitEstimate())
                if given.expected_wait is None and isinstance(action, Queue) and action.no_match:
                    # Somebody is there who could take it, for the input doesn't say otherwise.
                    return Estimated(WaitEstimate(given.position, timedelta(0)))
                return Estimated(WaitEstimate(given.position, given.expected_wait))
            case Phase.CHECKING_CONTACT:
                if given.value == "nobody_staffed":
                    self._take()
                    return ContactChecked(False, given.value)
                if given.value == "no_agents":
                    self._take()
                missed = action.most_offers or DEFAULT_MOST_OFFERS if isinstance(action, Queue) else 0
                return ContactChecked(given.value != "no_agents", missed=missed if given.value == "no_answer" else 0)
            case Phase.DEQUEUEING:
                self._take()
                return Dequeued(True)
            case _:
                assert isinstance(turn.order, WaitInQueue)
                return self._wait_on(turn.order, waits.longest_wait(action), waiting)

    def _queue_outcomes(self, action: Queue | Transfer, phase: Phase) -> Waiting:
        possible = list(OUTCOMES[Kind.QUEUE])
        if waits.longest_wait(action) is None:
            possible.remove("max_wait")
        for outcome, way in (("no_answer", "no_answer"), ("agent_hung_up", "after_agent")):
            if not getattr(action, way, ""):
                possible.remove(outcome)
        # A queue never says that nobody is there once it has taken the caller; one agent may still not answer.
        alone = isinstance(action, Transfer) and action.to == "agent_id"
        watched = isinstance(action, Queue) and bool(action.no_match)
        if phase is not Phase.ENQUEUEING and not alone and not watched:
            possible.remove("no_agents")
        # Closed and full turn away whoever comes, and nobody else; that nobody is staffed ends a wait as well.
        for each in _TURNED_AWAY:
            if alone or (phase is not Phase.ENQUEUEING and each != "nobody_staffed"):
                possible.remove(each)
        return Waiting(self._state.step_id, (Kind.QUEUE,), tuple(possible))

    def _wait_on(self, order: WaitInQueue, longest: timedelta | None, waiting: Waiting) -> Event:
        if self._heard_by == self._taken:
            # What this one waited for was just heard.
            self._take()
        given = self._peek(waiting)
        if self._goes_on and (given.value == "abandoned" or given.kind == Kind.HANG_UP):
            self._take()
            return deeds.CallerLeft()
        if given.value == "agent_hung_up":
            self._take()
            self._now += _TALK if given.duration is None else given.duration
            action = self._action
            return deeds.AgentLeft(_CONTACT, _AGENT, action.queue_id if isinstance(action, Queue) else "")
        if given.value in ("answered", "abandoned"):
            self._take()
            end = End.ANSWERED if given.value == "answered" else End.HUNG_UP
            raise _Stop(end, mismatch=self._left_over(f"the call is {given.value} before this"))
        if given.value == "max_wait":
            assert longest is not None and self._state.queue_time is not None
            self._now = max(self._now, self._state.queue_time + longest)
        else:
            self._heard_by = self._taken if given.value == "waiting" else self._heard_by
            self._now += order.tick_interval
        return QueueTick()
