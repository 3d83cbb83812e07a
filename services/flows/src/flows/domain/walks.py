"""One turn of a run in the making: where it stands, what it says, and how it goes from step to step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from flows.domain import speech
from flows.domain.deeds import Answered, ListsSeen, LookInLists
from flows.domain.definitions import IMPERSONAL_ATTRIBUTES, PLACEHOLDER, Definition, Step, Utterance, expressions
from flows.domain.formulas import asked_lists
from flows.domain.gone import silent
from flows.domain.orders import Audio, EndCall, Order
from flows.domain.runs import MASK, MAX_ATTRIBUTE_LENGTH, MAX_ATTRIBUTES, ContactKind, Effect, Phase, RunState, Trail

MAX_SILENT_STEPS = 100
"""Steps in one turn without an order, effects between them or not: more is a loop that validation could not see."""
MAX_STEPS = 2000
"""Steps in one run: a caller who never presses anything must not hold a line for ever."""
MAX_STEPS_AFTER_AGENT = 200
"""Of those, steps after an agent has left: whoever put the receiver aside then doesn't hang up."""
CONSULT_FAILED = "CONSULT_FAILED"
"""Cause that ends a consult and not the call."""

Enter = Mapping[type, Callable[[Any, Any], "Turn | str"]]
"""What entering a step does: a turn that waits for somebody, or the id of the step to go on with."""

Leave = Callable[[Any], "Turn"]
"""What the end of a flow does that was called by another."""


@dataclass(frozen=True)
class Entered:
    """A step was entered: with which attributes, and how many of the turn's notes were written before."""

    step_id: str
    attributes: Mapping[str, str] = field(repr=False)
    notes: int


@dataclass(frozen=True)
class Turn:
    """What came of an event: the state after it, exactly one of order and effect, and the steps taken."""

    state: RunState
    order: Order | None
    effect: Effect | None
    trail: tuple[Trail, ...]
    entered: tuple[Entered, ...] = ()
    answers: tuple[Answered, ...] = ()
    comment: timedelta = timedelta(0)
    """How long the caller spoke to a mailbox in it."""


def fill(text: str, values: Mapping[str, str], escape: Callable[[str], str] = str) -> str:
    """`text` with each `{name}` replaced by its value; a name without one becomes nothing."""
    return PLACEHOLDER.sub(lambda match: escape(values.get(match[1], "")), text)


class Walk:
    """One turn in the making. Its methods end with an order or an effect."""

    def __init__(self, run_id: str, definition: Definition, state: RunState, now: datetime, enter: Enter, leave: Leave):
        self._enter = enter
        self._leave = leave
        self.run_id = run_id
        self.definition = definition
        self.state = state
        self.now = now
        self.trail: list[Trail] = []
        self.entered: list[Entered] = []
        self.answers: list[Answered] = []
        self.comment = timedelta(0)

    def note(self, outcome: str) -> None:
        """Write down what happened at the current step."""
        self.trail.append(Trail(self.state.step_id, outcome))

    def order(self, phase: Phase, order: Order) -> Turn:
        """End the turn with something for telephony to do."""
        self.state = replace(self.state, phase=phase, ordered=self.state.entered, listed=())
        return self._turn(order, None)

    def effect(self, phase: Phase, effect: Effect) -> Turn:
        """End the turn with something to be done outside."""
        self.state = replace(self.state, phase=phase)
        return self._turn(None, effect)

    def _turn(self, order: Order | None, effect: Effect | None) -> Turn:
        return Turn(
            self.state, order, effect, tuple(self.trail), tuple(self.entered), tuple(self.answers), self.comment
        )

    def end(self, sentence: str = "", cause: str = "FLOW_ENDED", audio: tuple[Audio, ...] = ()) -> Turn:
        """End the run, with a fixed sentence or the flow's own words. Whoever was only asked for by a colleague is told
        nothing, and neither is the customer."""
        if self.state.origin.contact_kind is ContactKind.CONSULT:
            return self.order(Phase.ENDED, EndCall((), CONSULT_FAILED))
        if self.state.gone:
            return self.order(Phase.ENDED, EndCall((), cause))
        if sentence:
            text, language = speech.sentence(sentence, self.state.language)
            audio = (Audio(text=text, language=language),)
        return self.order(Phase.ENDED, EndCall(audio, cause))

    @property
    def request_id(self) -> str:
        """Names this visit of this step, the same when the turn is repeated."""
        return f"{self.run_id}:{self.state.step_id}:{self.state.entered}"

    @property
    def step(self) -> Step:
        """The step the run stands at; a pinned release has it."""
        found = self.definition.step(self.state.step_id)
        assert found is not None
        return found

    def put(self, name: str, value: str, *, secret: bool = False) -> None:
        """Set an attribute, cut to its limits; a secret one shows as a mask."""
        attributes, secrets = dict(self.state.attributes), dict(self.state.secrets)
        secrets.pop(name, None)
        if name not in attributes and len(attributes) >= MAX_ATTRIBUTES:
            self.note("attribute dropped: too many")
            return
        if secret:
            secrets[name] = value[:MAX_ATTRIBUTE_LENGTH]
        attributes[name] = MASK if secret else value[:MAX_ATTRIBUTE_LENGTH]
        self.state = replace(self.state, attributes=attributes, secrets=secrets)

    def hear(self, said: Utterance, wanted: str = "") -> tuple[Audio, ...]:
        """What the caller hears: the prompt, the language that is wanted, else the run's, else the flow's, else any
        that has text."""
        if said.prompt_id:
            return (Audio(prompt_id=said.prompt_id),)
        for language in (wanted, self.state.language, self.definition.language, *said.text):
            if said.text.get(language, "").strip():
                template = said.text[language]
                personal = not IMPERSONAL_ATTRIBUTES.issuperset(PLACEHOLDER.findall(template))
                return (Audio(fill(template, self.state.attributes), language=language, personal=personal),)
        return ()

    def go(self, step_id: str) -> Turn:
        """Enter a step, and those after it, until one needs somebody."""
        while step_id:
            step = self.definition.step(step_id)
            self.state = replace(self.state, step_id=step_id, entered=self.state.entered + 1, attempt=0, listed=())
            self.entered.append(Entered(step_id, self.state.attributes, len(self.trail)))
            if step is None or step.action is None or self._too_far():
                return self._stop()
            if self.state.gone and not silent(step.action):
                self.note("nobody is on the line any more")
                return self.end()
            asked = {
                each
                for _, text in expressions(step.action)
                for each in asked_lists(text, self.state.attributes, self.now)
            }
            if asked:
                return self.effect(Phase.LOOKING_IN_LISTS, LookInLists(frozenset(asked)))
            outcome = self._enter[type(step.action)](self, step.action)
            if isinstance(outcome, Turn):
                return outcome
            step_id = outcome
        # Whoever is gone doesn't come back to the flow that called this one.
        return self._leave(self) if self.state.frames and not self.state.gone else self.end()

    def seen(self, event: ListsSeen) -> Turn:
        """Go on into the step that asked about lists."""
        self.state = replace(self.state, listed=event.listed)
        assert self.step.action is not None
        outcome = self._enter[type(self.step.action)](self, self.step.action)
        return outcome if isinstance(outcome, Turn) else self.go(outcome)

    def _too_far(self) -> bool:
        return self._most_taken() or self.state.entered - self.state.ordered > MAX_SILENT_STEPS

    def _most_taken(self) -> bool:
        served = self.state.served
        after = self.state.entered - served.entered if served is not None else 0
        return self.state.entered > MAX_STEPS or after > MAX_STEPS_AFTER_AGENT

    def _stop(self) -> Turn:
        self.note("stopped: too many steps" if self._most_taken() else "stopped: endless loop")
        return self.end("failed", "FLOW_FAILED")
