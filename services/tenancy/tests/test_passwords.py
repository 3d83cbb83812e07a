"""What a password's hash costs is the operator's choice of two published profiles, and never locks anybody out."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher, extract_parameters
from chassis.settings import SettingsError, load
from tenancy.settings import Settings
from tenancy.tokens import PROFILES, Passwords

SECRET = "correct horse battery"


def _passwords(profile: str) -> Passwords:
    return Passwords(PasswordHasher.from_parameters(PROFILES[profile]))


async def test_password_hashed_by_one_profile_fits_after_the_operator_took_the_other() -> None:
    stored = {profile: await _passwords(profile).hash(SECRET) for profile in PROFILES}
    for profile in PROFILES:
        for hashed in stored.values():
            assert await _passwords(profile).verify(hashed, SECRET)
            assert not await _passwords(profile).verify(hashed, SECRET + "!")


async def test_hash_costs_what_its_profile_says() -> None:
    costs = {
        profile: extract_parameters(await _passwords(profile).hash(SECRET)) for profile in ("rfc9106", "owasp")
    }  # fmt: skip
    assert [(each.memory_cost, each.time_cost, each.parallelism) for each in costs.values()] == [
        (64 * 1024, 3, 4),  # RFC 9106, section 4, the second recommended
        (19 * 1024, 2, 1),  # OWASP Password Storage Cheat Sheet
    ]


def test_unknown_profile_is_said_before_the_start() -> None:
    with pytest.raises(SettingsError, match="MERKEZ_PASSWORD_PROFILE must be one of rfc9106, owasp"):
        load(Settings, service="tenancy", environ={"MERKEZ_PASSWORD_PROFILE": "none"})
