"""A secret in a file is taken up while the process runs, and never one that couldn't work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from chassis import watched
from chassis.given import given
from chassis.settings import ProcessSettings, SettingsError, load, secret, variable


@dataclass(frozen=True, kw_only=True)
class Settings(ProcessSettings):
    relay_secret: str = secret("")

    def wrong(self) -> Iterator[str]:
        yield from super().wrong()
        if self.relay_secret and len(self.relay_secret) < 8:
            yield f"{variable('relay_secret')} must have at least 8 characters"


@pytest.fixture(autouse=True)
def looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "LOOK_SECONDS", 0.0)


def _written(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)  # as a kubelet does


def test_what_the_file_says_now_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _written(tmp_path / "relay", "the-first-one\n")
    settings = load(Settings, environ={"MERKEZ_RELAY_SECRET_FILE": str(tmp_path / "relay")}, service="x")
    now = given(settings, "relay_secret")
    assert settings.relay_secret == now() == "the-first-one" and "the-first-one" not in repr(settings)
    _written(tmp_path / "relay", "the-next-one")
    assert now() == "the-next-one"
    for useless in ("short", "", " \n"):
        _written(tmp_path / "relay", useless)
        assert now() == "the-next-one", "what can't work changes nothing"
    _written(tmp_path / "relay", "the-last-one")
    assert now() == "the-last-one"


def test_a_secret_of_the_environment_stays_as_it_is() -> None:
    settings = load(Settings, environ={"MERKEZ_RELAY_SECRET": "of-the-environment"}, service="x")
    assert given(settings, "relay_secret")() == "of-the-environment"
    assert given(Settings(service="x"), "relay_secret")() == ""


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"MERKEZ_RELAY_SECRET_FILE": "/nowhere"}, "MERKEZ_RELAY_SECRET_FILE must be the path of a file"),
        ({"MERKEZ_RELAY_SECRET_FILE": "short"}, "MERKEZ_RELAY_SECRET must have at least 8 characters"),
        ({"MERKEZ_RELAY_SECRET_FILE": "long", "MERKEZ_RELAY_SECRET": "another"}, "one of the two"),
    ],
)
def test_a_file_that_cannot_work_is_refused_at_the_start(tmp_path: Path, environ: dict[str, str], said: str) -> None:
    (tmp_path / "short").write_text("short")
    (tmp_path / "long").write_text("long-enough")
    told = {
        name: value if "/" in value or "FILE" not in name else str(tmp_path / value) for name, value in environ.items()
    }
    with pytest.raises(SettingsError, match=said) as refused:
        load(Settings, environ=told, service="x")
    assert "long-enough" not in str(refused.value) and "another" not in str(refused.value)


def test_only_a_secret_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "region").write_text("eu-west")
    assert load(Settings, environ={"MERKEZ_REGION_FILE": str(tmp_path / "region")}, service="x").region == "local"
