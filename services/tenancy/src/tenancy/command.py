"""`python -m tenancy operator <e-mail>`: who has the machine makes the first operator, and the next ones."""

from __future__ import annotations

import asyncio
import sys

from chassis.settings import load
from chassis.sql import Database
from kernel.errors import DomainError
from kernel.tenant import PLATFORM

from tenancy import convert
from tenancy.domain import fields
from tenancy.ops import operators
from tenancy.settings import Settings


async def invite_operator(db: Database, email: str) -> str:
    """The path of the link to open. Raises `FieldInvalid`, `EmailTaken`."""
    address = fields.email(email)
    await db.system(lambda tx: operators.email_is_free(tx, address), read_only=True)
    made = await db.run(PLATFORM, lambda tx: operators.invite(tx, address, db.clock.now()))
    return convert.link_path(made.secret)


def main(arguments: list[str]) -> int:
    """Runs the command; the exit status."""
    if len(arguments) != 2 or arguments[0] != "operator" or not arguments[1]:
        print("Use: python -m tenancy operator <e-mail>", file=sys.stderr)
        return 2
    settings = load(Settings, service="tenancy")

    async def run() -> str:
        db = await Database.connect(settings, "tenancy")
        try:
            return await invite_operator(db, arguments[1])
        finally:
            await db.close()

    try:
        path = asyncio.run(run())
    except DomainError as error:
        print(error.message, file=sys.stderr)
        return 1
    print(f"{settings.public_url.rstrip('/')}{path}")
    return 0
