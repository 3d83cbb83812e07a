"""What an invitation by e-mail says, and when one that couldn't be sent is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

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
