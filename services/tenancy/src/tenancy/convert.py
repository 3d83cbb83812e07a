"""Between the contract's messages and the domain's values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from chassis.instants import time_out
from merkez.tenancy.v1 import number_pb2, number_service_pb2, session_pb2, tenancy_events_pb2, tenant_pb2

from tenancy import numbers_proto
from tenancy.domain.call_rules import PARK_ENDS, TONES, CallRules, call_rules_of
from tenancy.domain.emergency import EmergencyAddress
from tenancy.domain.fields import FieldInvalid
from tenancy.domain.numbers import Number
from tenancy.domain.people import ApiKey, AuditEntry, Brand, Invitation, Notice, Tenant, User
from tenancy.domain.plans import Plan
from tenancy.plans_proto import entitlements_out


def tenant_out(tenant: Tenant, currency: str) -> tenant_pb2.Tenant:
    """A tenant as the contract shows it."""
    return tenant_pb2.Tenant(
        tenant_id=tenant.tenant_id,
        display_name=tenant.display_name,
        state=tenant_pb2.TenantState.Value(f"TENANT_STATE_{tenant.state}"),
        plan_id=tenant.plan_id,
        plan_version=tenant.plan_version,
        language=tenant.language,
        time_zone=tenant.time_zone,
        currency=currency,
        create_time=time_out(tenant.create_time),
        version=tenant.version,
        suspend_reason=tenant.suspend_reason,
        restricted=tenant.restricted,
    )


def tenant_state_in(state: int, field: str) -> str:
    """A state tenants are listed by, empty for all. Raises `FieldInvalid`."""
    if state not in tenant_pb2.TenantState.values():
        raise FieldInvalid.of(field, "must be a TENANT_STATE")
    name = tenant_pb2.TenantState.Name(state).removeprefix("TENANT_STATE_")  # type: ignore[arg-type]
    return "" if name == "UNSPECIFIED" else name


def brand_out(brand: Brand) -> tenant_pb2.Brand:
    """A brand as the contract shows it."""
    return tenant_pb2.Brand(
        brand_id=brand.brand_id,
        display_name=brand.display_name,
        language=brand.language,
        time_zone=brand.time_zone,
        widget_key=brand.widget_key,
        widget_number=brand.widget_number,
        service_level_threshold_seconds=brand.service_level_threshold_seconds,
        create_time=time_out(brand.create_time),
        update_time=time_out(brand.update_time),
        version=brand.version,
        caller_number=brand.caller_number,
        call_rules=call_rules_out(call_rules_of(brand.call_rules)),
    )


_TONES = {name: tenant_pb2.RecordingTone.Value(f"RECORDING_TONE_{name or 'UNSPECIFIED'}") for name in TONES}
_PARK_ENDS = {name: tenant_pb2.ParkEnd.Value(f"PARK_END_{name or 'UNSPECIFIED'}") for name in PARK_ENDS}


def call_rules_out(rules: CallRules) -> tenant_pb2.CallRules:
    """How calls are handled, as the contract shows it."""
    return tenant_pb2.CallRules(
        recording_tone=_TONES[rules.recording_tone],
        recording_tone_seconds=rules.recording_tone_seconds,
        recording_tone_for_agents=rules.recording_tone_for_agents,
        park_seconds=rules.park_seconds,
        park_end=_PARK_ENDS[rules.park_end],
        callers_hidden=rules.callers_hidden,
    )


def call_rules_in(message: tenant_pb2.CallRules) -> CallRules:
    """How somebody wants calls to be handled. Raises `FieldInvalid` for a value this version doesn't know."""
    tones, ends = ({number: name for name, number in known.items()} for known in (_TONES, _PARK_ENDS))
    for field, known in (("recording_tone", tones), ("park_end", ends)):
        if getattr(message, field) not in known:
            raise FieldInvalid.of(f"brand.call_rules.{field}", "is not a value this version knows")
    return CallRules(
        tones[message.recording_tone],
        message.recording_tone_seconds,
        message.recording_tone_for_agents,
        message.park_seconds,
        ends[message.park_end],
        message.callers_hidden,
    )


def notice_out(notice: Notice) -> tenant_pb2.Notice:
    """A notice as the contract shows it."""
    return tenant_pb2.Notice(
        notice_id=notice.notice_id,
        kind=notice.kind,
        parameters=notice.parameters,
        count=notice.count,
        create_time=time_out(notice.create_time),
        update_time=time_out(notice.update_time),
        dismissed=notice.dismissed,
    )


def user_out(user: User) -> session_pb2.User:
    """A user as the contract shows them."""
    return session_pb2.User(
        user_id=user.user_id,
        display_name=user.display_name,
        email=user.email,
        role=role_out(user.role),
        state=session_pb2.UserState.Value(f"USER_STATE_{user.state}"),
        language=user.language,
        last_sign_in_time=time_out(user.last_sign_in_time),
        create_time=time_out(user.create_time),
        version=user.version,
    )


def invitation_out(invitation: Invitation, now: datetime) -> session_pb2.Invitation:
    """An invitation as the contract shows it; with its link only while the secret is known."""
    return session_pb2.Invitation(
        invitation_id=invitation.invitation_id,
        email=invitation.email,
        display_name=invitation.display_name,
        role=role_out(invitation.role),
        state=session_pb2.InvitationState.Value(f"INVITATION_STATE_{invitation.state_at(now)}"),
        link_path=link_path(invitation.secret),
        expire_time=time_out(invitation.expire_time),
        emailed=invitation.emailed,
        create_time=time_out(invitation.create_time),
    )


def link_path(secret: str) -> str:
    """Where an invitation's link leads on this installation; empty without a secret."""
    return f"/invitation/{secret}" if secret else ""


def api_key_out(key: ApiKey) -> session_pb2.ApiKey:
    """An API key as the contract shows it, without its secret."""
    return session_pb2.ApiKey(
        api_key_id=key.api_key_id,
        display_name=key.display_name,
        prefix=key.prefix,
        scopes=key.scopes,
        last_use_time=time_out(key.last_use_time),
        revoke_time=time_out(key.revoke_time),
        create_time=time_out(key.create_time),
    )


def audit_out(entry: AuditEntry) -> session_pb2.AuditEntry:
    """An audit entry as the contract shows it."""
    values = {name: value for name, value in vars(entry).items() if name != "create_time"}
    return session_pb2.AuditEntry(**values, create_time=time_out(entry.create_time))


def audit_in(entry: session_pb2.AuditEntry) -> AuditEntry:
    """An audit entry as the edge told of it."""
    names = ("audit_entry_id", "subject", "subject_name", "action", "target", "outcome", "address")
    time = entry.create_time.ToDatetime(tzinfo=UTC)
    return AuditEntry(**{name: getattr(entry, name) for name in names}, create_time=time)


def number_out(number: Number) -> number_pb2.Number:
    """A number as the contract shows it."""
    return number_pb2.Number(
        number=number.number,
        country=number.country,
        test=number.test,
        brand_id=number.brand_id,
        flow_id=number.flow_id,
        assign_time=time_out(number.assign_time),
        version=number.version,
        brought=number.brought,
        trunk_id=number.trunk_id,
        approve_time=time_out(number.approve_time),
        type=numbers_proto.type_out(number.type),
        capabilities=() if number.brought else numbers_proto.capabilities_out(number),
        emergency_capable=number.emergency,
        price_class=number.price_class,
        ported=number.ported,
        emergency_address_id=number.emergency_address_id,
        kept=number_pb2.NumberKept.Value(f"NUMBER_KEPT_{number.kept or 'UNSPECIFIED'}"),
        kept_until_time=time_out(number.kept_until),
    )


def route_out(tenant: Tenant, brand: Brand, number: Number, plan: Plan) -> number_service_pb2.LookupRouteResponse:
    """Where a call leads."""
    return number_service_pb2.LookupRouteResponse(
        tenant_id=tenant.tenant_id,
        brand=brand_out(brand),
        number=number_out(number),
        entitlements=entitlements_out(plan),
        tenant_state=tenant_pb2.TenantState.Value(f"TENANT_STATE_{tenant.state}"),
        caller_number=brand.shown_number,
    )


def caller_numbers_out(
    tenant: Tenant,
    brand: Brand | None,
    numbers: Sequence[Number],
    plan: Plan,
    emergency: tuple[Number, EmergencyAddress | None] | None,
) -> number_service_pb2.GetCallerNumbersResponse:
    """What a tenant may show and do when it dials out."""
    default = brand.shown_number if brand else ""
    return number_service_pb2.GetCallerNumbersResponse(
        numbers=[each.number for each in numbers],
        trunk_ids={each.number: each.trunk_id for each in numbers if each.trunk_id},
        default_number=default if default in {each.number for each in numbers} else "",
        brand_name=brand.display_name if brand else "",
        language=brand.language if brand else tenant.language,
        call_rules=call_rules_out(call_rules_of(brand.call_rules)) if brand else None,
        brand_id=brand.brand_id if brand else "",
        tenant_restricted=tenant.restricted,
        tenant_state=tenant_pb2.TenantState.Value(f"TENANT_STATE_{tenant.state}"),
        entitlements=entitlements_out(plan),
        emergency_number=emergency[0].number if emergency else "",
        emergency_address=numbers_proto.address_out(emergency[1]) if emergency and emergency[1] else None,
    )


def role_out(role: str) -> session_pb2.Role.ValueType:
    """A role as the contract names it."""
    return session_pb2.Role.Value(f"ROLE_{role}")


def role_in(role: int, field: str) -> str:
    """A role a user of a tenant may have. Raises `FieldInvalid`."""
    names = {
        session_pb2.ROLE_OWNER: "OWNER",
        session_pb2.ROLE_ADMIN: "ADMIN",
        session_pb2.ROLE_SUPERVISOR: "SUPERVISOR",
        session_pb2.ROLE_AGENT: "AGENT",
    }
    found = {int(known): name for known, name in names.items()}.get(role)
    if found is None:
        raise FieldInvalid.of(field, "must be ROLE_OWNER, ROLE_ADMIN, ROLE_SUPERVISOR or ROLE_AGENT")
    return found


def state_in(state: int, field: str) -> str:
    """A user's state. Raises `FieldInvalid`."""
    if state not in (session_pb2.USER_STATE_ACTIVE, session_pb2.USER_STATE_DISABLED):
        raise FieldInvalid.of(field, "must be USER_STATE_ACTIVE or USER_STATE_DISABLED")
    return session_pb2.UserState.Name(state).removeprefix("USER_STATE_")  # type: ignore[arg-type]


def tenant_signed_up(tenant: Tenant, currency: str, owner: User) -> tenancy_events_pb2.TenantSignedUp:
    """The fact that a tenant was created."""
    return tenancy_events_pb2.TenantSignedUp(tenant=tenant_out(tenant, currency), owner_user_id=owner.user_id)


def tenant_changed(tenant: Tenant, currency: str) -> tenancy_events_pb2.TenantChanged:
    """The fact that a tenant's name, language or time zone changed."""
    return tenancy_events_pb2.TenantChanged(tenant=tenant_out(tenant, currency))


def tenant_suspended(tenant: Tenant, currency: str) -> tenancy_events_pb2.TenantSuspended:
    """The fact that a tenant was suspended."""
    return tenancy_events_pb2.TenantSuspended(tenant=tenant_out(tenant, currency))


def tenant_resumed(tenant: Tenant, currency: str) -> tenancy_events_pb2.TenantResumed:
    """The fact that a tenant was resumed."""
    return tenancy_events_pb2.TenantResumed(tenant=tenant_out(tenant, currency))


def brand_changed(brand: Brand) -> tenancy_events_pb2.BrandChanged:
    """The fact that a brand was created or changed."""
    return tenancy_events_pb2.BrandChanged(brand=brand_out(brand))


def user_joined(user: User) -> tenancy_events_pb2.UserJoined:
    """The fact that somebody joined."""
    return tenancy_events_pb2.UserJoined(user=user_out(user))


def user_changed(user: User) -> tenancy_events_pb2.UserChanged:
    """The fact that a user changed."""
    return tenancy_events_pb2.UserChanged(user=user_out(user))


def number_assigned(number: Number) -> tenancy_events_pb2.NumberAssigned:
    """The fact that a number was assigned."""
    return tenancy_events_pb2.NumberAssigned(number=number_out(number))


def number_changed(number: Number) -> tenancy_events_pb2.NumberChanged:
    """The fact that a number was pointed elsewhere."""
    return tenancy_events_pb2.NumberChanged(number=number_out(number))


def number_released(number: str, when: datetime) -> tenancy_events_pb2.NumberReleased:
    """The fact that a number was given back."""
    return tenancy_events_pb2.NumberReleased(number=number, release_time=time_out(when))


def notice_raised(notice: Notice) -> tenancy_events_pb2.NoticeRaised:
    """The fact that the owner has something to know."""
    return tenancy_events_pb2.NoticeRaised(notice=notice_out(notice))
