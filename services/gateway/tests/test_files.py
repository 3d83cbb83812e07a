"""Documents that are saved, and bodies that are signed as they came."""

from __future__ import annotations

import pytest
from gateway.contracts import methods
from gateway.files import file_response, signed_message
from gateway.rules import Match, Router, RuleInvalid, load_rules, parse_rules
from gateway.socket.audience import Participants, audience_of
from merkez.billing.v1.invoice_operator_service_pb2 import ReceivePaymentEventRequest
from merkez.billing.v1.invoice_service_pb2 import InvoiceDocument
from merkez.wfm.v1.my_schedule_pb2 import AgentNotice, CalendarDocument
from merkez.wfm.v1.schedule_events_pb2 import AgentNoticed
from starlette.requests import Request


def request_with(**headers: str) -> Request:
    """A GET with these headers."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": raw})


def test_document_is_saved_under_its_name_and_never_run_as_a_page() -> None:
    document = InvoiceDocument(data=b"%PDF-1", content_type="application/pdf", file_name="MRK-000001.pdf")
    response = file_response(request_with(), document)
    assert response.headers["content-disposition"] == 'attachment; filename="MRK-000001.pdf"'
    assert response.headers["content-type"] == "application/pdf" and response.body == b"%PDF-1"
    assert "sandbox" in response.headers["content-security-policy"]
    again = file_response(request_with(if_none_match=response.headers["etag"]), document)
    assert (again.status_code, again.body) == (304, b"")


def test_file_name_and_type_can_not_say_more_than_they_may() -> None:
    document = InvoiceDocument(data=b"x", content_type="text/html", file_name='a"\r\nb.html')
    response = file_response(request_with(), document)
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''a%22%0D%0Ab.html"


def test_signed_body_reaches_its_service_to_the_byte() -> None:
    [route] = [each for each in load_rules(methods()) if each.signed_by]
    body = b'{"amount": 1.10,  "spaces":true}\n'
    message = signed_message(ReceivePaymentEventRequest, Match(route, {"provider": "stripe"}), body, "t=1,v1=x")
    assert message == ReceivePaymentEventRequest(provider="stripe", payload=body, signature="t=1,v1=x")
    assert route.signed_by == "stripe-signature" and not route.audit


def test_rule_that_signs_a_request_without_a_payload_is_refused() -> None:
    rule = {"selector": "merkez.billing.v1.InvoiceService.PayInvoice", "post": "/v1/x", "signed_by": "x"}
    with pytest.raises(RuleInvalid, match="payload"):
        parse_rules([rule], methods())


def test_calendar_keeps_its_address_public_and_unnoted_and_is_one_to_a_calendar_program() -> None:
    match = Router(load_rules(methods())).match("GET", "/v1/calendars/ten_1.s-e_c/shifts.ics")
    assert match.values == {"token": "ten_1.s-e_c"} and match.route.method.permission == "public"
    assert not match.route.audit and match.route.answer == "file"
    document = CalendarDocument(data=b"BEGIN:VCALENDAR", content_type="text/calendar; charset=utf-8", file_name="a.ics")
    response = file_response(request_with(), document)
    assert response.headers["content-type"] == "text/calendar; charset=utf-8" and response.body == b"BEGIN:VCALENDAR"
    assert file_response(request_with(if_none_match=response.headers["etag"]), document).status_code == 304


def test_notice_of_an_agent_is_heard_by_them_and_by_who_may_read_schedules() -> None:
    noticed = AgentNoticed(agent_notice=AgentNotice(user_id="usr_1", note="You are needed"))
    audience = audience_of("AgentNoticed", noticed, Participants())
    assert audience.agent_ids == {"usr_1"} and audience.permissions == {"events.read", "wfm.read"}
