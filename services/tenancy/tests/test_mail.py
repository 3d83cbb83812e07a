"""Invitations by e-mail, handed to a real SMTP server that is sometimes away."""

from __future__ import annotations

import email
import socket
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from chassis.settings import SettingsError, load
from merkez.tenancy.v1 import session_service_pb2, tenant_pb2, tenant_service_pb2
from tenancy.mail import Mailer
from tenancy.settings import Settings
from tenancy.store import rows, tables

PUBLIC_URL = "https://merkez.example"


class Postbox:
    """A mail server that keeps what it takes; `refusal` is what it says to recipients instead."""

    def __init__(self) -> None:
        self.port = _free_port()
        self.refusal = ""
        self.letters: list[EmailMessage] = []
        self.envelopes: list[Any] = []
        self._controller: Controller | None = None

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        letter = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        self.envelopes.append(envelope)
        return "250 OK"

    def open(self) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def close(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    made = Postbox()
    made.open()
    yield made
    made.close()


@pytest.fixture
async def post(open_town: Any, postbox: Postbox) -> Any:
    """A town that sends e-mails, and what sends them."""
    town = await open_town(mailed_links=PUBLIC_URL, fresh=True)
    settings = Settings(
        service="tenancy", smtp_url=f"smtp://127.0.0.1:{postbox.port}", smtp_sender="Merkez <no-reply@merkez.example>"
    )
    return town, Mailer(settings, town.db)


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("en", "You are invited to Acme Çağrı"),
        ("tr", "Acme Çağrı sizi davet ediyor"),
        ("az", "Acme Çağrı sizi dəvət edir"),
        ("fa", "دعوت به Acme Çağrı"),
    ],
)
async def test_invited_person_gets_the_link_in_the_companys_language(
    post: Any, postbox: Postbox, language: str, subject: str
) -> None:
    town, mailer = post
    firm = await town.sign_up(language=language, company_name="Acme Çağrı")
    made = await firm.invite("guest@acme.example")
    assert made.emailed
    await mailer.send_due()
    [letter] = postbox.letters
    assert (letter["Subject"], letter["To"]) == (subject, "guest@acme.example")
    assert letter["From"] == "Merkez <no-reply@merkez.example>" and letter["Auto-Submitted"] == "auto-generated"
    assert f"{PUBLIC_URL}{made.link_path}" in letter.get_content()
    await town.accept(made.link_path.rpartition("/")[2])
    await mailer.send_due()
    assert len(postbox.letters) == 1
    assert await firm.run(lambda tx: rows.count(tx, tables.emails)) == 0


async def test_email_waits_while_the_server_is_away_and_is_not_lost(post: Any, postbox: Postbox) -> None:
    town, mailer = post
    firm = await town.sign_up()
    postbox.close()
    await firm.invite("patient@acme.example")
    for hours in (0, 1, 24, 24 * 5):
        town.clock.advance(timedelta(hours=hours))
        await mailer.send_due()
    postbox.open()
    await mailer.send_due()
    assert postbox.letters == []
    town.clock.advance(timedelta(hours=1))
    await mailer.send_due()
    assert [letter["To"] for letter in postbox.letters] == ["patient@acme.example"]


async def test_email_that_fails_does_not_hold_up_the_others(post: Any, postbox: Postbox) -> None:
    town, mailer = post
    firm = await town.sign_up()
    made = await firm.invite("first@acme.example")
    town.clock.advance(1)
    await firm.invite("second@acme.example")
    # However it came to be in the table, this one can't be written as an e-mail.
    broken = {"subject": "two\nlines"}
    await firm.run(lambda tx: rows.change(tx, tables.emails, {"invitation_id": made.invitation_id}, **broken))
    await mailer.send_due()
    assert [letter["To"] for letter in postbox.letters] == ["second@acme.example"]


@pytest.mark.parametrize(("answer", "emailed", "waiting"), [("550 No such user", False, 0), ("450 Later", True, 1)])
async def test_recipient_refused_for_ever_is_said_and_one_refused_for_now_waits(
    post: Any, postbox: Postbox, answer: str, emailed: bool, waiting: int
) -> None:
    town, mailer = post
    firm = await town.sign_up()
    await firm.invite("ghost@acme.example")
    postbox.refusal = answer
    await mailer.send_due()
    with firm.as_():
        listed = await town.stubs.users.ListInvitations(session_service_pb2.ListInvitationsRequest())
    assert [each.emailed for each in listed.invitations] == [emailed]
    assert await firm.run(lambda tx: rows.count(tx, tables.emails)) == waiting


async def test_withdrawn_and_expired_invitations_are_not_sent(post: Any, postbox: Postbox) -> None:
    town, mailer = post
    firm = await town.sign_up()
    withdrawn = await firm.invite()
    with firm.as_():
        revoke = session_service_pb2.RevokeInvitationRequest(invitation_id=withdrawn.invitation_id)
        await town.stubs.users.RevokeInvitation(revoke)
    await firm.invite()
    town.clock.advance(timedelta(days=8))
    await mailer.send_due()
    assert postbox.letters == [] and await firm.run(lambda tx: rows.count(tx, tables.emails)) == 0


async def test_two_replicas_send_an_email_once(post: Any, postbox: Postbox) -> None:
    import asyncio

    town, mailer = post
    await (await town.sign_up()).invite("once@acme.example")
    await asyncio.gather(mailer.send_due(), mailer.send_due(), mailer.send_due())
    assert len(postbox.letters) == 1


@pytest.mark.parametrize(
    "name", ["Acme\r\nBcc: all@evil.example", "Acme\nX: y", "Acme\x0bZ", "Acme\u2028Bcc: x@evil.example"]
)
async def test_company_name_brings_no_header_along(post: Any, postbox: Postbox, name: str) -> None:
    town, mailer = post
    with pytest.raises(Exception, match="company_name"):
        await town.sign_up(company_name=name)
    firm = await town.sign_up()
    rename = tenant_service_pb2.UpdateTenantRequest(tenant=tenant_pb2.Tenant(display_name=name))
    rename.update_mask.paths.append("display_name")
    with firm.as_(), pytest.raises(Exception, match="display_name"):
        await town.stubs.tenants.UpdateTenant(rename)
    # And should such a name ever stand in the table, the e-mail is one with one recipient all the same.
    await firm.run(lambda tx: rows.change(tx, tables.tenants, {}, display_name=name))
    await firm.invite("guest@acme.example")
    await mailer.send_due()
    [letter], [envelope] = postbox.letters, postbox.envelopes
    assert envelope.rcpt_tos == ["guest@acme.example"] and letter["Bcc"] is None and letter["X"] is None
    assert letter["Subject"].startswith("Acme ")


@pytest.mark.parametrize("url", ["mail.example", "http://mail.example", "smtp://", "smtp:25"])
def test_malformed_server_address_is_said_before_the_start(url: str) -> None:
    with pytest.raises(SettingsError, match="MERKEZ_SMTP_URL must be smtp://user:password@host:587"):
        load(Settings, service="tenancy", environ={"MERKEZ_SMTP_URL": url})


def test_provider_without_our_id_at_it_is_said_before_the_start() -> None:
    environ = {"MERKEZ_OIDC_ISSUER": "https://id.example", "MERKEZ_SMTP_SENDER": "nobody"}
    with pytest.raises(SettingsError) as refused:
        load(Settings, service="tenancy", environ=environ)
    assert [problem.split()[0] for problem in refused.value.problems] == ["MERKEZ_SMTP_SENDER", "MERKEZ_OIDC_CLIENT_ID"]


async def test_password_is_not_sent_in_the_clear(post: Any, postbox: Postbox) -> None:
    town, _ = post
    firm = await town.sign_up()
    await firm.invite()
    url = f"smtp://merkez:secret@127.0.0.1:{postbox.port}"
    await Mailer(Settings(service="tenancy", smtp_url=url), town.db).send_due()
    assert postbox.letters == [] and await firm.run(lambda tx: rows.count(tx, tables.emails)) == 1


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
