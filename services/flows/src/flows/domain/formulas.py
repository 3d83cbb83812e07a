"""What expressions mean: the types of their parts, checked before a flow is published, and their values in a call.

There are four types: text, number, boolean, time. Attributes are texts; `number(total)` makes a number of one. Nothing
is converted by itself, so a slip shows while the flow is edited and not when a caller is on the line.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, DecimalException
from enum import StrEnum
from zoneinfo import ZoneInfo, available_timezones

from flows.domain.expressions import Call, Constant, ExpressionInvalid, Name, Node, parse
from flows.domain.number_lists import KEY, Asked

MAX_TEXT = 4096
"""Characters of any text on the way; attributes are shorter."""
_CONTEXT = Context(prec=28, rounding=ROUND_HALF_EVEN, Emax=40, Emin=-40)
_NUMBER = re.compile(r"\s*[+-]?\d{1,18}(\.\d{1,9})?\s*")

IN_LIST = "in_list"
"""The function that asks whether a number is in a list; what it comes to is looked up before."""

Value = str | Decimal | bool | datetime


class Type(StrEnum):
    """What a value is."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"


class ExpressionFailed(Exception):
    """It can't be worked out with these values, such as the number of a word."""


_FAILURES = (ExpressionFailed, ExpressionInvalid, DecimalException, ArithmeticError, ValueError, TypeError)


@dataclass(frozen=True)
class _Function:
    """What a function takes and gives. `options` are arguments that may be left out; `more`: the last repeats."""

    takes: tuple[Type, ...]
    gives: Type
    work: Callable[..., Value]
    options: int = 0
    more: bool = False
    constant: int = -1
    """The argument that must be written out, so that it can be checked before."""


def typed(tree: Node, names: Mapping[str, Type]) -> Type:
    """The type of an expression; a name that isn't among `names` is a text. Raises ExpressionInvalid."""
    match tree:
        case Constant(_, value):
            return _type_of(value)
        case Name(_, name):
            return names.get(name, Type.TEXT)
        case Call(_, function, arguments):
            found = [typed(each, names) for each in arguments]
            if function == "if":
                return _choice(tree, found)
            return (_operator if function in _OPERATORS else _call)(tree, found)


def check(text: str, wanted: Type | None, names: Mapping[str, Type]) -> None:
    """Refuse an expression that can't be read or is of another type than is wanted. Raises ExpressionInvalid."""
    tree = parse(text)
    found = typed(tree, names)
    if wanted is not None and found is not wanted:
        hint = " Compare it with something: == 'yes'." if wanted is Type.BOOLEAN else ""
        raise ExpressionInvalid(1, f"It gives a {found}, and a {wanted} belongs here.{hint}")


def names_in(text: str) -> Iterator[Name]:
    """The names an expression reads; none when it can't be read."""
    return (each for each in _parts(text) if isinstance(each, Name))


def lists_in(text: str) -> Iterator[Constant]:
    """The keys of the number lists an expression asks about; none when it can't be read."""
    for _, key in _list_tests(text):
        yield key


def compared_with(text: str, name: str) -> Iterator[Constant]:
    """The texts an expression compares an attribute with; none when it can't be read."""
    for each in _parts(text):
        match each:
            case Call(_, "==" | "!=", (Name(_, other), Constant() as value)) if other == name:
                yield value
            case Call(_, "==" | "!=", (Constant() as value, Name(_, other))) if other == name:
                yield value
            case Call(_, "one_of", (Name(_, other), *values)) if other == name:
                yield from (each for each in values if isinstance(each, Constant))
            case _:
                pass


def asked_lists(text: str, values: Mapping[str, Value], now: datetime) -> Iterator[Asked]:
    """What has to be looked up before an expression can be worked out: a number, and the list it may be in."""
    for number, key in _list_tests(text):
        try:
            yield str(_value(number, values, _Call(now))), str(key.value)
        except _FAILURES:
            continue  # it won't be asked for either


def _list_tests(text: str) -> Iterator[tuple[Node, Constant]]:
    for each in _parts(text):
        match each:
            case Call(_, "in_list", (number, Constant() as key)):
                yield number, key
            case _:
                pass


def _parts(text: str) -> Iterator[Node]:
    try:
        tree = parse(text)
    except ExpressionInvalid:
        return
    yield from _parts_of(tree)


def _parts_of(whole: Node) -> Iterator[Node]:
    waiting = [whole]
    while waiting:
        tree = waiting.pop()
        yield tree
        if isinstance(tree, Call):
            waiting += reversed(tree.arguments)


@dataclass(frozen=True)
class _Call:
    """What an expression may know of the call beside the attributes."""

    now: datetime
    listed: Collection[Asked] = ()


def evaluate(text: str, values: Mapping[str, Value], now: datetime, listed: Collection[Asked] = ()) -> Value:
    """The value of an expression that was checked; a name without a value is an empty text, a number is in the lists
    that `listed` says. Raises ExpressionFailed."""
    try:
        return _value(parse(text), values, _Call(now, listed))
    except _FAILURES as error:
        raise ExpressionFailed(str(error) or type(error).__name__) from error


def holds(text: str, values: Mapping[str, Value], now: datetime, listed: Collection[Asked] = ()) -> bool:
    """Whether a condition holds. Raises ExpressionFailed."""
    return evaluate(text, values, now, listed) is True


def written(value: Value) -> str:
    """A value as the text of an attribute: `true`, `12.5`, `2026-03-02T09:00:00Z`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        plain = f"{value:f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    return value


def read(text: str, kind: Type) -> Value:
    """A value of an attribute's text. Raises ExpressionFailed when it is none of that type."""
    try:
        match kind:
            case Type.NUMBER:
                return _number(text)
            case Type.BOOLEAN:
                return {"true": True, "false": False}[text.strip().lower()]
            case Type.TIME:
                return _time(text)
            case Type.TEXT:
                return text
    except (ValueError, KeyError) as error:
        raise ExpressionFailed(f"{text[:40]!r} is no {kind}") from error


def _type_of(value: Value) -> Type:
    if isinstance(value, bool):
        return Type.BOOLEAN
    if isinstance(value, Decimal):
        return Type.NUMBER
    return Type.TIME if isinstance(value, datetime) else Type.TEXT


def _operator(tree: Call, found: list[Type]) -> Type:
    sign = tree.function
    if sign in ("and", "or", "not"):
        _require(tree, found, Type.BOOLEAN)
        return Type.BOOLEAN
    if sign in ("==", "!="):
        if found[0] is not found[1]:
            message = f"A {found[0]} can't be compared with a {found[1]}.{_conversion(found)}"
            raise ExpressionInvalid(tree.column, message)
        return Type.BOOLEAN
    if sign in _ORDER:
        if found[0] is not found[1] or found[0] not in (Type.NUMBER, Type.TIME):
            message = (
                f"{sign} compares two numbers or two times, not a {found[0]} with a {found[1]}.{_conversion(found)}"
            )
            raise ExpressionInvalid(tree.column, message)
        return Type.BOOLEAN
    if sign == "+" and found == [Type.TEXT, Type.TEXT]:
        return Type.TEXT
    _require(tree, found, Type.NUMBER)
    return Type.NUMBER


def _require(tree: Call, found: list[Type], wanted: Type) -> None:
    for argument, each in zip(tree.arguments, found, strict=True):
        if each is not wanted:
            hint = _conversion([*found, wanted]) if wanted is Type.NUMBER else ""
            raise ExpressionInvalid(argument.column, f"{tree.function} takes a {wanted}, and this is a {each}.{hint}")


def _conversion(found: list[Type]) -> str:
    if Type.TEXT not in found or len(set(found)) == 1:
        return ""
    other = next(each for each in found if each is not Type.TEXT)
    return f" Make a {other} of the text: {other}(…)." if other in (Type.NUMBER, Type.TIME) else ""


def _choice(tree: Call, found: list[Type]) -> Type:
    if len(found) != 3:
        raise ExpressionInvalid(tree.column, "if takes three things: a condition, a value, and another value.")
    if found[0] is not Type.BOOLEAN:
        raise ExpressionInvalid(tree.arguments[0].column, f"if takes a condition first, and this is a {found[0]}.")
    if found[1] is not found[2]:
        message = f"Both values of an if must be of one type, and these are a {found[1]} and a {found[2]}."
        raise ExpressionInvalid(tree.arguments[2].column, message)
    return found[1]


def _call(tree: Call, found: list[Type]) -> Type:
    function = _FUNCTIONS.get(tree.function)
    if function is None:
        known = ", ".join(sorted((*_FUNCTIONS, "if")))
        raise ExpressionInvalid(tree.column, f"There is no function {tree.function}. Known are: {known}.")
    takes = list(function.takes)
    if function.more:
        takes += [takes[-1]] * (len(found) - len(takes))
    if not len(function.takes) - function.options <= len(found) <= len(takes):
        wanted = ", ".join(function.takes) + (", …" if function.more else "")
        raise ExpressionInvalid(tree.column, f"{tree.function} takes ({wanted}), and {len(found)} are here.")
    for argument, each, wanted in zip(tree.arguments, found, takes, strict=False):
        if each is not wanted:
            message = f"{tree.function} takes a {wanted} here, and this is a {each}.{_conversion([each, wanted])}"
            raise ExpressionInvalid(argument.column, message)
    if tree.function == IN_LIST:
        _refuse_lists_within(tree.arguments[0])
    if 0 <= function.constant < len(found):
        _check_constant(tree.function, tree.arguments[function.constant])
    return function.gives


def _refuse_lists_within(number: Node) -> None:
    # All lists are asked at once, before anything is worked out: the answer to one can't say what is asked of another.
    for each in _parts_of(number):
        if isinstance(each, Call) and each.function == IN_LIST:
            message = f"{IN_LIST} can't be asked within the number of another {IN_LIST}: join them with and, or, if."
            raise ExpressionInvalid(each.column, message)


def _check_constant(function: str, argument: Node) -> None:
    if not isinstance(argument, Constant):
        raise ExpressionInvalid(
            argument.column, f"{function} takes a text here that is written out, in quotation marks."
        )
    if function == IN_LIST:
        if not KEY.fullmatch(str(argument.value)):
            message = f"{argument.value!r} is no key of a number list: write one such as 'vip'."
            raise ExpressionInvalid(argument.column, message)
        return
    if argument.value not in available_timezones():
        message = f"{argument.value!r} is no time zone: write one such as 'Asia/Baku'."
        raise ExpressionInvalid(argument.column, message)


def _value(tree: Node, values: Mapping[str, Value], call: _Call) -> Value:
    match tree:
        case Constant(_, value):
            return value
        case Name(_, name):
            return values.get(name, "")
        case Call(_, "if", (condition, then, otherwise)):
            return _value(then if _value(condition, values, call) else otherwise, values, call)
        case Call(_, "and", (left, right)):
            return bool(_value(left, values, call)) and bool(_value(right, values, call))
        case Call(_, "or", (left, right)):
            return bool(_value(left, values, call)) or bool(_value(right, values, call))
        case Call(_, "now", arguments):
            return call.now.astimezone(ZoneInfo(str(_value(arguments[0], values, call))) if arguments else UTC)
        case Call(_, "in_list", (number, key)):
            return (_value(number, values, call), _value(key, values, call)) in call.listed
        case Call(_, function, arguments):
            given = [_value(each, values, call) for each in arguments]
            work = _OPERATORS[function] if function in _OPERATORS else _FUNCTIONS[function].work
            return _short(work(*given))


def _short(value: Value) -> Value:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise ExpressionFailed(f"a text became longer than {MAX_TEXT} characters")
    return value


def _number(text: str, otherwise: Decimal | None = None) -> Decimal:
    if _NUMBER.fullmatch(text):
        return Decimal(text.strip())
    if otherwise is None:
        raise ExpressionFailed(f"{text[:40]!r} is no number")
    return otherwise


def _time(text: str) -> datetime:
    try:
        made = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ExpressionFailed(f"{text[:40]!r} is no time: 2026-03-01T09:00:00Z is one") from error
    return made if made.tzinfo else made.replace(tzinfo=UTC)


def like(text: str, pattern: str) -> bool:
    """Whether a text is like a pattern as a whole: `*` stands for any characters, `?` for one, `#` for one digit.

    What stands between two stars has a fixed length and is taken where it comes first, so nothing is tried twice.
    """
    pieces = [_piece(each) for each in pattern.split("*")]
    first, last = pieces[0].match(text), pieces[-1]
    if first is None:
        return False
    if len(pieces) == 1:
        return first.end() == len(text)
    at = first.end()
    for piece in pieces[1:-1]:
        found = piece.search(text, at)
        if found is None:
            return False
        at = found.end()
    left = len(text) - len(pattern.rsplit("*", 1)[1])
    return left >= at and last.match(text, left) is not None


@functools.lru_cache(maxsize=1024)
def _piece(signs: str) -> re.Pattern[str]:
    return re.compile("".join({"?": ".", "#": "[0-9]"}.get(sign, re.escape(sign)) for sign in signs), re.DOTALL)


def _divided(left: Decimal, right: Decimal) -> Decimal:
    if not right:
        raise ExpressionFailed("a number was divided by zero")
    return _CONTEXT.divide(left, right)


def _remainder(left: Decimal, right: Decimal) -> Decimal:
    if not right:
        raise ExpressionFailed("a number was divided by zero")
    return _CONTEXT.remainder(left, right)


def _minus(left: Decimal, right: Decimal | None = None) -> Decimal:
    return -left if right is None else _CONTEXT.subtract(left, right)


def _plus(left: Value, right: Value) -> Value:
    if isinstance(left, str):
        return left + str(right)
    assert isinstance(left, Decimal) and isinstance(right, Decimal)
    return _CONTEXT.add(left, right)


def _rounded(number: Decimal, places: Decimal = Decimal(0)) -> Decimal:
    return round(number, max(0, min(9, int(places))))


def _part(name: str) -> _Function:
    return _Function((Type.TIME,), Type.NUMBER, lambda time: Decimal(getattr(time, name)))


_ORDER = {"<", "<=", ">", ">="}
_OPERATORS: Mapping[str, Callable[..., Value]] = {
    "and": lambda left, right: left and right, "or": lambda left, right: left or right, "not": lambda each: not each,
    "==": lambda left, right: left == right, "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right, "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right, ">=": lambda left, right: left >= right,
    "+": _plus, "-": _minus, "*": _CONTEXT.multiply, "/": _divided, "%": _remainder,
}  # fmt: skip

_T, _N, _B, _W = Type.TEXT, Type.NUMBER, Type.BOOLEAN, Type.TIME
_FUNCTIONS: Mapping[str, _Function] = {
    "length": _Function((_T,), _N, lambda text: Decimal(len(text))),
    "lower": _Function((_T,), _T, str.lower),
    "upper": _Function((_T,), _T, str.upper),
    "trim": _Function((_T,), _T, str.strip),
    "contains": _Function((_T, _T), _B, lambda text, part: part in text),
    "starts": _Function((_T, _T), _B, lambda text, part: text.startswith(part)),
    "ends": _Function((_T, _T), _B, lambda text, part: text.endswith(part)),
    "matches": _Function((_T, _T), _B, like),
    "one_of": _Function((_T, _T), _B, lambda text, *others: text in others, more=True),
    IN_LIST: _Function((_T, _T), _B, lambda *_: False, constant=1),
    "default": _Function((_T, _T), _T, lambda text, otherwise: text if text.strip() else otherwise),
    "text": _Function((_N,), _T, written),
    "number": _Function((_T, _N), _N, _number, options=1),
    "round": _Function((_N, _N), _N, _rounded, options=1),
    "time": _Function((_T,), _W, _time),
    "now": _Function((_T,), _W, lambda *_: "", options=1, constant=0),
    "year": _part("year"),
    "month": _part("month"),
    "day": _part("day"),
    "hour": _part("hour"),
    "minute": _part("minute"),
    "weekday": _Function((_W,), _N, lambda time: Decimal(time.isoweekday())),
    "date": _Function((_W,), _T, lambda time: time.date().isoformat()),
}
"""Every function, by its name. `if` is beside them: it works out one of its values only."""
FUNCTIONS = tuple(sorted((*_FUNCTIONS, "if")))
