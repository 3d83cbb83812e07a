"""Files over HTTP: documents that a service made, saved by the browser; and bodies that are signed, taken as they
came."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote

from google.protobuf.message import Message
from merkez.billing.v1.invoice_service_pb2 import InvoiceDocument
from merkez.wfm.v1.my_schedule_pb2 import CalendarDocument
from starlette.requests import Request
from starlette.responses import Response

from gateway.rules import Match
from gateway.transcode import from_json

MEDIA_TYPES = ("application/pdf", "text/csv", "application/xml", "text/calendar")
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,100}")


def file_response(request: Request, answer: Message) -> Response:
    """A document as a file to save; the same bytes have the same ETag, so that asking again is short."""
    assert isinstance(answer, InvoiceDocument | CalendarDocument)
    kind = answer.content_type if answer.content_type.partition(";")[0] in MEDIA_TYPES else "application/octet-stream"
    etag = f'"{hashlib.sha256(answer.data).hexdigest()[:32]}"'
    headers = {
        "Content-Disposition": f"attachment; {_name(answer.file_name)}",
        "Cache-Control": "private, no-cache",
        "ETag": etag,
        # Even opened in a tab it is never run as a page of ours.
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if etag in request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    response = Response(answer.data, 200, headers)
    response.headers["Content-Type"] = kind
    return response


def signed_message(kind: type[Message], match: Match, body: bytes, signature: str) -> Message:
    """The request of a body that is signed as it is: its bytes in `payload`, the header's value in `signature`."""
    message = from_json(kind, {}, match.values)
    message.payload = body  # pyright: ignore[reportAttributeAccessIssue]
    message.signature = signature  # pyright: ignore[reportAttributeAccessIssue]
    return message


def _name(value: str) -> str:
    # RFC 6266: the plain form for what needs no more, else RFC 8187's.
    return f'filename="{value}"' if _PLAIN.fullmatch(value) else f"filename*=UTF-8''{quote(value, safe='')}"
