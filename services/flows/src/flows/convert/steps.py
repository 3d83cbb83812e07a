"""Steps that choose, look up or ask for opinions between the contract's messages and the domain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from chassis.instants import duration_in, duration_out
from merkez.flows.v1 import flow_pb2 as pb

from flows.domain.asking import ChooseLanguage, LanguageChoice, Survey, Utterance
from flows.domain.branching import Branch, CheckQueue, Share, Split, Test
from flows.domain.customers import FindCustomer
from flows.domain.entry import EntryRules, Rule
from flows.domain.subflows import CallFlow, Parameter


def utterance_from(message: pb.Utterance) -> Utterance:
    """What is said."""
    return Utterance(dict(message.text), message.prompt_id)


def to_utterance(said: Utterance) -> pb.Utterance | None:
    """What is said, as clients read it; None for nothing."""
    if not said.text and not said.prompt_id:
        return None
    return pb.Utterance(text=dict(said.text), prompt_id=said.prompt_id)


def parameters_from(messages: Iterable[pb.Parameter]) -> tuple[Parameter, ...]:
    """What goes into a flow or comes out of it."""
    return tuple(Parameter(each.name, each.type, each.required) for each in messages)


def to_parameters(parameters: Sequence[Parameter]) -> list[pb.Parameter]:
    """As clients read them."""
    return [pb.Parameter(name=each.name, type=each.type, required=each.required) for each in parameters]


def _branches_from(messages: Iterable[pb.Branch]) -> tuple[Branch, ...]:
    return tuple(Branch(each.name, each.condition, each.next) for each in messages)


def _to_branches(branches: Sequence[Branch]) -> list[pb.Branch]:
    return [pb.Branch(name=each.name, condition=each.condition, next=each.next) for each in branches]


def _language_from(m: pb.ChooseLanguage) -> ChooseLanguage:
    choices = tuple(LanguageChoice(each.digit, each.language) for each in m.choices)
    return ChooseLanguage(
        utterance_from(m.utterance), choices, duration_in(m, "timeout"), m.attempts, m.next, m.no_match
    )


def _survey_from(m: pb.Survey) -> Survey:
    return Survey(
        utterance_from(m.utterance), m.question_id, m.lowest, m.highest, duration_in(m, "timeout"), m.attempts,
        utterance_from(m.invalid), m.next, m.no_match,
    )  # fmt: skip


FROM: Mapping[str, Callable[[Any], Any]] = {
    "split": lambda m: Split(tuple(Share(each.name, each.percent, each.next) for each in m.shares)),
    "test": lambda m: Test(_branches_from(m.branches), m.otherwise),
    "check_queue": lambda m: CheckQueue(m.queue_id, _branches_from(m.branches), m.otherwise, m.failed),
    "find_customer": lambda m: FindCustomer(
        m.by, m.attribute, m.value, dict(m.extract), m.next, m.not_found, m.several, m.failed
    ),
    "call_flow": lambda m: CallFlow(m.flow_id, dict(m.inputs), dict(m.outputs), m.next, m.failed),
    "entry_rules": lambda m: EntryRules(
        tuple(
            Rule(each.name, each.condition, each.queue_id, each.priority, dict(each.skills), each.requirement)
            for each in m.rules
        ),
        m.next,
        m.otherwise,
    ),
    "choose_language": _language_from,
    "survey": _survey_from,
}
"""By the field of a step's kind."""


def put(made: pb.Step, action: Any) -> None:
    """Put such an action into a step's message."""
    match action:
        case Split(shares):
            made.split.shares.extend(pb.Share(name=e.name, percent=e.percent, next=e.next) for e in shares)
            made.split.SetInParent()
        case Test(branches, otherwise):
            made.test.CopyFrom(pb.Test(branches=_to_branches(branches), otherwise=otherwise))
        case CheckQueue(queue_id, branches, otherwise, failed):
            made.check_queue.CopyFrom(
                pb.CheckQueue(
                    queue_id=queue_id, branches=_to_branches(branches), otherwise=otherwise, failed=failed
                )
            )  # fmt: skip
        case FindCustomer():
            made.find_customer.CopyFrom(
                pb.FindCustomer(
                    by=action.by,
                    attribute=action.attribute,
                    value=action.value,
                    extract=dict(action.extract),
                    next=action.next,
                    not_found=action.not_found,
                    several=action.several,
                    failed=action.failed,
                )
            )
        case ChooseLanguage():
            made.choose_language.CopyFrom(
                pb.ChooseLanguage(
                    utterance=to_utterance(action.utterance),
                    choices=[pb.LanguageChoice(digit=e.digit, language=e.language) for e in action.choices],
                    timeout=duration_out(action.timeout),
                    attempts=action.attempts,
                    next=action.next,
                    no_match=action.no_match,
                )
            )
        case Survey():
            made.survey.CopyFrom(
                pb.Survey(
                    utterance=to_utterance(action.utterance),
                    question_id=action.question_id,
                    lowest=action.lowest,
                    highest=action.highest,
                    timeout=duration_out(action.timeout),
                    attempts=action.attempts,
                    invalid=to_utterance(action.invalid),
                    next=action.next,
                    no_match=action.no_match,
                )
            )
        case CallFlow(flow_id, inputs, outputs, following, failed):
            made.call_flow.CopyFrom(
                pb.CallFlow(
                    flow_id=flow_id, inputs=dict(inputs), outputs=dict(outputs), next=following, failed=failed
                )
            )  # fmt: skip
        case EntryRules(rules, following, otherwise):
            made.entry_rules.CopyFrom(pb.EntryRules(next=following, otherwise=otherwise))
            for each in rules:
                made.entry_rules.rules.add(
                    name=each.name, condition=each.condition, queue_id=each.queue_id, priority=each.priority,
                    skills=dict(each.skills), requirement=each.requirement,
                )  # fmt: skip
        case _:
            raise AssertionError(f"no message for {type(action).__name__}")
