"""Documents that are saved, and bodies that are signed as they came."""

from __future__ import annotations

import pytest
from gateway.contracts import methods
from gateway.files import file_response, signed_message
from gateway.rules import Match, RuleInvalid, load_rules, parse_rules
from merkez.billing.v1.invoice_operator_service_pb2 import ReceivePaymentEventRequest
from merkez.billing.v1.invoice_service_pb2 import InvoiceDocument
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
