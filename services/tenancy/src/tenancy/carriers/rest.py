"""A carrier that speaks REST and JSON, as most porting APIs do: bearer token, idempotency keys, problems as JSON.

What differs from carrier to carrier are names; they stand together in `_STATES` and in the bodies below. Nothing is
tried again in here: `porter` asks again later, so a call that hangs holds up one order for `timeout` seconds and no
more.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
from chassis.telemetry import log

from tenancy.carriers.port import CarrierAway, CarrierRefused, OutRequest, Submission
from tenancy.domain.emergency import CivicAddress
from tenancy.domain.port_orders import PortNumber
from tenancy.domain.porting import EXCEPTIONS, Standing

_STATES = {
    "submitted": "SUBMITTED",
    "pending": "SUBMITTED",
    "foc-confirmed": "ACCEPTED",
    "activation-in-progress": "ACCEPTED",
    "exception": "REFUSED",
    "ported": "ACTIVATED",
    "cancelled": "CANCELLED",
}
_PORTABLE = {"full": "FULL", "voice-only": "VOICE_ONLY", "none": "NONE"}
_OUT_STATES = {"requested": "REQUESTED", "completed": "COMPLETED", "withdrawn": "WITHDRAWN"}
_LATER = frozenset({408, 425, 429})
_MAX_NOTE = 500


class RestCarrier:
    """The carrier at `base_url`."""

    def __init__(self, base_url: str, token: Callable[[], str], timeout: float = 10.0) -> None:
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/") + "/",
            headers={"Accept": "application/json"},
            timeout=timeout,
            follow_redirects=False,
        )
        self._token = token

    async def check_portability(self, numbers: Sequence[str]) -> Sequence[PortNumber]:
        answer = await self._ask("POST", "portability-checks", {"phone_numbers": list(numbers)})
        found = {each.get("phone_number"): each for each in _list(answer, "results")}
        return [_verdict(each, found.get(each)) for each in numbers]

    async def submit(self, submission: Submission) -> str:
        details = submission.details
        body = {
            "client_reference": submission.key,
            "channel": submission.channel.lower(),
            "phone_numbers": list(submission.numbers),
            "requested_date": submission.wanted_date.isoformat(),
            "losing_carrier": details.losing_carrier,
            "account_number": details.account_number,
            "pin": details.account_pin,
            "authorized_person": details.authorized_person,
            "address": asdict(details.address),
            "replaces": submission.replaces,
            "documents": [
                {
                    "type": each.kind.lower(),
                    "name": each.file_name,
                    "content_type": each.media_type,
                    "content": base64.b64encode(each.content).decode(),
                }
                for each in submission.files
            ],
        }
        answer = await self._ask("POST", "port-orders", body, key=submission.key)
        carrier_ref = answer.get("id")
        if not isinstance(carrier_ref, str) or not carrier_ref:
            raise CarrierAway("the carrier's answer names no order")
        return carrier_ref

    async def status(self, carrier_ref: str) -> Standing:
        answer = await self._ask("GET", f"port-orders/{quote(carrier_ref, safe='')}")
        state = _STATES.get(str(answer.get("status")))
        if state is None:
            raise CarrierAway("the carrier's answer says no state that is known")
        reason = str(answer.get("exception_code") or "").upper().replace("-", "_")
        return Standing(
            state,
            _time(answer.get("foc_at")),
            _time(answer.get("ported_at")),
            (reason if reason in EXCEPTIONS else "OTHER") if state == "REFUSED" else "",
            str(answer.get("exception_detail") or "")[:_MAX_NOTE],
        )

    async def cancel(self, carrier_ref: str) -> None:
        await self._ask("POST", f"port-orders/{quote(carrier_ref, safe='')}/cancel", {}, key=f"cancel-{carrier_ref}")

    async def judge_address(self, address: CivicAddress) -> str:
        answer = await self._ask("POST", "emergency-addresses/validate", asdict(address))
        return "" if answer.get("valid") is True else str(answer.get("detail") or "it can't be found")[:_MAX_NOTE]

    async def out_requests(self) -> Sequence[OutRequest]:
        answer = await self._ask("GET", "port-out-requests")
        found: list[OutRequest] = []
        for each in _list(answer, "results"):
            state = _OUT_STATES.get(str(each.get("status")))
            if state is not None and isinstance(each.get("id"), str):
                numbers = tuple(str(number) for number in each.get("phone_numbers") or ())
                gaining = str(each.get("gaining_carrier") or "")[:100]
                found.append(OutRequest(each["id"], numbers, gaining, state, _time(each.get("answer_until"))))
        return found

    async def answer_out(self, carrier_ref: str, agreed: bool, reason: str) -> None:
        body = {"agreed": agreed, "reason": reason}
        path = f"port-out-requests/{quote(carrier_ref, safe='')}/answer"
        await self._ask("POST", path, body, key=f"answer-{carrier_ref}")

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(self, verb: str, path: str, body: Mapping[str, Any] | None = None, key: str = "") -> dict[str, Any]:
        """The answer's object. Bodies and answers hold people's data and are never logged."""
        headers = {"Authorization": f"Bearer {self._token()}"} | ({"Idempotency-Key": key} if key else {})
        try:
            answer = await self._http.request(verb, path, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise CarrierAway(type(error).__name__) from error
        status = answer.status_code
        if status in (401, 403):
            # Ours to mend, not the company's: orders wait until the token is right again.
            log.error("the carrier refuses our token", status=status)
            raise CarrierAway("the carrier refuses our token")
        if status >= 500 or status in _LATER or 300 <= status < 400:
            raise CarrierAway(f"the carrier answers {status}")
        said = _object(answer)
        if status >= 400:
            reason = str(said.get("code") or "").upper().replace("-", "_")
            note = str(said.get("detail") or f"the carrier answers {status}")[:_MAX_NOTE]
            raise CarrierRefused(reason if reason in EXCEPTIONS else "OTHER", note)
        return said


def _object(answer: httpx.Response) -> dict[str, Any]:
    if not answer.content:
        return {}
    try:
        said = answer.json()
    except ValueError as error:
        if answer.status_code >= 400:
            return {}
        raise CarrierAway("the carrier's answer is no JSON") from error
    return said if isinstance(said, dict) else {}


def _list(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = answer.get(name)
    if not isinstance(found, list):
        raise CarrierAway(f"the carrier's answer has no {name}")
    return [each for each in found if isinstance(each, dict)]


def _verdict(number: str, said: Mapping[str, Any] | None) -> PortNumber:
    if said is None:
        raise CarrierAway("the carrier's answer leaves a number out")
    portability = _PORTABLE.get(str(said.get("portability")), "NONE")
    note = str(said.get("detail") or "")[:_MAX_NOTE]
    return PortNumber(number, portability, note, str(said.get("losing_carrier") or "")[:100])


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise CarrierAway("the carrier's answer has a time that can't be read") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
