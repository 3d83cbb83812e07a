"""Sign-in by an identity the OpenID provider vouches for. `keep` and `take` run in system transactions."""

from __future__ import annotations

from datetime import datetime

from chassis.sql import Tx

from tenancy.domain.oidc import Identity, OidcSignInRefused
from tenancy.ops.organisation import get_tenant
from tenancy.ops.people import accept_invitation, pending_invitation
from tenancy.ops.sessions import OpenSession
from tenancy.store import oidc_states
from tenancy.store.oidc_states import Begun

keep = oidc_states.keep


async def take(tx: Tx, state: str, redirect_uri: str, now: datetime) -> Begun | None:
    """The sign-in that began with this state; None when there was none, or it is used or too old."""
    begun = await oidc_states.take(tx, state)
    if begun is None or begun.redirect_uri != redirect_uri or now >= begun.expire_time:
        return None
    return begun


async def join(tx: Tx, invitation_id: str, who: Identity, now: datetime) -> OpenSession:
    """Accepts the invitation whose link they opened, when it is for their address.

    A link is needed: an invitation alone would let anybody who knows an address draw its owner into their company.
    """
    invitation = await pending_invitation(tx, invitation_id, now)
    if invitation.email != who.email:
        raise OidcSignInRefused("This invitation is for another e-mail address than the one you signed in with.")
    name = invitation.display_name or who.name
    return await accept_invitation(tx, invitation_id, name, "", (await get_tenant(tx)).language, now)
