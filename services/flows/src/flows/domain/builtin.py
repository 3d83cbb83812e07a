"""Flows nobody has to draw: where a call goes that an agent hands on, or asks a colleague about, and how a customer
waits who was called back before an agent was asked.

A run of one is pinned to its release id like any other; the definition follows from that id and from where the call was
sent. A released meaning never changes: another one gets another id.
"""

from __future__ import annotations

from flows.domain import speech
from flows.domain.definitions import Definition, HangUp, Queue, Say, Step, Transfer, Utterance, Voicemail
from flows.domain.runs import ContactKind, HandedOn

PREFIX = "builtin:"
QUEUE, AGENT, VOICEMAIL, CONSULT = "builtin:queue", "builtin:agent", "builtin:voicemail", "builtin:consult"
CALLBACK = "builtin:callback"
AGENT_THEN_QUEUE, AGENT_THEN_END = "builtin:agent_then_queue", "builtin:agent_then_end"

_MAILBOXES = {"voicemail_of_agent_id": "agent_id", "voicemail_of_queue_id": "queue_id"}


def release_of(origin: HandedOn) -> str:
    """The release id for where the call was sent."""
    if origin.to in _MAILBOXES:
        return VOICEMAIL
    if origin.contact_kind is ContactKind.CONSULT:
        return CONSULT
    if origin.to != "agent_id":
        return CALLBACK if origin.waiting_contact_id else QUEUE
    if origin.otherwise_queue_id:
        return AGENT_THEN_QUEUE
    return AGENT_THEN_END if origin.otherwise_end else AGENT


def definition_of(release_id: str, origin: HandedOn) -> Definition:
    """What such a run does. One agent is waited for, then whoever handed the call on, then there is a message to
    leave, unless it was said what follows instead; a queue is waited in for as long as it takes."""
    if release_id == VOICEMAIL:
        return _definition(_voicemail(_MAILBOXES[origin.to], origin.target))
    if release_id == CONSULT:
        return _definition(_transfer("consult", origin, origin.to, origin.target, ""))
    if release_id == QUEUE:
        return _definition(Step("queue", "", Queue(origin.target)))
    if release_id == CALLBACK:
        greeting = Utterance(speech.in_every_language("called_back"), origin.greeting_prompt_id)
        return _definition(Step("greeting", "", Say(greeting, "queue")), Step("queue", "", Queue(origin.target)))
    if release_id == AGENT_THEN_QUEUE:
        wait = _transfer("agent", origin, "agent_id", origin.target, "queue")
        return _definition(wait, Step("queue", "", Queue(origin.otherwise_queue_id)))
    if release_id == AGENT_THEN_END:
        wait = _transfer("agent", origin, "agent_id", origin.target, "end")
        return _definition(wait, Step("end", "", HangUp(Utterance(speech.in_every_language("nobody_free")))))
    back = origin.return_agent_id if origin.return_agent_id != origin.target else ""
    steps = [_transfer("agent", origin, "agent_id", origin.target, "back" if back else "voicemail")]
    if back:
        steps.append(_transfer("back", origin, "agent_id", back, "voicemail"))
    return _definition(*steps, _voicemail("agent_id", origin.target))


def _definition(*steps: Step) -> Definition:
    return Definition(steps[0].step_id, steps, "en")


def _transfer(step_id: str, origin: HandedOn, to: str, target: str, failed: str) -> Step:
    timeout = origin.max_wait if to == "agent_id" else None
    return Step(step_id, "", Transfer(to, target, timeout=timeout, failed=failed))


def _voicemail(mailbox: str, owner: str) -> Step:
    greeting = Utterance(speech.in_every_language("leave_message"))
    return Step("voicemail", "", Voicemail(greeting, mailbox, owner))
