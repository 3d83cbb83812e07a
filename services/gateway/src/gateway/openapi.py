"""The OpenAPI 3.1 document, made of the routes, the descriptors and the protos' comments: nothing is written twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from chassis.permissions import MEMBER, PUBLIC, SELF, alternatives

from gateway.comments import comments
from gateway.contracts import methods
from gateway.files import MEDIA_TYPES
from gateway.rules import Route, load_rules
from gateway.schemas import Schemas, schema_name
from gateway.transcode import camel_path

Json = dict[str, Any]

_DESCRIPTION = (
    "Everything Merkez does, over HTTP. The same rpcs are served as gRPC with reflection, and as requests over the "
    "WebSocket at /v1/socket, which also pushes events.\n\n"
    "Errors are RFC 9457 problem details; match on `reason`, which never changes its meaning. Creating verbs take a "
    "`requestId`: the same id twice does the work once. Lists page by `pageToken`. 64-bit integers are JSON strings."
)


def build_document(routes: Sequence[Route], version: str) -> Json:
    """The whole document."""
    schemas = Schemas()
    paths: dict[str, Json] = {}
    tags: dict[str, str] = {}
    for route in routes:
        service = route.method.descriptor.containing_service
        tags.setdefault(service.name, comments().get(service.full_name, ""))
        here = paths.setdefault(camel_path(route.template), {})
        here[route.verb.lower()] = _operation(route, schemas)
    paths["/widget/v1/{widgetKey}"] = {"get": _widget_operation()}
    return {
        "openapi": "3.1.1",
        "info": {"title": "Merkez", "version": version, "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"apiKey": []}],
        "tags": [{"name": name, "description": text} for name, text in tags.items()],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.built().items())) | {"Problem": _PROBLEM},
            "responses": {"Problem": _PROBLEM_RESPONSE},
            "securitySchemes": _SECURITY,
        },
    }


def _operation(route: Route, schemas: Schemas) -> Json:
    method = route.method
    said = comments().get(method.full_name, "")
    operation: Json = {
        "operationId": method.full_name,
        "tags": [method.descriptor.containing_service.name],
        "summary": said.split(". ", 1)[0].rstrip("."),
        "description": said,
        "x-merkez-permission": method.permission,
        "responses": {"200": _answer(route, schemas), "default": {"$ref": "#/components/responses/Problem"}},
    }
    if method.permission == PUBLIC:
        operation["security"] = []
    elif method.permission not in (SELF, MEMBER):
        needed = "` or `".join(alternatives(method.permission))
        operation["description"] += f" Needs the permission `{needed}`."
    parameters = [_path_parameter(route, variable) for variable in route.variables]
    if route.has_body:
        operation["requestBody"] = _body(route, schemas)
    else:
        parameters += _query_parameters(route, schemas)
    if parameters:
        operation["parameters"] = parameters
    if route.answer == "audio":
        operation["parameters"].append(_DOWNLOAD)
        operation["responses"]["206"] = {"description": "The range asked for", "content": _AUDIO_CONTENT}
    return operation


def _answer(route: Route, schemas: Schemas) -> Json:
    if route.answer == "audio":
        return {"description": "The file; `Range` is honoured", "content": _AUDIO_CONTENT}
    if route.answer == "file":
        return {"description": "The file, to be saved", "content": {kind: _FILE_CONTENT for kind in MEDIA_TYPES}}
    output = route.method.descriptor.output_type
    said = comments().get(output.full_name, "") or "Done"
    return {"description": said, "content": {"application/json": {"schema": schemas.of(output)}}}


def _body(route: Route, schemas: Schemas) -> Json:
    if route.signed_by:
        said = f"As it was sent: the header `{route.signed_by}` signs its bytes."
        return {"required": True, "description": said, "content": {"application/json": {"schema": {"type": "object"}}}}
    request = route.method.descriptor.input_type
    content: Json = {"application/json": {"schema": schemas.of_request(request, route.variables)}}
    if schema_name(request) == "flows.v1.CreatePromptRequest":
        content["multipart/form-data"] = {"schema": _PROMPT_FORM}
    required = bool(schemas.built()[schema_name(request)].get("required"))
    return {"required": required, "content": content}


def _path_parameter(route: Route, variable: str) -> Json:
    here: Any = route.method.descriptor.input_type
    field: Any = None
    for name in variable.split("."):
        field = here.fields_by_name[name]
        here = field.message_type
    return {
        "name": camel_path(variable),
        "in": "path",
        "required": True,
        "description": comments().get(field.full_name, ""),
        "schema": {"type": "string"},
    }


def _query_parameters(route: Route, schemas: Schemas) -> list[Json]:
    found: list[Json] = []
    for field in route.method.descriptor.input_type.fields:
        if field.name in route.variables:
            continue
        said = comments().get(field.full_name, "")
        found.append(
            {
                "name": field.json_name,
                "in": "query",
                "required": said.startswith("Required"),
                "description": said,
                "schema": schemas.of_field(field, described=False),
            }
        )
    return found


def _widget_operation() -> Json:
    text = {"type": "string"}
    return {
        "operationId": "widget.GetWidget",
        "tags": ["Widget"],
        "summary": "What a customer widget shows before a call",
        "description": "Public, from any origin. The call itself goes over the WebSocket /widget/v1/socket.",
        "security": [],
        "parameters": [{"name": "widgetKey", "in": "path", "required": True, "schema": text}],
        "responses": {
            "200": {
                "description": "The brand behind the key",
                "content": {
                    "application/json": {
                        "schema": {
                            "type": "object",
                            "properties": {"brandName": text, "language": text, "callable": {"type": "boolean"}},
                        }
                    }
                },
            },
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }


_FILE_CONTENT: Json = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
_AUDIO_CONTENT: Json = {"audio/*": {"schema": {"type": "string", "contentMediaType": "audio/ogg"}}}
_DOWNLOAD: Json = {
    "name": "download",
    "in": "query",
    "description": "true asks the browser to save the file instead of playing it.",
    "schema": {"type": "string", "enum": ["true", "false"]},
}
_PROMPT_FORM: Json = {
    "type": "object",
    "required": ["audio", "requestId", "displayName"],
    "properties": {
        "audio": {"type": "string", "contentMediaType": "application/octet-stream", "description": "The file."},
        "requestId": {"type": "string"},
        "displayName": {"type": "string"},
        "language": {"type": "string"},
    },
}
_PROBLEM: Json = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "reason"],
    "properties": {
        "type": {"type": "string", "description": "URI of the kind of problem."},
        "title": {"type": "string", "description": "What happened, in general."},
        "status": {"type": "integer", "description": "HTTP status."},
        "detail": {"type": "string", "description": "What happened, this time."},
        "reason": {"type": "string", "description": "Stable key to match on, such as QUEUE_NOT_FOUND."},
        "instance": {"type": "string", "description": "Trace of the request, to ask us about."},
        "errors": {
            "type": "array",
            "description": "Fields that are wrong.",
            "items": {
                "type": "object",
                "required": ["field", "description"],
                "properties": {"field": {"type": "string"}, "description": {"type": "string"}},
            },
        },
        "metadata": {
            "type": "object",
            "description": "Values for a program, by name.",
            "additionalProperties": {"type": "string"},
        },
        "retryAfter": {"type": "integer", "description": "Seconds until the same request may succeed."},
    },
}
_PROBLEM_RESPONSE: Json = {
    "description": "What the API says no with",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_SECURITY: Json = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token of POST /v1/sessions:signIn (5 minutes), or an API key (mrk_...).",
    },
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "An API key."},
}


def main() -> None:
    """`python -m gateway.openapi` prints the document, for whoever generates a client from it."""
    print(json.dumps(build_document(load_rules(methods()), metadata.version("merkez-gateway")), indent=2))


if __name__ == "__main__":
    main()
