"""Reasons of NOT_READY: the tenant's own words for why its agents are away."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from kernel.errors import AlreadyExists, FailedPrecondition, InvalidInput, NotFound, QuotaExceeded

MAX_REASONS = 100
MAX_NAME = 64
MAX_NAMES = 20
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_COLOR = re.compile(r"#[0-9a-f]{6}")


class NotReadyReasonNotFound(NotFound):
    """No such reason, or another tenant's."""

    reason = "NOT_READY_REASON_NOT_FOUND"


class NotReadyReasonExists(AlreadyExists):
    """Another reason has this name."""

    reason = "NOT_READY_REASON_EXISTS"


class NotReadyReasonArchived(FailedPrecondition):
    """It can no longer be picked."""

    reason = "NOT_READY_REASON_ARCHIVED"


class TooManyNotReadyReasons(QuotaExceeded):
    """The tenant has as many as it may."""

    reason = "TOO_MANY_NOT_READY_REASONS"


@dataclass(frozen=True)
class NotReadyReason:
    """Why an agent may be away. `names` by language where it isn't `display_name`; `color` as #rrggbb or empty."""

    not_ready_reason_id: str
    display_name: str
    create_time: datetime
    names: Mapping[str, str] = field(default_factory=dict)
    color: str = ""
    paid: bool = False
    archived: bool = False
    version: int = 1

    @property
    def name_key(self) -> str:
        """What is unique in a tenant."""
        return self.display_name.casefold()


DEFAULTS: tuple[tuple[str, bool, Mapping[str, str]], ...] = (
    ("Break", True, {"tr": "Mola", "az": "Fasilə", "fa": "استراحت"}),
    ("Lunch", False, {"tr": "Öğle yemeği", "az": "Nahar", "fa": "ناهار"}),
    ("Training", True, {"tr": "Eğitim", "az": "Təlim", "fa": "آموزش"}),
    ("Meeting", True, {"tr": "Toplantı", "az": "İclas", "fa": "جلسه"}),
)
"""What a tenant starts with: name, whether it is paid, names by language."""


def check_reason(reason: NotReadyReason) -> NotReadyReason:
    """The reason with names without blanks around them; InvalidInput naming the field that can't be."""
    names = {language: name.strip() for language, name in reason.names.items()}
    if len(names) > MAX_NAMES:
        raise InvalidInput.of("not_ready_reason.names", f"has more than {MAX_NAMES} entries")
    for language, name in names.items():
        if not _LANGUAGE.fullmatch(language):
            raise InvalidInput.of("not_ready_reason.names", "is by language, such as fa or pt-BR")
        _require_name(name, f"not_ready_reason.names[{language}]")
    color = reason.color.lower()
    if color and not _COLOR.fullmatch(color):
        raise InvalidInput.of("not_ready_reason.color", "is not a colour such as #2f9e44")
    display_name = _require_name(reason.display_name.strip(), "not_ready_reason.display_name")
    return replace(reason, display_name=display_name, names=names, color=color)


def _require_name(name: str, field: str) -> str:
    if not name or len(name) > MAX_NAME:
        raise InvalidInput.of(field, "is required" if not name else f"is longer than {MAX_NAME} characters")
    return name
