"""The door: proves passwords, counts guesses, opens sessions and signs access tokens for every way of signing in."""

from __future__ import annotations

import ipaddress
from typing import Any

from chassis.instants import time_out
from chassis.sql import Database
from merkez.tenancy.v1 import session_pb2

from tenancy import convert
from tenancy.domain import fields
from tenancy.domain.sessions import refused
from tenancy.ops import attempts, sessions
from tenancy.ops.sessions import Login, OpenSession
from tenancy.tokens import AccessTokenSigner, Passwords

CLIENT_ADDRESS = "x-client-address"


class Desk:
    """What every way of signing in needs."""

    def __init__(self, db: Database, signer: AccessTokenSigner, passwords: Passwords, home_region: str = "") -> None:
        """`home_region` is where companies that sign up here are at home; empty where there is only one."""
        self.signer = signer
        self.home_region = home_region
        self.passwords = passwords
        self._db = db

    async def prove(self, email: str, password: str, address: str) -> Login:
        """Who knows the password. Raises `SignInRefused`, after the same work for each reason, `TooManyAttempts`."""
        now = self._db.clock.now()
        known = fields.normal_email(email)
        # What is no address is counted as well, so that it can't be told from one that nobody has.
        counted = known or email.strip().lower()[:254]
        await self._db.system(lambda tx: attempts.begin(tx, counted, address, now))
        login = await self._db.system(lambda tx: sessions.login_of(tx, counted), read_only=True)
        fits = await self.passwords.verify(login.password_hash if login else "", password)
        if login is None or not fits or login.user.state != "ACTIVE":
            raise refused()
        await self._db.system(lambda tx: attempts.succeeded(tx, counted, address, now))
        return login

    async def open(self, login: Login) -> session_pb2.Session:
        """Opens a session for who proved who they are."""
        now = self._db.clock.now()
        opened = await self._db.run(login.tenant_id, lambda tx: sessions.open_session(tx, login.user.user_id, now))
        return self.session_out(opened)

    def session_out(self, opened: OpenSession) -> session_pb2.Session:
        """A session with a fresh access token."""
        token, expires = self.signer.sign(opened.user, opened.tenant_id, opened.session_id, self._db.clock.now())
        return session_pb2.Session(
            session_id=opened.session_id,
            access_token=token,
            access_expire_time=time_out(expires),
            refresh_token=opened.refresh_token,
            refresh_expire_time=time_out(opened.expire_time),
            user=convert.user_out(opened.user),
            tenant_id=opened.tenant_id,
        )


def client_address(context: Any) -> str:
    """Where the person is, as the gateway says; empty when it doesn't.

    Only our own processes get here (each call carries an internal token), and the gateway passes none of its clients'
    metadata on, so nobody outside can choose what stands here.
    """
    said = next((value for key, value in context.invocation_metadata() or () if key == CLIENT_ADDRESS), "")
    try:
        return str(ipaddress.ip_address(said))
    except ValueError:
        return ""
