"""Lists page by an opaque token that names the last row seen, so inserts in between shift nothing."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from kernel.errors import InvalidInput
from sqlalchemy import ColumnElement, Select, and_, or_

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PageTokenInvalid(InvalidInput):
    """The page token was not made by this list."""

    reason = "PAGE_TOKEN_INVALID"


def page_size(requested: int) -> int:
    """How many rows to give: 0 means 50, more than 200 means 200, negative is an error."""
    if requested < 0:
        raise InvalidInput.of("page_size", "must not be negative")
    return min(requested or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def encode_token(time: datetime, row_id: str) -> str:
    """The token that continues after the row with this time and id."""
    microseconds = (time - _EPOCH) // timedelta(microseconds=1)
    plain = json.dumps([microseconds, row_id], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()


def decode_token(token: str) -> tuple[datetime, str] | None:
    """Where to continue: the (time, id) of the last row seen; None for an empty token (the first page)."""
    if not token:
        return None
    try:
        plain = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        microseconds, row_id = json.loads(plain)
        if not isinstance(microseconds, int) or not isinstance(row_id, str):
            raise ValueError
        return _EPOCH + timedelta(microseconds=microseconds), row_id
    except (ValueError, TypeError, OverflowError, binascii.Error) as error:
        raise PageTokenInvalid.of("page_token", "is not a token of this list") from error


def keyset(
    statement: Select[Any], time: ColumnElement[Any], row_id: ColumnElement[Any], token: str, size: int
) -> Select[Any]:
    """Order newest first and continue after `token`; asks for one row more than `size`, which tells that there
    is a next page."""
    after = decode_token(token)
    if after is not None:
        statement = statement.where(or_(time < after[0], and_(time == after[0], row_id < after[1])))
    return statement.order_by(time.desc(), row_id.desc()).limit(size + 1)
