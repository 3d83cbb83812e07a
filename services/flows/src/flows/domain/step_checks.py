"""What is checked of steps that choose by themselves, look somebody up or ask for opinions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kernel.errors import InvalidInput
from kernel.skills import ANYBODY, Term, both, parsed, skill_finder

from flows.domain import circles
from flows.domain.asking import MOST, ChooseLanguage, Survey
from flows.domain.branching import WHOLE, Branch, CheckQueue, Split, Test
from flows.domain.choosing import QUEUE_NAMES
from flows.domain.customers import FindCustomer
from flows.domain.definitions import (
    ATTRIBUTE,
    BUILT_IN_ATTRIBUTES,
    CHANNELS,
    LANGUAGES,
    OWN_PREFIXES,
    CallbackOffer,
    Definition,
    Menu,
    Problem,
    Queue,
    SetAttribute,
    Severity,
    Step,
    expressions,
)
from flows.domain.entry import EntryRules, Rule
from flows.domain.expressions import ExpressionInvalid, parse
from flows.domain.findings import DIGITS, UNCHECKED, Found, References, error, input_limits, reference
from flows.domain.formulas import Type, check, compared_with, lists_in, names_in, typed
from flows.domain.subflows import MAX_DEPTH, TYPES, CallFlow, Parameter, circle, depth

MAX_SHARES = 20
MAX_BRANCHES = 50
_QUESTION = re.compile(r"[A-Za-z0-9_-]{1,40}")
_PREFERRED = ("", "last_agent", "account_owner", "attribute")


@dataclass(frozen=True)
class Scope:
    """What the expressions of a flow may name: attributes that its steps set, and what some steps add."""

    definition: Definition

    def knows(self, step: Step, name: str) -> bool:
        """Whether something gives a value to this name."""
        if name in BUILT_IN_ATTRIBUTES or name in self.definition.attributes:
            return True
        if isinstance(step.action, CheckQueue) and name in QUEUE_NAMES:
            return True
        return known_choice(self.definition, name)


def known_choice(definition: Definition, name: str) -> bool:
    """Whether a name is that of a menu's choice, of a survey's answer or of what is known of the agent before."""
    if name.startswith("menu."):
        step = definition.step(name[5:])
        return step is not None and isinstance(step.action, Menu)
    if name.startswith("survey."):
        return any(isinstance(each.action, Survey) and each.action.question_id == name[7:] for each in definition.steps)
    after = any(isinstance(each.action, Queue) and each.action.after_agent for each in definition.steps)
    return after and name in ("served.agent_id", "served.contact_id", "served.queue_id")


def expression_problems(definition: Definition, step: Step, known: References) -> Iterator[Problem]:
    """What is wrong with the expressions of a step, with the column."""
    scope = Scope(definition)
    names: Mapping[str, Type] = QUEUE_NAMES if isinstance(step.action, CheckQueue) else {}
    for field, text in expressions(step.action):
        wanted = None if isinstance(step.action, SetAttribute | CallFlow) else Type.BOOLEAN
        try:
            check(text, wanted, names)
        except ExpressionInvalid as wrong:
            message = f"At column {wrong.column}: {wrong.message}"
            yield Problem(step.step_id, field, Severity.ERROR, "EXPRESSION_INVALID", message, column=wrong.column)
            continue
        seen: set[str] = set()
        for name in names_in(text):
            if name.name not in seen and not scope.knows(step, name.name):
                message = f"No step sets {name.name}: it is empty unless the call brings it."
                yield Problem(
                    step.step_id, field, Severity.WARNING, "ATTRIBUTE_UNKNOWN", message, column=name.column
                )  # fmt: skip
            seen.add(name.name)
        for value in compared_with(text, "channel"):
            if value.value not in CHANNELS:
                message = f"No channel is called {value.value!r}: it is one of {', '.join(CHANNELS)}."
                yield Problem(
                    step.step_id, field, Severity.WARNING, "CHANNEL_UNKNOWN", message, column=value.column
                )  # fmt: skip
        for key in lists_in(text):
            if key.value not in known.number_lists:
                message = f"There is no number list with the key {key.value!r}: create it, or name another."
                yield Problem(
                    step.step_id, field, Severity.ERROR, "NUMBER_LIST_UNKNOWN", message, column=key.column
                )  # fmt: skip


def _split(split: Split, _: References) -> Iterator[Found]:
    if not 2 <= len(split.shares) <= MAX_SHARES:
        yield error("shares", "SHARES_INVALID", f"A split has 2 to {MAX_SHARES} shares.")
    counted = Counter(share.name.strip() for share in split.shares)
    for place, share in enumerate(split.shares):
        if not share.name.strip() or len(share.name) > 60:
            yield error(f"shares[{place}].name", "SHARE_UNNAMED", "Name the share, in up to 60 characters.")
        elif counted[share.name.strip()] > 1:
            yield error(f"shares[{place}].name", "NAME_DUPLICATE", f"Two shares are called {share.name!r}: rename one.")
        if not 1 <= share.percent <= WHOLE:
            yield error(f"shares[{place}].percent", "RANGE_INVALID", "A share is 1 to 100 per cent.")
    total = sum(share.percent for share in split.shares)
    if total != WHOLE:
        yield error("shares", "SHARES_INVALID", f"The shares sum to {total} per cent: make them {WHOLE}.")


def _branches(branches: Sequence[Branch]) -> Iterator[Found]:
    if not 1 <= len(branches) <= MAX_BRANCHES:
        yield error("branches", "BRANCHES_INVALID", f"It needs 1 to {MAX_BRANCHES} conditions.")
    for place, branch in enumerate(branches):
        if len(branch.name) > 60:
            yield error(f"branches[{place}].name", "RANGE_INVALID", "The name is longer than 60 characters.")


def _test(test: Test, _: References) -> Iterator[Found]:
    yield from _branches(test.branches)


def _check_queue(action: CheckQueue, known: References) -> Iterator[Found]:
    yield from reference("queue_id", action.queue_id, known.queues, "QUEUE")
    yield from _branches(action.branches)


def _entry_rules(action: EntryRules, known: References) -> Iterator[Found]:
    if not 1 <= len(action.rules) <= MAX_BRANCHES:
        yield error("rules", "BRANCHES_INVALID", f"It needs 1 to {MAX_BRANCHES} rules.")
    for place, rule in enumerate(action.rules):
        where = f"rules[{place}]"
        yield from reference(f"{where}.queue_id", rule.queue_id, known.queues, "QUEUE")
        yield from asked_problems(rule, known, f"{where}.")
        if len(rule.name) > 60:
            yield error(f"{where}.name", "RANGE_INVALID", "The name is longer than 60 characters.")


def asked_problems(asked: Queue | Rule | CallbackOffer, known: References, where: str = "") -> Iterator[Found]:
    """The priority and the skills of a queue step, a rule or an offer to call back."""
    for skill_id, proficiency in asked.skills.items():
        yield from reference(f"{where}skills[{skill_id}]", skill_id, known.skills, "SKILL")
        if not 1 <= proficiency <= 5:
            yield error(f"{where}skills[{skill_id}]", "RANGE_INVALID", "A proficiency is 1 to 5.")
    if not 0 <= asked.priority <= 9:
        yield error(f"{where}priority", "RANGE_INVALID", "A priority is 0 to 9.")


def requirement_problems(step: Step, known: References) -> Iterator[Problem]:
    """Whether the expressions of skills of entry rules can be read, and met in their queues."""
    rules = step.action.rules if isinstance(step.action, EntryRules) else ()
    for place, rule in enumerate(rules):
        if not rule.requirement.strip():
            continue
        where = f"rules[{place}].requirement"
        if known.skills is None:
            message = "Routing can't be reached, so the skills were not checked."
            yield Problem(step.step_id, where, Severity.WARNING, UNCHECKED, message)
            continue
        try:
            asked = parsed(rule.requirement, skill_finder(known.skills), where)
        except InvalidInput as wrong:
            said, column = wrong.fields[0].description, int(wrong.metadata.get("character", 0))
            message = f"The skills asked for can't be read: {said}."
            yield Problem(step.step_id, where, Severity.ERROR, "REQUIREMENT_INVALID", message, 0, column)
            continue
        listed = (tuple(sorted(Term(skill_id, least) for skill_id, least in rule.skills.items())),)
        if not both(asked, listed):
            message = "Nobody could ever have these skills and those of the list beside: change one of the two."
            yield Problem(step.step_id, where, Severity.ERROR, "REQUIREMENT_CONTRADICTS", message)
        elif not both(both(asked, listed), known.queues_ask.get(rule.queue_id, ANYBODY)):
            message = "Nobody could ever have these skills and those the queue asks for: change one of the two."
            yield Problem(step.step_id, where, Severity.ERROR, "REQUIREMENT_CONTRADICTS", message)


def by_rules_problems(
    definition: Definition, step: Step, around: Mapping[str, Sequence[str]]
) -> Iterator[Problem]:  # fmt: skip
    """Whether a queue step that waits by the rules has some on every way to it, and nothing beside them. `around` are
    the ways by which no rule chose, see `graph.around_rules`."""
    action = step.action
    if not isinstance(action, Queue) or not action.by_rules:
        return
    if not any(isinstance(each.action, EntryRules) for each in definition.steps):
        message = "No step of this flow has entry rules: add one before this, or choose the queue here."
        yield Problem(step.step_id, "by_rules", Severity.ERROR, "RULES_MISSING", message)
    elif step.step_id in around:
        way = " -> ".join(around[step.step_id])
        message = f"By the way {way} no entry rule chooses where to wait: put entry rules on it, or lead it elsewhere."
        yield Problem(step.step_id, "by_rules", Severity.ERROR, "RULES_BYPASSED", message)
    if action.queue_id or action.priority or action.skills:
        message = "The rules say queue, priority and skills: delete them here."
        yield Problem(step.step_id, "by_rules", Severity.ERROR, "VALUE_TWICE", message)


def _find_customer(action: FindCustomer, _: References) -> Iterator[Found]:
    if action.by not in ("number", "email", "attribute"):
        yield error("by", "LOOKUP_INVALID", "Choose what to look for: a number, an e-mail or an attribute.")
    if action.by == "attribute" and not 0 < len(action.attribute.strip()) <= 64:
        yield error("attribute", "LOOKUP_INVALID", "Name the customer's attribute, in up to 64 characters.")
    if action.by != "attribute" and action.attribute:
        yield error(
            "attribute", "LOOKUP_INVALID", "An attribute is named only when it is what is looked for: delete it."
        )
    if not action.value.strip():
        yield error("value", "LOOKUP_INVALID", "Write what to look for, such as {caller_number}.")
    for name, known in action.extract.items():
        if not known.strip():
            yield error(
                f"extract[{name}]", "LOOKUP_INVALID", "Name what is kept of the customer, such as display_name."
            )


def _choose_language(action: ChooseLanguage, _: References) -> Iterator[Found]:
    if not 2 <= len(action.choices) <= len(DIGITS):
        yield error("choices", "LANGUAGES_INVALID", "A choice of languages has at least two.")
    digits = Counter(choice.digit for choice in action.choices)
    languages = Counter(choice.language for choice in action.choices)
    for place, choice in enumerate(action.choices):
        field = f"choices[{place}]"
        if len(choice.digit) != 1 or choice.digit not in DIGITS:
            yield error(f"{field}.digit", "DIGIT_INVALID", "A digit is one of 0 to 9, * and #.")
        elif digits[choice.digit] > 1:
            yield error(f"{field}.digit", "DIGIT_DUPLICATE", f"Digit {choice.digit} stands for two: change one.")
        if choice.language not in LANGUAGES:
            yield error(f"{field}.language", "LANGUAGE_UNKNOWN", f"The language must be one of {', '.join(LANGUAGES)}.")
        elif languages[choice.language] > 1:
            yield error(f"{field}.language", "LANGUAGES_INVALID", f"{choice.language} is there twice: delete one.")
        elif not action.utterance.prompt_id and not action.utterance.text.get(choice.language, "").strip():
            message = f"Ask for {choice.language} in its own words: its speakers may know no other."
            yield error(f"utterance.text[{choice.language}]", "TEXT_MISSING", message)
    yield from input_limits(action.timeout, action.attempts)


def _survey(survey: Survey, _: References) -> Iterator[Found]:
    if not _QUESTION.fullmatch(survey.question_id):
        yield error("question_id", "QUESTION_INVALID", "Name the question by 1 to 40 letters, digits, _ and -.")
    if not 0 <= survey.lowest < survey.highest <= MOST:
        yield error(
            "highest", "RANGE_INVALID", f"The answers go from 0 or more up to {MOST}, the highest above the lowest."
        )
    yield from input_limits(survey.timeout, survey.attempts)


def _set_attribute(action: SetAttribute, _: References) -> Iterator[Found]:
    if action.expression and action.value:
        yield error("value", "VALUE_TWICE", "An expression is worked out in place of the value: delete one of them.")


def preferred_problems(queue: Queue) -> Iterator[Found]:
    """Who a queue step prefers, and its exits."""
    if queue.preferred not in _PREFERRED:
        yield error(
            "preferred", "PREFERRED_INVALID", "Prefer last_agent, account_owner, the agent of an attribute, or nobody."
        )
    if queue.preferred == "attribute":
        if not ATTRIBUTE.fullmatch(queue.preferred_attribute) or queue.preferred_attribute.startswith(OWN_PREFIXES):
            yield error("preferred_attribute", "PREFERRED_INVALID", "Name the attribute that holds the agent's id.")
    elif queue.preferred_attribute:
        yield error(
            "preferred_attribute", "PREFERRED_INVALID", "An attribute goes with preferring the agent of one: delete it."
        )
    if not 0 <= queue.most_offers <= 20:
        yield error("most_offers", "RANGE_INVALID", "At most 20 offers may come to nothing.")
    if queue.most_offers and not queue.no_answer:
        yield error("no_answer", "NEXT_MISSING", "Choose the step after so many offers came to nothing.")


def _call_flow(action: CallFlow, known: References) -> Iterator[Found]:
    other = known.called.get(action.flow_id)
    if other is None:
        yield error("flow_id", "FLOW_UNKNOWN", "Choose a flow that was published.")
        return
    inputs = {each.name: each for each in other.inputs}
    for name in action.inputs:
        if name not in inputs:
            yield error(f"inputs[{name}]", "PARAMETER_UNKNOWN", f"That flow has no input {name!r}: delete it.")
    for name, each in inputs.items():
        if each.required and name not in action.inputs:
            yield error(
                f"inputs[{name}]", "PARAMETER_MISSING", f"That flow needs {name} ({each.type}): say what it is."
            )
        elif name in action.inputs:
            yield from _type_problem(f"inputs[{name}]", action.inputs[name], each)
    for attribute, name in action.outputs.items():
        if all(each.name != name for each in other.outputs):
            yield error(f"outputs[{attribute}]", "PARAMETER_UNKNOWN", f"That flow has no output {name!r}: delete it.")


def _type_problem(field: str, text: str, parameter: Parameter) -> Iterator[Found]:
    try:
        kind = typed(parse(text), {})
    except ExpressionInvalid:
        return  # said with its column
    # A text may hold a number, a time or a yes; whether it does is seen in the call.
    if kind is not Type.TEXT and kind.value != parameter.type:
        yield error(field, "PARAMETER_TYPE", f"{parameter.name} is a {parameter.type}, and this gives a {kind}.")


def caller_problems(definition: Definition, known: References) -> Iterator[Found]:
    """Whether the flows that call this one would still get through it."""
    fresh = replace(known, called={known.flow_id: definition})
    for name, caller in known.callers:
        calls = [each for step in caller.steps if isinstance(each := step.action, CallFlow)]
        wrong = [f for each in calls if each.flow_id == known.flow_id for f in _call_flow(each, fresh)]
        if wrong:
            field = wrong[0][0]
            yield error(
                field.partition("[")[0], "CALLER_BREAKS",
                f"The flow {name!r} calls this one and its {field} would no longer fit, so that its calls go to its "
                "failed step: leave both ways open in this release, change that flow, then publish the rest.",
            )  # fmt: skip


def circle_problems(definition: Definition, known: References) -> Iterator[Found]:
    """Whether flows that are called would call this one again, or stand too deep."""
    own = known.flow_id or "this flow"
    calls = {each: _calls(other) for each, other in known.called.items()} | {own: _calls(definition)}
    if circle(calls, own) is not None:
        yield error(
            "steps", "FLOW_CIRCLE", "Flows that are called from here come back to one of themselves: cut the circle."
        )
    elif depth(calls, own) > MAX_DEPTH:
        yield error(
            "steps", "FLOW_TOO_DEEP", f"More than {MAX_DEPTH} flows stand one inside the other: put some into one."
        )


def hand_on_circles(definition: Definition, known: References) -> Iterator[tuple[str, str]]:
    """Steps by which calls would be handed on in a circle in which nobody is waited for, see `circles.handed_round`;
    nothing where flows that are called make a circle anyway."""
    own = known.flow_id or "this flow"
    calls = {each: _calls(other) for each, other in known.called.items()} | {own: _calls(definition)}
    if circle(calls, own) is None:
        yield from circles.handed_round(definition, known.called, own)


def _calls(definition: Definition) -> list[str]:
    return [each.action.flow_id for each in definition.steps if isinstance(each.action, CallFlow)]


def parameter_problems(definition: Definition) -> Iterator[Found]:
    """Whether what goes into a flow and comes out of it has names and types."""
    for field, parameters in (("inputs", definition.inputs), ("outputs", definition.outputs)):
        counted = Counter(each.name for each in parameters)
        for place, each in enumerate(parameters):
            where = f"{field}[{place}]"
            if not ATTRIBUTE.fullmatch(each.name) or (field == "inputs" and _given_by_call(each.name)):
                yield error(
                    f"{where}.name", "ATTRIBUTE_INVALID", "Name it like an attribute that no call brings by itself."
                )
            elif counted[each.name] > 1:
                yield error(f"{where}.name", "NAME_DUPLICATE", f"{each.name} is there twice: rename one.")
            if each.type not in TYPES:
                yield error(f"{where}.type", "PARAMETER_TYPE", f"A type is one of {', '.join(TYPES)}.")


def _given_by_call(name: str) -> bool:
    return name in BUILT_IN_ATTRIBUTES or name.startswith(OWN_PREFIXES)


CHECKS: dict[type, Callable[..., Iterator[Found]]] = {
    Split: _split, Test: _test, CheckQueue: _check_queue, FindCustomer: _find_customer,
    ChooseLanguage: _choose_language, Survey: _survey, CallFlow: _call_flow, EntryRules: _entry_rules,
    SetAttribute: _set_attribute,
}  # fmt: skip
