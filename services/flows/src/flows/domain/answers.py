"""What an HTTP step takes out of an answer: values by JSON pointers (RFC 6901)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from flows.domain.runs import MAX_ATTRIBUTE_LENGTH

NOT_JSON = "answer is not JSON"
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")  # RFC 6901 4


def extract(body: bytes, wanted: Mapping[str, str]) -> dict[str, str] | None:
    """Value by name, empty where the answer has none; None when something is wanted and the answer isn't JSON (RFC
    8259, so NaN and Infinity are none, and neither is a number only infinity stands for). Every value is a text that
    can be kept and sent on."""
    if not wanted:
        return {}
    try:
        document = json.loads(body, parse_constant=_no_number, parse_float=_finite)
        return {name: _text(_pointed(document, pointer)) for name, pointer in wanted.items()}
    except (ValueError, RecursionError):
        return None


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _no_number(digits)


def _pointed(document: Any, pointer: str) -> Any:
    """What a pointer points at; None when there is nothing."""
    for part in pointer.split("/")[1:]:
        token = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(token)
        elif isinstance(document, list) and _INDEX.fullmatch(token) and int(token) < len(document):
            document = document[int(token)]
        else:
            return None
    return document


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # JSON can name halves of characters, wherever in the answer, which no other system takes, and U+0000, which no
    # database does.
    return text.encode("utf-8", "replace").decode().replace("\0", "?")[:MAX_ATTRIBUTE_LENGTH]
