"""Sign-in by an identity the OpenID provider vouches for. `keep` and `take` run in system transactions."""

from __future__ import annotations

from datetime import datetime

from chassis.sql import Tx
from kernel.features import Feature

from tenancy.domain.oidc import Identity, OidcSignInRefused
from tenancy.ops.held import get_tenant, require_feature
from tenancy.ops.people import accept_invitation, pending_invitation
from tenancy.ops.sessions import Login, OpenSession, open_session
from tenancy.store import oidc_states
from tenancy.store.oidc_states import Begun

keep = oidc_states.keep


async def take(tx: Tx, state: str, redirect_uri: str, now: datetime) -> Begun | None:
    """The sign-in that began with this state; None when there was none, or it is used or too old."""
    begun = await oidc_states.take(tx, state)
    if begun is None or begun.redirect_uri != redirect_uri or now >= begun.expire_time:
        return None
    return begun


async def sign_in(tx: Tx, login: Login, now: datetime) -> OpenSession:
    """Opens a session for somebody the provider vouches for. Raises `FeatureNotInPlan`, `SignInRefused`.

    Who joined at the provider has no password, and a smaller plan must not lock them out.
    """
    if login.password_hash:
        await require_feature(tx, Feature.OIDC)
    return await open_session(tx, login.user.user_id, now)


async def join(tx: Tx, invitation_id: str, who: Identity, now: datetime) -> OpenSession:
    """Accepts the invitation whose link they opened, when it is for their address.

    A link is needed: an invitation alone would let anybody who knows an address draw its owner into their company.
    Raises `FeatureNotInPlan` as well as what accepting raises: they can still choose a password.
    """
    await require_feature(tx, Feature.OIDC)
    invitation = await pending_invitation(tx, invitation_id, now)
    if invitation.email != who.email:
        raise OidcSignInRefused("This invitation is for another e-mail address than the one you signed in with.")
    name = invitation.display_name or who.name
    return await accept_invitation(tx, invitation_id, name, "", (await get_tenant(tx)).language, now)
