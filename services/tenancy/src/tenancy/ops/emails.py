"""E-mails, of invitations and of money: written with what they tell of, sent after the commit, kept until the server
took them.

`due` looks across tenants and runs in a system transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from chassis.sql import Tx
from kernel.ids import new_id

from tenancy import convert
from tenancy.domain.emails import Email, invitation_text, notice_text, pause_after
from tenancy.domain.people import Invitation
from tenancy.ops.held import get_tenant
from tenancy.store import emails, rows, tables


async def queue_invitation(tx: Tx, invitation: Invitation, public_url: str, now: datetime) -> Invitation:
    """Writes the e-mail of an invitation that has just been made."""
    tenant = await get_tenant(tx)
    link = f"{public_url.rstrip('/')}{convert.link_path(invitation.secret)}"
    subject, body = invitation_text(tenant.display_name, link, tenant.language)
    email = Email(new_id("eml", now), invitation.invitation_id, invitation.email, subject, body)
    await rows.add(tx, tables.emails, **vars(email), next_attempt_time=now)
    await rows.change(tx, tables.invitations, {"invitation_id": invitation.invitation_id}, emailed=True)
    return replace(invitation, emailed=True)


async def queue_notice(
    tx: Tx, kind: str, parameters: Mapping[str, str], now: datetime, *, to: str = "", language: str = ""
) -> None:
    """Writes an e-mail about money: to the address invoices go to, or to the company's first owner who may sign in."""
    tenant = await get_tenant(tx)
    recipient = to or await _owner(tx)
    if not recipient:
        return
    subject, body = notice_text(kind, language or tenant.language, {"company": tenant.display_name, **parameters})
    email = Email(new_id("eml", now), "", recipient, subject, body)
    await rows.add(tx, tables.emails, **vars(email), next_attempt_time=now)


async def _owner(tx: Tx) -> str:
    users = tables.users
    owners = await rows.every(tx, users, users.c.role == "OWNER", users.c.state == "ACTIVE")
    return min(((row["user_id"], row["email"]) for row in owners), default=("", ""))[1]


due = emails.due


async def claim(tx: Tx, email_id: str, now: datetime) -> Email | None:
    """Takes an e-mail to send it; None when somebody else has, or when its invitation can't be accepted any more.

    It is put off before it is sent: whoever dies in between, or is refused, has scheduled the next attempt already.
    """
    row = await rows.get(tx, tables.emails, email_id=email_id)
    if row is None or row["next_attempt_time"] > now:
        return None
    email = rows.value_of(Email, row)
    if not email.invitation_id:
        return await _put_off(tx, email, now)
    invitation = await rows.find(tx, tables.invitations, Invitation, invitation_id=email.invitation_id)
    if invitation is None or invitation.state_at(now) != "PENDING":
        await sent(tx, email)
        return None
    return await _put_off(tx, email, now)


async def sent(tx: Tx, email: Email) -> None:
    """The server has it: with the link in it, it isn't kept a moment longer."""
    await rows.remove(tx, tables.emails, email_id=email.email_id)


async def refused(tx: Tx, email: Email) -> None:
    """The server will never take it: the invitation says that nothing was e-mailed."""
    await rows.remove(tx, tables.emails, email_id=email.email_id)
    if email.invitation_id:
        await rows.change(tx, tables.invitations, {"invitation_id": email.invitation_id}, emailed=False)


async def _put_off(tx: Tx, email: Email, now: datetime) -> Email:
    email = replace(email, attempts=email.attempts + 1)
    later = now + pause_after(email.attempts)
    await rows.change(tx, tables.emails, {"email_id": email.email_id}, attempts=email.attempts, next_attempt_time=later)
    return email
