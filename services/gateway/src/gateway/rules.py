"""http_rules.yaml as routes: which rpcs are public, and which request belongs to which.

The template syntax is google.api.http's: literals, one variable `{queue_id}` or `{queue.queue_id}` per segment, and a
custom verb at the end (`:accept`). Our own keys beside it: `limit` (a bucket of its own), `audit: false` (reads, and
renewals too frequent to note), `audit: mode` (an enum field of the request that says which of several things was asked
for: it is part of what is noted), `max_body_bytes`, `answer: audio` (raw bytes instead of JSON), `answer: file` (a
document to save), `signed_by: header` (the body is taken as it came, for its signature is of its bytes).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any
from urllib.parse import unquote_to_bytes

import yaml
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from kernel.errors import InvalidInput, NotFound

from gateway.contracts import Method

VERBS = ("get", "post", "put", "patch", "delete")
MAX_BODY_BYTES = 1_000_000
_KEYS = {"selector", "limit", "audit", "max_body_bytes", "answer", "abandon", "signed_by", *VERBS}
_VARIABLE = re.compile(r"\{([a-z][a-z0-9_.]*)\}")


class RouteNotFound(NotFound):
    """No route has this path."""

    reason = "ROUTE_NOT_FOUND"


class PathInvalid(InvalidInput):
    """A part of the path is not percent-encoded UTF-8."""

    reason = "PATH_INVALID"


class RuleInvalid(ValueError):
    """http_rules.yaml contradicts the contracts: the gateway refuses to start."""


@dataclass(frozen=True)
class Route:
    """One rpc at one place in REST."""

    method: Method
    verb: str
    """GET, POST, PATCH, DELETE."""
    template: str
    variables: tuple[str, ...]
    """Proto paths bound by the template, in order: `queue.queue_id`."""
    limit: str = ""
    """Name of a stricter rate limit of its own."""
    audit: bool = True
    audit_field: str = ""
    """Enum field of the request whose value belongs to the action that is noted."""
    max_body_bytes: int = MAX_BODY_BYTES
    answer: str = "json"
    signed_by: str = ""
    """Header with the signature of the body, which goes as it came into `payload`, and the header into `signature`."""
    abandon: bool = False
    """Whether it ends when its asker has gone. Not for what changes something: that is done whoever waits."""

    @property
    def has_body(self) -> bool:
        """Whether the request travels as a JSON body, else as query parameters."""
        return self.verb not in ("GET", "DELETE")


@dataclass(frozen=True)
class Match:
    """A route and what its path says."""

    route: Route
    values: Mapping[str, str]
    """Proto path -> value."""


class MethodNotAllowed(Exception):
    """The path exists under other verbs."""

    def __init__(self, allowed: Iterable[str]):
        self.allowed = tuple(sorted(allowed))
        super().__init__(", ".join(self.allowed))


class Router:
    """Finds the route of a request. Literal segments win over variables."""

    def __init__(self, routes: Sequence[Route]):
        self.routes = tuple(routes)
        self._index: dict[tuple[int, str], list[tuple[re.Pattern[str], Route]]] = {}
        for route in sorted(routes, key=lambda each: len(each.variables)):
            parts = route.template.split("/")
            self._index.setdefault((len(parts), _noun(parts)), []).append((_pattern(route.template), route))

    def match(self, verb: str, raw_path: str) -> Match:
        """The route of a still percent-encoded path; RouteNotFound or MethodNotAllowed otherwise."""
        parts = raw_path.split("/")
        allowed: set[str] = set()
        for pattern, route in self._index.get((len(parts), _noun(parts)), ()):
            found = pattern.fullmatch(raw_path)
            if found is None:
                continue
            if route.verb == verb or (verb == "HEAD" and route.verb == "GET"):
                return Match(route, _values(route, found.groups()))
            allowed.add(route.verb)
        if allowed:
            raise MethodNotAllowed(allowed | ({"HEAD"} if "GET" in allowed else set()))
        raise RouteNotFound("there is nothing at this path")


def load_rules(methods: Mapping[str, Method]) -> list[Route]:
    """The routes of http_rules.yaml; RuleInvalid when one contradicts the contracts."""
    text = resources.files("gateway").joinpath("http_rules.yaml").read_text(encoding="utf-8")
    return parse_rules(yaml.safe_load(text)["rules"], methods)


def parse_rules(rules: Sequence[Mapping[str, Any]], methods: Mapping[str, Method]) -> list[Route]:
    """Routes of parsed rules, each checked against its rpc."""
    routes = [_route(rule, methods) for rule in rules]
    seen: dict[tuple[str, str], Route] = {}
    for route in routes:
        shape = (route.verb, _VARIABLE.sub("{}", route.template))
        if shape in seen:
            raise RuleInvalid(f"{route.template} is taken twice, by {seen[shape].method.full_name} as well")
        seen[shape] = route
    return routes


def _route(rule: Mapping[str, Any], methods: Mapping[str, Method]) -> Route:
    if unknown := set(rule) - _KEYS:
        raise RuleInvalid(f"{rule.get('selector')}: unknown keys {sorted(unknown)}")
    method = methods.get(rule["selector"])
    if method is None:
        raise RuleInvalid(f"{rule['selector']} is not an rpc")
    if method.permission in ("", "service"):
        raise RuleInvalid(f"{method.full_name} is internal: its permission is {method.permission or 'missing'!r}")
    verbs = [verb for verb in VERBS if verb in rule]
    if len(verbs) != 1:
        raise RuleInvalid(f"{method.full_name} needs exactly one HTTP verb")
    template: str = rule[verbs[0]]
    variables = tuple(_VARIABLE.findall(template))
    for variable in variables:
        _check_variable(method, variable)
    audit = rule.get("audit", verbs[0] != "get")
    if isinstance(audit, str):
        _check_enum(method, audit)
    return Route(
        method,
        verbs[0].upper(),
        template,
        variables,
        limit=rule.get("limit", ""),
        audit=bool(audit),
        audit_field=audit if isinstance(audit, str) else "",
        max_body_bytes=int(rule.get("max_body_bytes", MAX_BODY_BYTES)),
        answer=rule.get("answer", "json"),
        signed_by=_signed_by(rule, method),
        abandon=bool(rule.get("abandon", False)),
    )


def _signed_by(rule: Mapping[str, Any], method: Method) -> str:
    header = str(rule.get("signed_by", ""))
    if header and {"payload", "signature"} - set(method.descriptor.input_type.fields_by_name):
        raise RuleInvalid(f"{method.full_name} has no payload and signature")
    return header


def _check_enum(method: Method, name: str) -> None:
    field = method.descriptor.input_type.fields_by_name.get(name)
    if field is None or field.enum_type is None or field.is_repeated:
        raise RuleInvalid(f"{method.full_name}: {name} is not a single enum of its request")


def _check_variable(method: Method, variable: str) -> None:
    here: Descriptor | None = method.descriptor.input_type
    field: FieldDescriptor | None = None
    for name in variable.split("."):
        field = here.fields_by_name.get(name) if here is not None else None
        if field is None:
            raise RuleInvalid(f"{method.full_name}: {variable} is not a field of its request")
        here = field.message_type
    if field is None or field.type != FieldDescriptor.TYPE_STRING or field.is_repeated:
        raise RuleInvalid(f"{method.full_name}: {variable} is not a single string")


def _pattern(template: str) -> re.Pattern[str]:
    # A value holds no colon, so that `/v1/queues/x:unknownVerb` is no queue's id.
    return re.compile("([^/:]+)".join(re.escape(part) for part in re.split(r"\{[^}]*\}", template)))


def _noun(parts: Sequence[str]) -> str:
    # `/v1/queues/{queue_id}` -> queues: literal in every template, so it narrows the search.
    return parts[2] if len(parts) > 2 else ""


def _values(route: Route, found: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for variable, raw in zip(route.variables, found, strict=True):
        try:
            values[variable] = unquote_to_bytes(raw).decode("utf-8")
        except UnicodeDecodeError:
            raise PathInvalid.of(variable, "is not UTF-8") from None
    return values
