"""Who sends invoices and who gets them: the verbs, each within one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from chassis.sql import Tx
from kernel.ids import new_id

from billing.domain import parties
from billing.domain.parties import BillingProfile, LegalEntity, LegalEntityNotFound, NumbersInUse, PartyVersionConflict
from billing.domain.plans import plan_at
from billing.store import parties as store
from billing.store import plans


@dataclass(frozen=True)
class Numbered:
    """A legal entity with the numbers that come next."""

    entity: LegalEntity
    next_number: int
    next_credit_note: int


async def list_entities(tx: Tx) -> list[Numbered]:
    """Every legal entity, by name."""
    return [await _numbered(tx, each) for each in await store.entities(tx)]


async def create_entity(tx: Tx, wanted: LegalEntity, number: int, credit_note: int, now: datetime) -> Numbered:
    """A new legal entity; the first one is the default. Raises `LegalEntityInvalid`, `NumberPrefixTaken`."""
    checked = parties.check_entity(wanted)
    first = parties.check_next_number(number, "legal_entity.next_number")
    first_note = parties.check_next_number(credit_note, "legal_entity.next_credit_note_number")
    alone = not await store.entities(tx)
    made = replace(checked, legal_entity_id=new_id("lge", now), default=checked.default or alone, version=1)
    _prefixes_are_free(await store.entities(tx), made)
    await store.insert_entity(tx, made, first, first_note)
    if made.default:
        await store.only_default(tx, made.legal_entity_id)
    return Numbered(made, first, first_note)


async def update_entity(tx: Tx, legal_entity_id: str, wanted: LegalEntity, version: int) -> Numbered:
    """A legal entity as it shall be. Raises `LegalEntityNotFound`, `LegalEntityInvalid`,
    `PartyVersionConflict`, `NumbersInUse`, `NumberPrefixTaken`."""
    known = await store.entity(tx, legal_entity_id) if legal_entity_id else None
    if known is None:
        raise LegalEntityNotFound("There is no such legal entity.")
    if version not in (0, known.version):
        raise PartyVersionConflict("The legal entity has changed since: read it again.")
    checked = parties.check_entity(wanted)
    numbered = await _numbered(tx, known)
    if (checked.number_prefix != known.number_prefix and numbered.next_number > 1) or (
        checked.credit_note_prefix != known.credit_note_prefix and numbered.next_credit_note > 1
    ):
        raise NumbersInUse("Numbers with the old prefix were given already.")
    # Somebody always bills those that have nobody else: the default is changed by making another one it.
    changed = replace(
        checked, legal_entity_id=legal_entity_id, default=checked.default or known.default, version=known.version + 1
    )
    _prefixes_are_free(await store.entities(tx), changed)
    await store.save_entity(tx, changed)
    if changed.default:
        await store.only_default(tx, legal_entity_id)
    return replace(numbered, entity=changed)


async def currency(tx: Tx, now: datetime) -> str:
    """The currency of the tenant's plan; empty while none is known."""
    plan = plan_at(await plans.list_plans(tx), now)
    return plan.currency if plan else ""


async def get_profile(tx: Tx) -> BillingProfile:
    """How the tenant is billed."""
    return await store.profile(tx)


async def update_profile(tx: Tx, wanted: BillingProfile, version: int) -> BillingProfile:
    """Changes what the company says of itself; its terms stay. Raises `ProfileInvalid`, `PartyVersionConflict`."""
    known = await _profile_at(tx, version)
    changed = parties.check_profile(
        replace(
            wanted, payment_terms_days=known.payment_terms_days, legal_entity_id=known.legal_entity_id,
            version=known.version + 1,
        )
    )  # fmt: skip
    await store.save_profile(tx, changed)
    return changed


async def set_terms(tx: Tx, legal_entity_id: str, days: int, version: int) -> BillingProfile:
    """Sets who bills the company and how long it has to pay. Raises `LegalEntityNotFound`, `ProfileInvalid`,
    `PartyVersionConflict`."""
    known = await _profile_at(tx, version)
    if legal_entity_id and await store.entity(tx, legal_entity_id) is None:
        raise LegalEntityNotFound("There is no such legal entity.")
    changed = parties.check_profile(
        replace(known, legal_entity_id=legal_entity_id, payment_terms_days=days, version=known.version + 1)
    )
    await store.save_profile(tx, changed)
    return changed


async def _profile_at(tx: Tx, version: int) -> BillingProfile:
    known = await store.profile(tx)
    if version not in (0, known.version):
        raise PartyVersionConflict("The billing profile has changed since: read it again.")
    return known


async def _numbered(tx: Tx, entity: LegalEntity) -> Numbered:
    return Numbered(
        entity,
        await store.next_number(tx, entity.legal_entity_id, store.INVOICES),
        await store.next_number(tx, entity.legal_entity_id, store.CREDIT_NOTES),
    )


def _prefixes_are_free(others: list[LegalEntity], wanted: LegalEntity) -> None:
    taken = {
        prefix
        for each in others
        if each.legal_entity_id != wanted.legal_entity_id
        for prefix in (each.number_prefix, each.credit_note_prefix)
    }
    if taken & {wanted.number_prefix, wanted.credit_note_prefix}:
        raise parties.NumberPrefixTaken("Another legal entity's numbers begin so.")
