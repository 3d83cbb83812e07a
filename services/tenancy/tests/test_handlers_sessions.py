"""Signing up, in and out, as a caller sees it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from chassis.auth import STRANGER, acting_as
from joserfc import jwt
from joserfc.jwk import KeySet
from kernel.errors import AlreadyExists, DomainError, InvalidInput, NotFound, QuotaExceeded, Unauthenticated
from merkez.tenancy.v1 import session_pb2, session_service_pb2
from tenancy.domain.sessions import IDLE_LIFE, LONGEST_LIFE
from tenancy.store import tables

PASSWORD = "correct horse battery"


async def reason_of(call: Any) -> str:
    with pytest.raises(DomainError) as refused:
        await call
    return refused.value.reason


async def test_company_signs_up_and_its_owner_is_signed_in(town: Any) -> None:
    firm = await town.sign_up(company_name="  Acme Contact ")
    assert firm.tenant.display_name == "Acme Contact"
    assert (firm.tenant.plan_id, firm.tenant.currency, firm.tenant.language) == ("growth", "EUR", "tr")
    assert firm.session.user.role == session_pb2.ROLE_OWNER and firm.session.tenant_id == firm.tenant_id
    with acting_as(STRANGER):
        keys = await town.stubs.sessions.GetSigningKeys(session_service_pb2.GetSigningKeysRequest())
    import json

    claims = jwt.decode(
        firm.session.access_token, KeySet.import_key_set(json.loads(keys.jwks_json)), algorithms=["Ed25519"]
    ).claims
    assert (claims["tenant"], claims["role"], claims["aud"]) == (firm.tenant_id, "owner", "merkez")
    assert claims["exp"] - claims["iat"] == 300 and '"d"' not in keys.jwks_json
