"""Hands waiting e-mails to the SMTP server (RFC 5321), which may be away."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

import aiosmtplib
from chassis.given import given
from chassis.sql import Database
from chassis.telemetry import log

from tenancy.domain.emails import Email
from tenancy.ops import emails
from tenancy.settings import Settings


class Mailer:
    """Sends through the SMTP server of the settings."""

    def __init__(self, settings: Settings, db: Database) -> None:
        self._settings = settings
        self._url = given(settings, "smtp_url")
        self._db = db

    async def send_due(self) -> None:
        """Sends what is due, of every tenant."""
        due = await self._db.system(lambda tx: emails.due(tx, self._db.clock.now()), read_only=True)
        for tenant_id, email_id in due:
            await self._send(tenant_id, email_id)

    async def _send(self, tenant_id: str, email_id: str) -> None:
        now = self._db.clock.now()
        email = await self._db.run(tenant_id, lambda tx: emails.claim(tx, email_id, now))
        if email is None:
            return
        try:
            await self._deliver(email, now)
        except aiosmtplib.SMTPRecipientsRefused as error:
            for_ever = all(500 <= refusal.code < 600 for refusal in error.recipients)
            log.warning("an e-mail's recipient was refused", email_id=email_id, for_ever=for_ever)
            if for_ever:
                await self._db.run(tenant_id, lambda tx: emails.refused(tx, email))
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            kind = type(error).__name__
            log.warning("an e-mail could not be sent", email_id=email_id, attempts=email.attempts, kind=kind)
        else:
            await self._db.run(tenant_id, lambda tx: emails.sent(tx, email))

    async def _deliver(self, email: Email, now: datetime) -> None:
        domain = parseaddr(self._settings.smtp_sender)[1].rpartition("@")[2] or "localhost"
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._settings.smtp_sender, email.recipient, email.subject
        message["Date"] = now
        # The same at each attempt, so that a server that took one unheard keeps one.
        message["Message-ID"] = f"<{email.email_id}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday note should answer
        message.set_content(email.body, cte="quoted-printable")
        server = urlsplit(self._url())
        encrypted, username = server.scheme == "smtps", server.username
        await aiosmtplib.send(
            message,
            hostname=server.hostname,
            port=server.port,
            username=unquote(username) if username else None,
            password=unquote(server.password) if server.password else None,
            use_tls=encrypted,
            # A password is never sent in the clear; without one TLS is taken when it is offered.
            start_tls=True if username and not encrypted else None,
            local_hostname=domain,  # or the library asks DNS, and waits for it
            timeout=15,
        )
