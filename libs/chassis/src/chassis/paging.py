"""Lists page by an opaque token that names the last row seen, so inserts in between shift nothing."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from kernel.errors import InvalidInput
from sqlalchemy import ColumnElement, Select, and_, or_

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
Place = TypeVar("Place", int, str)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PageTokenInvalid(InvalidInput):
    """The page token was not made by this list."""

    reason = "PAGE_TOKEN_INVALID"


@dataclass(frozen=True)
class Page:
    """Which part of a list is asked for."""

    size: int
    token: str


def page_size(requested: int) -> int:
    """How many rows to give: 0 means 50, more than 200 means 200, negative is an error."""
    if requested < 0:
        raise InvalidInput.of("page_size", "must not be negative")
    return min(requested or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def encode_token(place: datetime | str, row_id: str) -> str:
    """The token that continues after the row with this id at this place: its time, or its name in a list by name."""
    shown = place if isinstance(place, str) else (place - _EPOCH) // timedelta(microseconds=1)
    plain = json.dumps([shown, row_id], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()


def decode_token(token: str) -> tuple[datetime, str] | None:
    """Where a list by time continues: the (time, id) of the last row seen; None for an empty token (the first page)."""
    found = _decode(token, int)
    if found is None:
        return None
    try:
        return _EPOCH + timedelta(microseconds=found[0]), found[1]
    except OverflowError as error:
        raise _invalid() from error


def decode_name_token(token: str) -> tuple[str, str] | None:
    """Where a list by name continues: the (name, id) of the last row seen; None for the first page."""
    found = _decode(token, str)
    return None if found is None else (_text(found[0]), found[1])


def _decode(token: str, kind: type[Place]) -> tuple[Place, str] | None:
    if not token:
        return None
    try:
        plain = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        place, row_id = json.loads(plain)
    except (ValueError, TypeError, RecursionError) as error:
        raise _invalid() from error
    if not isinstance(place, kind) or not isinstance(row_id, str):
        raise _invalid()
    return place, _text(row_id)


def _text(value: str) -> str:
    # JSON can write what no row holds and the database refuses: U+0000, and halves of surrogate pairs.
    if any(each == "\0" or "\ud800" <= each <= "\udfff" for each in value):
        raise _invalid()
    return value


def _invalid() -> PageTokenInvalid:
    return PageTokenInvalid.of("page_token", "is not a token of this list")


def keyset(
    statement: Select[Any], time: ColumnElement[Any], row_id: ColumnElement[Any], token: str, size: int
) -> Select[Any]:
    """Order newest first and continue after `token`; asks for one row more than `size`, which tells that there
    is a next page."""
    after = decode_token(token)
    if after is not None:
        statement = statement.where(or_(time < after[0], and_(time == after[0], row_id < after[1])))
    return statement.order_by(time.desc(), row_id.desc()).limit(size + 1)
