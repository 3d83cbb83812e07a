"""Sign-ins at the OpenID provider that have begun: a row each, so that any replica can end one, once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chassis.sql import Tx
from sqlalchemy import delete, insert

from tenancy.store.tables import oidc_states


@dataclass(frozen=True)
class Begun:
    """What must come back as it went out."""

    state: str
    nonce: str
    code_verifier: str
    redirect_uri: str
    invitation: str
    """Digest of the invitation's secret whose link was open; empty without one."""
    expire_time: datetime


async def keep(tx: Tx, begun: Begun) -> None:
    """Remembers a sign-in under way."""
    await tx.execute(insert(oidc_states).values(**vars(begun)))


async def take(tx: Tx, state: str) -> Begun | None:
    """Gives a sign-in out for the only time."""
    statement = delete(oidc_states).where(oidc_states.c.state == state).returning(*oidc_states.c)
    row = (await tx.execute(statement)).mappings().one_or_none()
    return Begun(**row) if row is not None else None
