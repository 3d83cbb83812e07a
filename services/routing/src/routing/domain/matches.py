"""What the matcher proposes, with the reasons a supervisor may ask for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, islice
from typing import NamedTuple

from routing.domain import requirements
from routing.domain.contacts import Channel
from routing.domain.courses import ANYTIME, Stage
from routing.domain.ranking import USUALLY, Ranking, Ready
from routing.domain.requirements import Requirement
from routing.domain.rules import Strategy
from routing.domain.seen import NOBODY, Seen

TARGET, PREFERRED = "target_agent", "preferred_agent"
"""Rules beside the strategies: for one agent alone, and for one agent for a while."""
ALONE = (TARGET, PREFERRED)
RINGS_TOO = "rings_too"
"""Of an agent who wasn't the best and is offered it all the same."""
HELD_BACK = "held_back"
"""Of an agent who could take it, and takes nothing until they have room for what has its turn (fairness.py)."""
CANDIDATES = 20
"""Of those who may take a contact as many are in its trace at most, and as many of those who may not."""

EXAMINED = 64
"""Of those who were ready besides, as many are looked at for who may not take it."""


class Waiting(NamedTuple):
    """A contact that is QUEUED. `since` is in seconds since the epoch, `points` its priority; `asked` is what it
    brings itself; `target` the one agent it is for, empty for any; `preferred` who has it alone for `preferred_wait`
    seconds; `fired` says which of its queue's steps came by expected wait."""

    contact_id: str
    queue_id: str
    since: float
    points: float
    asked: Requirement
    version: int
    traceparent: str = ""
    target: str = ""
    preferred: str = ""
    preferred_wait: float = 0.0
    fired: int = 0
    callback: bool = False
    """Whether the customer waits to be called, and not on the telephone."""
    channel: Channel = Channel.VOICE


class Candidate(NamedTuple):
    """One agent weighed; `rejection` is empty for the one chosen, `score` None when a skill is missing; `value` is what
    the strategy WEIGHTED counted."""

    agent: Ready
    score: int | None
    rejection: str
    value: float = 0.0


class Match(NamedTuple):
    """A proposal: this contact to this agent, and what it was made from. `now` is in seconds since the epoch.
    `companions` are those of the weighed at whom it rings together with the agent; `held_back` have room for it, and
    wait for something else."""

    contact: Waiting
    agent: Ready
    rule: str
    stage: Stage = ANYTIME
    ranking: Ranking = USUALLY
    seen: Seen = NOBODY
    now: float = 0.0
    companions: tuple[Ready, ...] = ()
    held_back: tuple[Ready, ...] = ()

    @property
    def agents(self) -> tuple[Ready, ...]:
        """Everybody it is to ring at, the best first."""
        return (self.agent, *self.companions)

    @property
    def weighed(self) -> Sequence[tuple[Ready, int]]:
        """The best agents with their scores, best first."""
        return self.seen.weighed(CANDIDATES, self.ranking, self.stage.requirement)

    @property
    def candidates(self) -> list[Candidate]:
        """The trace: who was weighed and why not chosen, at most 20, then who could not be; as
        many again, those first who would have been but for another channel's turn."""
        found: list[Candidate] = []
        together = {each.agent_id for each in self.companions}
        weighed = self.weighed
        for agent, score in weighed:
            why = self.ranking.why_after(agent, score, *weighed[0]) if found else ""
            why = RINGS_TOO if agent.agent_id in together else why
            found.append(Candidate(agent, score, why, self._value(agent, score)))
        kept = (
            Candidate(agent, requirements.score(agent.skills, self.stage.requirement), HELD_BACK)
            for agent in self.held_back
            if agent.takes(self.contact.channel) and not self._why_not(agent)
        )
        # Those who were ready too but may not take it: what a supervisor asks about first.
        others = self.seen.others(EXAMINED)
        unfit = (Candidate(agent, None, why) for agent in others if (why := self._why_not(agent)))
        return found + list(islice(chain(kept, unfit), CANDIDATES))

    def _why_not(self, agent: Ready) -> str:
        return why_not(agent, self.stage, self.ranking, self.contact.target, self.contact.preferred)

    def _value(self, agent: Ready, score: int) -> float:
        if self.ranking.strategy != "WEIGHTED" or self.rule in ALONE:
            return 0.0
        return self.ranking.value(agent, score, self.now, self.contact.preferred)


def rings_along(weighed: Sequence[tuple[Ready, int]], most: int, spare: Sequence[Ready]) -> tuple[Ready, ...]:
    """Who rings together with the best of the agents weighed: up to `most` of the `spare` ones at a desk. Who is away
    rings alone."""
    return () if weighed[0][0].away else tuple(islice((each for each in spare if not each.away), most))


def rule_of(stage: Stage, ranking: Ranking) -> str:
    """What a match goes by that is for nobody alone."""
    if ranking.strategy is not Strategy.SKILLS:
        return ranking.strategy.lower()
    return "best_proficiency_then_idle" if requirements.skills_named(stage.requirement) else "longest_idle"


def why_not(agent: Ready, stage: Stage, ranking: Ranking, target: str = "", preferred: str = "") -> str:
    """Why an agent who is ready may not take a contact that has come to this stage; empty when they may."""
    if target:
        return "" if agent.agent_id == target else "not_the_target"
    if stage.at_desk and agent.away:
        return "away"
    if agent.agent_id in stage.members:
        return ""
    if stage.members == (preferred,):
        return "not_the_preferred"
    if agent.direct:
        return "away"
    if stage.members and agent.queue_ids.isdisjoint(stage.members):
        return "not_in_queue"
    if not ranking.lists(agent.agent_id, stage.levels):
        return "not_on_list" if agent.agent_id not in ranking.places else "later_level"
    return requirements.shortfall(agent.skills, stage.requirement)
