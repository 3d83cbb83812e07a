"""What e-mails say, of invitations, money and limits, and when one that couldn't be sent is tried again."""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from typing import Any

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)

_INVITATIONS: Mapping[str, tuple[str, str]] = {
    "en": (
        "You are invited to {company}",
        "{company} invites you to work with them.\n\nOpen this link within seven days and choose a password:\n{link}\n",
    ),
    "tr": (
        "{company} sizi davet ediyor",
        "{company} sizi birlikte çalışmaya davet ediyor.\n\n"
        "Bu bağlantıyı yedi gün içinde açıp bir parola seçin:\n{link}\n",
    ),
    "az": (
        "{company} sizi dəvət edir",
        "{company} sizi birlikdə işləməyə dəvət edir.\n\nBu keçidi yeddi gün ərzində açın və parol seçin:\n{link}\n",
    ),
    "fa": (
        "دعوت به {company}",
        "{company} شما را به همکاری دعوت می‌کند.\n\n"
        "این پیوند را تا هفت روز دیگر باز کنید و یک گذرواژه برگزینید:\n{link}\n",
    ),
}


def notice_text(kind: str, language: str, parameters: Mapping[str, str]) -> tuple[str, str]:
    """Subject and body of what the owner is written about money and limits. A parameter that isn't given stays empty;
    `limit` and `failure`, codes, are said in words as `what` and `failure`."""
    texts = _texts()[kind]
    parameters = {**parameters, **_in_words(parameters, language)}
    subject, body = texts.get(language, texts["en"])
    said = defaultdict(str, {name: " ".join(value.split()) for name, value in parameters.items()})
    return subject.format_map(said), body.format_map(said)


def _in_words(parameters: Mapping[str, str], language: str) -> dict[str, str]:
    found: dict[str, str] = {}
    if "limit" in parameters:
        said = _words()["limit"].get(parameters["limit"], {})
        found["what"] = said.get(language) or said.get("en", parameters["limit"])
    if "failure" in parameters:
        found["failure"] = failure_text(parameters["failure"], language)
    return found


def failure_text(code: str, language: str) -> str:
    """Why a payment failed, in words, with the provider's own code behind it; of a code nobody knows that it was
    refused."""
    words = _words()
    known = words["failure"].get(words["same_failure"].get(code, code), words["failure"]["other"])
    said = known.get(language, known["en"])
    return f"{said} ({code})" if code else said


@functools.cache
def _words() -> Mapping[str, Mapping[str, Any]]:
    return json.loads(files("tenancy.domain").joinpath("letter_words.json").read_text("utf-8"))


@functools.cache
def _texts() -> Mapping[str, Mapping[str, tuple[str, str]]]:
    """Kind -> language -> subject and body."""
    found = json.loads(files("tenancy.domain").joinpath("billing_emails.json").read_text("utf-8"))
    return {
        kind: {lang: (text["subject"], text["body"]) for lang, text in each.items()} for kind, each in found.items()
    }


@dataclass(frozen=True)
class Email:
    """An e-mail that waits to be sent."""

    email_id: str
    invitation_id: str
    recipient: str
    subject: str
    body: str
    attempts: int = 0


def invitation_text(company: str, link: str, language: str) -> tuple[str, str]:
    """Subject and body. However the company calls itself, the subject stays on one line."""
    subject, body = _INVITATIONS.get(language, _INVITATIONS["en"])
    name = " ".join(company.split())
    return subject.format(company=name), body.format(company=name, link=link)


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts: twice as long each time, an hour at most."""
    return min(FIRST_PAUSE * 2 ** min(max(attempts, 1) - 1, 10), LONGEST_PAUSE)
