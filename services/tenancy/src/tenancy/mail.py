"""Invitations by e-mail: written with the invitation, sent after the commit, tried again when the server is away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib
from chassis.sql import Database, Tx
from chassis.telemetry import log
from kernel.ids import new_id
from sqlalchemy import delete, select, update

from tenancy import convert
from tenancy.domain.people import Invitation
from tenancy.settings import Settings
from tenancy.store import rows, tables

GIVE_UP_AFTER = 8
FIRST_PAUSE = timedelta(seconds=30)

_TEXTS: Mapping[str, tuple[str, str]] = {
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


class Mailer:
    """Sends through the SMTP server of the settings."""

    def __init__(self, settings: Settings, db: Database) -> None:
        self._settings = settings
        self._db = db

    async def queue_invitation(self, tx: Tx, invitation: Invitation, now: datetime) -> Invitation:
        """Writes the e-mail of an invitation within its transaction."""
        tenant = await rows.get(tx, tables.tenants)
        assert tenant is not None
        subject, body = _TEXTS.get(tenant["language"], _TEXTS["en"])
        link = f"{self._settings.public_url}{convert.link_path(invitation.secret)}"
        company = tenant["display_name"].replace("\r", " ").replace("\n", " ")
        await rows.add(
            tx, tables.emails, email_id=new_id("evt", now), invitation_id=invitation.invitation_id,
            recipient=invitation.email, subject=subject.format(company=company),
            body=body.format(company=company, link=link), attempts=0, next_attempt_time=now,
        )  # fmt: skip
        await rows.change(tx, tables.invitations, {"invitation_id": invitation.invitation_id}, emailed=True)
        return replace(invitation, emailed=True)

    async def send_due(self) -> None:
        """Sends what is due, of every tenant. One that can't be sent waits, twice as long each time."""
        now = self._db.clock.now()
        table = tables.emails
        due = await self._db.system(
            lambda tx: tx.all(select(table).where(table.c.next_attempt_time <= now).limit(20)), read_only=True
        )
        for row in due:
            await self._send(row, now)

    async def _send(self, row: Mapping[Any, Any], now: datetime) -> None:
        table = tables.emails
        mine = (table.c.tenant_id == row["tenant_id"], table.c.email_id == row["email_id"])
        try:
            await self._deliver(row["recipient"], row["subject"], row["body"])
        except (aiosmtplib.SMTPException, OSError) as error:
            attempts = row["attempts"] + 1
            log.warning(
                "an e-mail could not be sent", email_id=row["email_id"], attempts=attempts, kind=type(error).__name__
            )
            again = update(table).where(*mine)
            later = now + FIRST_PAUSE * 2 ** min(attempts, 10)
            given_up = delete(table).where(*mine)
            statement = (
                given_up if attempts >= GIVE_UP_AFTER else again.values(attempts=attempts, next_attempt_time=later)
            )
            await self._db.run(row["tenant_id"], lambda tx: tx.execute(statement))
            return
        await self._db.run(row["tenant_id"], lambda tx: tx.execute(delete(table).where(*mine)))

    async def _deliver(self, recipient: str, subject: str, body: str) -> None:
        server = urlsplit(self._settings.smtp_url)
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._settings.smtp_sender, recipient, subject
        message.set_content(body)
        await aiosmtplib.send(
            message,
            hostname=server.hostname or "localhost",
            port=server.port,
            username=unquote(server.username) if server.username else None,
            password=unquote(server.password) if server.password else None,
            use_tls=server.scheme == "smtps",
            timeout=15,
        )
