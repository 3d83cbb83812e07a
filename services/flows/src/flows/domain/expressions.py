"""What is written in a flow to be worked out: `number(total) > 100 and starts(caller_number, '+994')`.

Small, typed and bounded: no loops, no access to anything but the names that are given, texts and numbers of limited
size, patterns without backtracking. So the longest expression takes no longer than reading it does. This file reads an
expression into a tree and knows where in the text each part stands; `formulas` says what the parts mean."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from decimal import Decimal

MAX_LENGTH = 1000
MAX_DEPTH = 30
MAX_PARTS = 100
"""Operators and functions in one expression."""


class ExpressionInvalid(ValueError):
    """It can't be read, or makes no sense: at which column, from 1, and what to do."""

    def __init__(self, column: int, message: str):
        super().__init__(f"column {column}: {message}")
        self.column, self.message = column, message


@dataclass(frozen=True)
class Constant:
    """A text, a number, or true or false."""

    column: int
    value: str | Decimal | bool


@dataclass(frozen=True)
class Name:
    """An attribute, or another value that is given."""

    column: int
    name: str


@dataclass(frozen=True)
class Call:
    """A function, or an operator by its sign; `-` with one argument turns the sign round."""

    column: int
    function: str
    arguments: tuple[Node, ...]


Node = Constant | Name | Call

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>\d{1,18}(?:\.\d{1,9})?)
    |(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    |\{(?P<braced>[A-Za-z_][A-Za-z0-9_.-]{0,63})\}
    |(?P<name>[A-Za-z_][A-Za-z0-9_.]{0,63})
    |(?P<sign>==|!=|<=|>=|[<>+\-*/%(),])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("or",), ("and",), ("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/", "%"),
)  # fmt: skip
"""Operators that bind two sides, those that bind least first."""
_COMPARING = 2
_WORDS = {"and", "or", "not", "true", "false"}


@dataclass(frozen=True)
class _Token:
    column: int
    kind: str
    value: str


@functools.lru_cache(maxsize=2048)
def parse(text: str) -> Node:
    """The tree of an expression. Raises ExpressionInvalid."""
    if len(text) > MAX_LENGTH:
        raise ExpressionInvalid(MAX_LENGTH + 1, f"An expression has at most {MAX_LENGTH} characters: split it.")
    if not text.strip():
        raise ExpressionInvalid(1, "Write an expression.")
    reader = _Reader(_tokens(text), len(text) + 1)
    tree = reader.level(0)
    reader.finish()
    return tree


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            column = at + len(text[at:]) - len(text[at:].lstrip()) + 1
            sign = text[column - 1]
            if sign in "'\"":
                raise ExpressionInvalid(column, "This text has no end: close the quotation mark.")
            hint = " Equality is ==." if sign == "=" else ""
            raise ExpressionInvalid(column, f"{sign!r} has no meaning here.{hint}")
        kind = match.lastgroup or ""
        column = match.start(kind) + 1
        found.append(_Token(column, "name" if kind == "braced" else kind, match[kind]))
        if kind == "name" and match[kind] in _WORDS:
            found[-1] = _Token(column, "sign", match[kind])
        at = match.end()
    return found


class _Reader:
    """Goes through the tokens of one expression."""

    def __init__(self, tokens: list[_Token], end: int):
        self._tokens = tokens
        self._end = _Token(end, "end", "")
        self._at = 0
        self._depth = 0
        self._parts = 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else self._end

    def _take(self) -> _Token:
        token = self._next
        self._at += 1
        return token

    def _is(self, *signs: str) -> bool:
        return self._next.kind == "sign" and self._next.value in signs

    def finish(self) -> None:
        """Nothing may be left."""
        if self._next.kind != "end":
            message = (
                f"{self._next.value!r} is too much here: join what stands before it with an operator, such as and."
            )
            raise ExpressionInvalid(self._next.column, message)

    def level(self, level: int) -> Node:
        """An expression of operators that bind at least as closely as those of `level`."""
        if level == len(_LEVELS):
            return self._unary()
        left = self.level(level + 1)
        while self._is(*_LEVELS[level]):
            sign = self._count(self._take())
            left = Call(sign.column, sign.value, (left, self.level(level + 1)))
            if level == _COMPARING and self._is(*_LEVELS[level]):
                message = "Compare two things at a time and join the comparisons with and."
                raise ExpressionInvalid(self._next.column, message)
        return left

    def _unary(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionInvalid(
                self._next.column, f"It is nested deeper than {MAX_DEPTH}: use an attribute between."
            )
        try:
            if self._is("-"):
                sign = self._take()
                return Call(sign.column, sign.value, (self._unary(),))
            if self._is("not"):
                sign = self._take()
                # `not a == b` denies the comparison, as in speech.
                return Call(sign.column, sign.value, (self.level(_COMPARING),))
            return self._single()
        finally:
            self._depth -= 1

    def _single(self) -> Node:
        token = self._take()
        match token.kind:
            case "number":
                return Constant(token.column, Decimal(token.value))
            case "text":
                return Constant(token.column, _ESCAPED.sub(r"\1", token.value[1:-1]))
            case "name":
                return self._call(token) if self._is("(") else Name(token.column, token.value)
            case "sign" if token.value in ("true", "false"):
                return Constant(token.column, token.value == "true")
            case "sign" if token.value == "(":
                inner = self.level(0)
                self._close("(", token.column)
                return inner
            case "end":
                raise ExpressionInvalid(token.column, "Something is missing at the end.")
            case _:
                raise ExpressionInvalid(token.column, f"A value belongs here, not {token.value!r}.")

    def _count(self, token: _Token) -> _Token:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise ExpressionInvalid(token.column, f"It has more than {MAX_PARTS} parts: use an attribute between.")
        return token

    def _call(self, name: _Token) -> Node:
        self._count(name)
        opened = self._take().column
        arguments: list[Node] = []
        while not self._is(")"):
            arguments.append(self.level(0))
            if not self._is(","):
                break
            self._take()
        self._close("(", opened)
        return Call(name.column, name.value, tuple(arguments))

    def _close(self, opening: str, column: int) -> None:
        if not self._is(")"):
            raise ExpressionInvalid(self._next.column, f"The {opening} of column {column} is not closed before this.")
        self._take()
