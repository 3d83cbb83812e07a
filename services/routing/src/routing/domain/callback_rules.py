"""How a queue calls customers back: when it offers to, how often and how long it tries, what a machine hears."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from kernel.ids import require_id

from routing.domain.faults import fault, lengths_wrong, number_fault, together

MOST_ATTEMPTS = 10
LONGEST_AHEAD = timedelta(days=30)
"""How far ahead a callback may be asked for."""


class CallOrder(StrEnum):
    """Who is rung first when an agent is free."""

    AGENT_FIRST = "AGENT_FIRST"
    CUSTOMER_FIRST = "CUSTOMER_FIRST"
    """The agent is kept meanwhile, and offered the customer once they have answered."""


class OnMachine(StrEnum):
    """What follows when a machine answers."""

    HANG_UP = "HANG_UP"
    LEAVE_MESSAGE = "LEAVE_MESSAGE"
    """The last attempt plays a message; those before it hang up."""
    CONNECT = "CONNECT"
    """Nobody listens for machines."""


@dataclass(frozen=True)
class CallbackRules:
    """A queue's rules for callbacks. Whoever has to wait `offer_over` or longer is offered one; it is tried `attempts`
    times, `retry_after` apart, and given up `time_to_live` after it was due. Without hours it is tried at any time. Who
    is rung before an agent is rung for `ring_timeout`, and greeted with the prompt, or a sentence."""

    offer_over: timedelta = timedelta(minutes=2)
    attempts: int = 3
    retry_after: timedelta = timedelta(minutes=15)
    time_to_live: timedelta = timedelta(days=1)
    on_machine: OnMachine = OnMachine.HANG_UP
    message_prompt_id: str = ""
    business_hours_id: str = ""
    order: CallOrder = CallOrder.AGENT_FIRST
    ring_timeout: timedelta = timedelta(seconds=30)
    greeting_prompt_id: str = ""

    def on_machine_at(self, attempts_before: int) -> OnMachine:
        """What follows at the attempt after so many: a message is left by the last one alone."""
        last = attempts_before + 1 >= self.attempts
        return OnMachine.HANG_UP if self.on_machine is OnMachine.LEAVE_MESSAGE and not last else self.on_machine

    def offers(self, expected_wait: timedelta | None) -> bool:
        """Whether somebody who would wait so long is offered a callback; None when it can't be told."""
        return expected_wait is None or expected_wait >= self.offer_over


USUAL_CALLBACKS = CallbackRules()


def check_callback_rules(rules: CallbackRules, field: str) -> CallbackRules:
    """The rules when they can work; InvalidInput naming each field that can't."""
    bounds = (
        (f"{field}.offer_over", rules.offer_over, timedelta(0), timedelta(days=1)),
        (f"{field}.retry_after", rules.retry_after, timedelta(minutes=1), timedelta(days=1)),
        (f"{field}.time_to_live", rules.time_to_live, timedelta(minutes=5), LONGEST_AHEAD),
        (f"{field}.ring_timeout", rules.ring_timeout, timedelta(seconds=10), timedelta(seconds=60)),
    )
    wrong = lengths_wrong(bounds)
    if not 1 <= rules.attempts <= MOST_ATTEMPTS:
        wrong.append(number_fault(f"{field}.attempts", 1, MOST_ATTEMPTS))
    if rules.on_machine is OnMachine.LEAVE_MESSAGE and not rules.message_prompt_id:
        wrong.append(fault("PROMPT_MISSING", f"{field}.message_prompt_id", "is required to leave a message"))
    if rules.greeting_prompt_id and rules.order is not CallOrder.CUSTOMER_FIRST:
        at = f"{field}.greeting_prompt_id"
        wrong.append(fault("CUSTOMER_FIRST_ONLY", at, "goes with order CUSTOMER_FIRST only"))
    if wrong:
        raise together(wrong)
    for prompt_id, name in (
        (rules.message_prompt_id, "message_prompt_id"), (rules.greeting_prompt_id, "greeting_prompt_id"),
    ):  # fmt: skip
        if prompt_id:
            require_id("prm", prompt_id, f"{field}.{name}")
    if rules.business_hours_id:
        require_id("hrs", rules.business_hours_id, f"{field}.business_hours_id")
    return rules


def require_time_for_attempts(rules: CallbackRules, field: str) -> None:
    """InvalidInput when a callback that is answered by nobody expires before its last attempt is due, however fast its
    agents are. Asked for apart from the rest: queues of before may hold such rules, and go on with fewer attempts."""
    takes = rules.retry_after * (rules.attempts - 1)
    if takes >= rules.time_to_live:
        raise fault(
            "LAST_ATTEMPT_LOST", f"{field}.time_to_live",
            f"must be longer than {takes.total_seconds():g} seconds: attempt {rules.attempts} is due so long after the "
            "first, and would never be made",
            over_seconds=int(takes.total_seconds()), attempt=rules.attempts,
        )  # fmt: skip
