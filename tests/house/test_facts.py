"""The catalogue of facts and the contract say the same, and each consumer listens to what it is listed for."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest
from chassis.facts import CATALOGUE, STREAMS, fact_of_subject, live_subject, message_class, stream_subjects, subject_for
from chassis.permissions import known
from chassis.settings import SERVICES
from google.protobuf import descriptor_pool

ROOT = Path(__file__).resolve().parents[2]


def _modules(suffix: str) -> list[str]:
    # Namespace packages: the folders say what there is.
    files = sorted((ROOT / "libs" / "contracts" / "src").glob(f"merkez/*/v1/*{suffix}.py"))
    return [".".join(("merkez", *path.parts[-3:-1], path.stem)) for path in files]


def test_each_fact_of_the_contract_is_in_the_catalogue_and_back() -> None:
    declared = {
        message.full_name
        for name in _modules("_events_pb2")
        for message in importlib.import_module(name).DESCRIPTOR.message_types_by_name.values()
    }
    assert declared == set(CATALOGUE) and len(declared) > 30


@pytest.mark.parametrize("full_name", sorted(CATALOGUE))
def test_a_fact_is_captured_by_its_owners_stream_alone(full_name: str) -> None:
    subject = subject_for(message_class(full_name), "ten_1")
    captured = [
        owner
        for owner in STREAMS
        for pattern in stream_subjects(owner)
        if re.fullmatch(pattern.replace(".", r"\.").replace("*", r"[^.]+"), subject)
    ]
    assert captured == [CATALOGUE[full_name].owner]
    assert fact_of_subject(subject) == CATALOGUE[full_name]


def test_live_hints_are_captured_by_no_stream() -> None:
    subject = live_subject("ten_1", "wallboard")
    patterns = [pattern for owner in STREAMS for pattern in stream_subjects(owner)]
    assert not any(re.fullmatch(pattern.replace("*", "[^.]+"), subject) for pattern in patterns)


def test_each_rpc_declares_a_permission_some_role_has() -> None:
    from chassis.grpc import permission_of

    wrong = []
    assert len(_modules("_service_pb2")) > 8
    for name in _modules("_service_pb2"):
        for service in importlib.import_module(name).DESCRIPTOR.services_by_name.values():
            found = descriptor_pool.Default().FindServiceByName(service.full_name)
            paths = [f"/{service.full_name}/{method.name}" for method in found.methods]
            wrong += [path for path in paths if not known(permission_of(path))]
    assert wrong == []


@pytest.mark.parametrize("service", [name for name in SERVICES if name != "gateway"])
def test_a_service_consumes_what_the_catalogue_says(service: str) -> None:
    package = ROOT / "services" / service / "src" / service
    files = [package / "consumers.py", *package.glob("consumers/*.py")]
    used: set[str] = set()
    for path in files:
        if path.exists():
            used |= {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
            used |= {node.attr for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)}
    listed = {fact.name for fact in CATALOGUE.values() if service in fact.consumers}
    named = {fact.name for fact in CATALOGUE.values()} & used
    emitted = {fact.name for fact in CATALOGUE.values() if fact.owner == service}
    assert listed - named == set(), "listed as a consumer, but it has no handler"
    assert named - listed - emitted == set(), "it consumes what the catalogue does not list"
