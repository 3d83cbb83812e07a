"""FindMeService: where agents' calls ring besides the desk."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from chassis.auth import principal
from chassis.hours import intervals_in, intervals_out
from chassis.instants import duration_out, time_out
from kernel.errors import Forbidden, InvalidInput
from kernel.ids import is_id, require_id
from merkez.telephony.v1 import find_me_pb2, find_me_service_pb2, find_me_service_pb2_grpc

from telephony.domain import dialing
from telephony.domain import find_me as rules
from telephony.domain.find_me import FindMe, Resort, ResortKind, Step, When
from telephony.live.house import House
from telephony.ops import find_me as ops
from telephony.ops import outbound

_WHEN = {when: find_me_pb2.FindMeWhen.Value(f"FIND_ME_WHEN_{when.value}") for when in When}
_WHEN_OF = {number: when for when, number in _WHEN.items()}


class FindMeHandlers(find_me_service_pb2_grpc.FindMeServiceServicer):
    """FindMeService. Asks tenancy for the company's numbers and routing for agents and queues before it writes."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def GetMyFindMe(self, request: find_me_service_pb2.GetMyFindMeRequest, context: Any) -> find_me_pb2.FindMe:
        return await self._get(_myself())

    async def UpdateMyFindMe(
        self, request: find_me_service_pb2.UpdateMyFindMeRequest, context: Any
    ) -> find_me_pb2.FindMe:
        return await self._update(_myself(), request.find_me, request.version)

    async def GetFindMe(self, request: find_me_service_pb2.GetFindMeRequest, context: Any) -> find_me_pb2.FindMe:
        agent_id = require_id("usr", request.agent_id, "agent_id")
        await self._house.routing.check_agent(principal().tenant_id, agent_id)
        return await self._get(agent_id)

    async def UpdateFindMe(self, request: find_me_service_pb2.UpdateFindMeRequest, context: Any) -> find_me_pb2.FindMe:
        agent_id = require_id("usr", request.find_me.agent_id, "find_me.agent_id")
        await self._house.routing.check_agent(principal().tenant_id, agent_id)
        return await self._update(agent_id, request.find_me, request.version)

    async def _get(self, agent_id: str) -> find_me_pb2.FindMe:
        db = self._house.db
        return find_me_out(await db.run(principal().tenant_id, lambda tx: ops.get(tx, agent_id), read_only=True))

    async def _update(self, agent_id: str, given: find_me_pb2.FindMe, version: int) -> find_me_pb2.FindMe:
        tenant_id, now = principal().tenant_id, self._house.now()
        wanted = find_me_in(agent_id, given)
        rules.check(wanted)
        wanted = await self._dialable(tenant_id, wanted)
        await self._check_resort(tenant_id, wanted.resort)
        stored = await self._house.db.run(tenant_id, lambda tx: ops.replace(tx, wanted, version, now))
        return find_me_out(stored)

    async def _dialable(self, tenant_id: str, wanted: FindMe) -> FindMe:
        """The setting with numbers in E.164 that the company's rules let calls go to."""
        if not any(step.numbers for step in wanted.steps):
            return wanted
        house = self._house
        numbers = await house.tenancy.caller_numbers(tenant_id, "")
        dialer, _ = await house.db.system(
            lambda tx: outbound.situation(tx, tenant_id, numbers.to_show, house.now()), read_only=True
        )

        def dialled(typed: str, field: str) -> str:
            try:
                destination = dialing.where(typed, dialer, numbers.default)
            except dialing.NumberInvalid as error:
                raise InvalidInput.of(
                    field, "must be a telephone number; with its country code it is always clear"
                ) from error
            dialing.check_allowed(destination, dialer.rules)
            return destination.number

        steps = [
            replace(
                step,
                numbers=tuple(
                    dialled(typed, f"find_me.steps[{place}].numbers[{which}]")
                    for which, typed in enumerate(step.numbers)
                ),
            )
            for place, step in enumerate(wanted.steps)
        ]
        return rules.check(replace(wanted, steps=tuple(steps)), numbers.numbers)

    async def _check_resort(self, tenant_id: str, resort: Resort | None) -> None:
        if resort is not None and resort.kind is ResortKind.AGENT:
            await self._house.routing.check_agent(tenant_id, resort.target)
        elif resort is not None and resort.kind is ResortKind.QUEUE:
            await self._house.routing.has_queue(tenant_id, resort.target)


def find_me_out(found: FindMe) -> find_me_pb2.FindMe:
    """The setting as its agent and their supervisors see it."""
    message = find_me_pb2.FindMe(
        agent_id=found.agent_id,
        when=_WHEN[found.when],
        desk_duration=duration_out(found.desk_ring) if found.desk_ring else None,
        steps=[
            find_me_pb2.FindMeStep(
                desk_phones=step.desk_phones,
                numbers=step.numbers,
                ring_duration=duration_out(step.ring),
                hours=intervals_out(step.hours),
            )
            for step in found.steps
        ],
        queue_calls=found.queue_calls,
        language=found.language,
        time_zone=found.time_zone,
        update_time=time_out(found.update_time),
        version=found.version,
    )
    match found.resort:
        case Resort(ResortKind.AGENT, target):
            message.forward_agent_id = target
        case Resort(ResortKind.QUEUE, target):
            message.forward_queue_id = target
        case Resort(ResortKind.VOICEMAIL):
            message.voicemail = True
        case _:
            pass
    return message


def find_me_in(agent_id: str, given: find_me_pb2.FindMe) -> FindMe:
    """What a request says, numbers as they were typed. InvalidInput."""
    when = _WHEN_OF.get(given.when)
    if when is None:
        raise InvalidInput.of("find_me.when", "is required")
    return FindMe(
        agent_id=agent_id,
        when=when,
        desk_ring=given.desk_duration.ToTimedelta(),
        steps=tuple(map(_step_in, given.steps)),
        queue_calls=given.queue_calls,
        resort=_resort_in(agent_id, given),
        language=given.language,
        time_zone=given.time_zone,
    )


def _step_in(given: find_me_pb2.FindMeStep) -> Step:
    ring = _whole(given.ring_duration.ToTimedelta())
    return Step(ring, given.desk_phones, tuple(given.numbers), intervals_in(given.hours))


def _resort_in(agent_id: str, given: find_me_pb2.FindMe) -> Resort | None:
    match given.WhichOneof("last_resort"):
        case "forward_agent_id":
            return Resort(ResortKind.AGENT, require_id("usr", given.forward_agent_id, "find_me.forward_agent_id"))
        case "forward_queue_id":
            return Resort(ResortKind.QUEUE, require_id("que", given.forward_queue_id, "find_me.forward_queue_id"))
        case "voicemail" if given.voicemail:
            return Resort(ResortKind.VOICEMAIL, agent_id)
        case _:
            return None


def _whole(ring: timedelta) -> timedelta:
    return timedelta(seconds=round(ring.total_seconds()))


def _myself() -> str:
    who = principal()
    if not is_id("usr", who.subject):
        raise Forbidden("an API key has no telephones of its own: name the agent")
    return who.subject
