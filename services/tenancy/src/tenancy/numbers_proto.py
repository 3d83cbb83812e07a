"""Between the contract's messages and the domain's values: inventory, emergency addresses, numbers that move."""

from __future__ import annotations

from datetime import UTC, datetime

from chassis.instants import time_out
from merkez.tenancy.v1 import emergency_pb2, inventory_pb2, number_pb2, porting_pb2, tenancy_events_pb2

from tenancy.domain import port_orders
from tenancy.domain.emergency import CivicAddress, EmergencyAddress
from tenancy.domain.fields import FieldInvalid
from tenancy.domain.inventory import CAPABILITIES, HistoryEntry, NumberType, Stock
from tenancy.domain.numbers import Number
from tenancy.domain.port_orders import Details, Document, PortOrder
from tenancy.domain.port_outs import PortOut
from tenancy.domain.porting import Lane, PortEvent

_CIVIC = tuple(CivicAddress.__dataclass_fields__)


def capabilities_out(held: Number | Stock) -> list[number_pb2.NumberCapability.ValueType]:
    """What a number can carry."""
    return [
        number_pb2.NumberCapability.Value(f"NUMBER_CAPABILITY_{each}")
        for each in CAPABILITIES
        if getattr(held, each.lower())
    ]


def capabilities_in(given: object, field: str) -> tuple[str, ...]:
    """What numbers shall carry. Raises `FieldInvalid`."""
    return tuple(_name(number_pb2.NumberCapability, each, "NUMBER_CAPABILITY_", field) for each in given)  # type: ignore[attr-defined]


def type_out(kind: str) -> number_pb2.NumberType.ValueType:
    """What kind of number."""
    return number_pb2.NumberType.Value(f"NUMBER_TYPE_{kind or 'UNSPECIFIED'}")


def type_in(kind: int, field: str) -> str:
    """A kind, empty for all. Raises `FieldInvalid`."""
    return _name(number_pb2.NumberType, kind, "NUMBER_TYPE_", field, optional=True)


def kind_in(kind: int, field: str) -> NumberType:
    """A kind. Raises `FieldInvalid`."""
    return NumberType[_name(number_pb2.NumberType, kind, "NUMBER_TYPE_", field)]


def stock_out(stock: Stock, tenant_name: str) -> inventory_pb2.InventoryNumber:
    """A number as operators see it."""
    return inventory_pb2.InventoryNumber(
        number=stock.number,
        country=stock.country,
        test=stock.test,
        type=type_out(stock.type),
        capabilities=capabilities_out(stock),
        emergency_capable=stock.emergency,
        carrier=stock.carrier,
        price_class=stock.price_class,
        state=inventory_pb2.InventoryState.Value(f"INVENTORY_STATE_{stock.state}"),
        tenant_id=stock.holder or stock.kept_for,
        tenant_name=tenant_name,
        kept_until_time=time_out(stock.kept_until),
        version=stock.version,
    )


def inventory_state_in(state: int, field: str) -> str:
    """A state numbers are listed by, empty for all. Raises `FieldInvalid`."""
    return _name(inventory_pb2.InventoryState, state, "INVENTORY_STATE_", field, optional=True)


def history_out(entry: HistoryEntry) -> inventory_pb2.NumberHistoryEntry:
    """Something that happened to a number."""
    said = {name: value for name, value in vars(entry).items() if name != "event_time"}
    return inventory_pb2.NumberHistoryEntry(event_time=time_out(entry.event_time), **said)


def civic_in(address: emergency_pb2.CivicAddress) -> CivicAddress:
    """A place as somebody wrote it."""
    return CivicAddress(**{name: getattr(address, name) for name in _CIVIC})


def civic_out(address: CivicAddress) -> emergency_pb2.CivicAddress:
    """A place."""
    return emergency_pb2.CivicAddress(**vars(address))


def address_out(address: EmergencyAddress) -> emergency_pb2.EmergencyAddress:
    """An emergency address as the contract shows it."""
    return emergency_pb2.EmergencyAddress(
        emergency_address_id=address.emergency_address_id,
        brand_id=address.brand_id,
        address=civic_out(address.civic),
        state=emergency_pb2.EmergencyAddressState.Value(f"EMERGENCY_ADDRESS_STATE_{address.state}"),
        problem=address.problem,
        validate_time=time_out(address.validate_time),
        create_time=time_out(address.create_time),
        version=address.version,
    )


def order_out(order: PortOrder, now: datetime, *, whole: bool = True) -> porting_pb2.PortOrder:
    """A port order as the contract shows it; in facts without what only the company reads."""
    ends = [end for each in order.lanes if (end := port_orders.no_return_time(order, each)) is not None]
    return porting_pb2.PortOrder(
        port_order_id=order.port_order_id,
        brand_id=order.brand_id,
        flow_id=order.flow_id,
        numbers=[
            porting_pb2.PortNumber(
                number=each.number,
                portability=porting_pb2.Portability.Value(f"PORTABILITY_{each.portability or 'UNSPECIFIED'}"),
                problem=each.problem,
                losing_carrier=each.losing_carrier,
            )
            for each in order.numbers
        ],
        lanes=[_lane_out(order, each, now) for each in order.lanes],
        details=_details_out(order) if whole else None,
        wanted_date=order.wanted_date.isoformat() if order.wanted_date else "",
        first_date=port_orders.first_date(order, now).isoformat() if whole and not order.over else "",
        documents=[document_out(each) for each in order.documents] if whole else (),
        missing=order.missing,
        no_return_time=time_out(min(ends)) if ends else None,
        cancelling=any(each.cancel_asked for each in order.lanes),
        carrier_away=any(each.failures for each in order.lanes),
        create_time=time_out(order.create_time),
        update_time=time_out(order.update_time),
        version=order.version,
    )


def details_in(details: porting_pb2.PortDetails) -> Details:
    """What the losing carrier has to know, as somebody wrote it."""
    return Details(
        details.losing_carrier, details.account_number, details.authorized_person, civic_in(details.address),
        details.account_pin,
    )  # fmt: skip


def document_out(document: Document) -> porting_pb2.PortDocument:
    """A document without its content."""
    return porting_pb2.PortDocument(
        port_document_id=document.port_document_id,
        kind=porting_pb2.PortDocumentKind.Value(f"PORT_DOCUMENT_KIND_{document.kind}"),
        file_name=document.file_name,
        media_type=document.media_type,
        size=document.size,
        create_time=time_out(document.create_time),
    )


def document_kind_in(kind: int, field: str) -> str:
    """What a document is. Raises `FieldInvalid`."""
    return _name(porting_pb2.PortDocumentKind, kind, "PORT_DOCUMENT_KIND_", field)


def channel_in(channel: int, field: str) -> str:
    """A channel, empty for all. Raises `FieldInvalid`."""
    return _name(porting_pb2.PortChannel, channel, "PORT_CHANNEL_", field, optional=True)


def event_out(event: PortEvent) -> porting_pb2.PortEvent:
    """A line of a time line."""
    return porting_pb2.PortEvent(
        event_time=time_out(event.event_time),
        channel=porting_pb2.PortChannel.Value(f"PORT_CHANNEL_{event.channel or 'UNSPECIFIED'}"),
        kind=event.kind,
        state=porting_pb2.PortState.Value(f"PORT_STATE_{event.state or 'UNSPECIFIED'}"),
        note=event.note,
        user_id=event.user_id,
    )


def port_out_out(out: PortOut) -> porting_pb2.PortOut:
    """Another carrier's request as the contract shows it."""
    return porting_pb2.PortOut(
        port_out_id=out.port_out_id,
        numbers=out.numbers,
        gaining_carrier=out.gaining_carrier,
        state=porting_pb2.PortOutState.Value(f"PORT_OUT_STATE_{out.state}"),
        create_time=time_out(out.create_time),
        answer_until_time=time_out(out.answer_until),
        refusal=out.refusal,
        version=out.version,
    )


def porting_changed(order: PortOrder, now: datetime) -> tenancy_events_pb2.NumberPortingChanged:
    """The fact that an order came into another state."""
    return tenancy_events_pb2.NumberPortingChanged(order=order_out(order, now, whole=False))


def port_out_changed(out: PortOut) -> tenancy_events_pb2.PortOutChanged:
    """The fact that another carrier asks for numbers, or that it was settled."""
    return tenancy_events_pb2.PortOutChanged(port_out=port_out_out(out))


def instant_in(message: object) -> datetime:
    """A Timestamp as an instant."""
    return message.ToDatetime(tzinfo=UTC)  # type: ignore[attr-defined]


def _lane_out(order: PortOrder, lane: Lane, now: datetime) -> porting_pb2.PortLane:
    return porting_pb2.PortLane(
        channel=porting_pb2.PortChannel.Value(f"PORT_CHANNEL_{lane.channel}"),
        state=porting_pb2.PortState.Value(f"PORT_STATE_{lane.state.value}"),
        state_time=time_out(lane.state_time),
        foc_time=time_out(lane.foc_time),
        port_time=time_out(lane.port_time),
        exception=lane.exception,
        exception_note=lane.exception_note,
        cancellable=port_orders.cancellable(order, lane, now) and not lane.cancel_asked,
    )


def _details_out(order: PortOrder) -> porting_pb2.PortDetails | None:
    details = order.details
    if not details.losing_carrier:
        return None
    return porting_pb2.PortDetails(
        losing_carrier=details.losing_carrier,
        account_number=details.account_number,
        account_pin_set=order.pin_set,
        authorized_person=details.authorized_person,
        address=civic_out(details.address),
    )


def _name(kind: object, value: int, prefix: str, field: str, *, optional: bool = False) -> str:
    if value not in kind.values():  # type: ignore[attr-defined]
        raise FieldInvalid.of(field, f"must be a {prefix.rstrip('_')}")
    name = kind.Name(value).removeprefix(prefix)  # type: ignore[attr-defined]
    if name == "UNSPECIFIED":
        if not optional:
            raise FieldInvalid.of(field, "is required")
        return ""
    return name
