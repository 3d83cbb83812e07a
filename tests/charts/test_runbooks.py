"""What runbooks have operators type does what they are told it does."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer
import yaml
from merkez_ops import cli
from typer.testing import CliRunner

from tests.charts.conftest import CHART, ROOT, objects

PAGES = [ROOT / "docs/runbook.md", *sorted((ROOT / "docs/runbooks").glob("*.md")), CHART / "UPGRADING.md"]
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())


def _typed(program: str) -> list[tuple[str, list[str]]]:
    """Page and words of each whole command, in backticks or a block of its own, that begins with a program."""
    found: list[tuple[str, list[str]]] = []
    for page in PAGES:
        text = page.read_text()
        commands = [*re.findall(r"`([^`]+)`", text), *re.findall(r"(?m)^ {4}(\S.*)$", text)]
        plain = (re.sub(r"<[^>]*>", "NAMED", " ".join(each.split())) for each in commands)
        found += [(page.name, shlex.split(each)) for each in plain if each.startswith(f"{program} ")]
    return found


def _whole(words: list[str]) -> bool:
    return words[1] in ("upgrade", "rollback") and any(each in words for each in ("merkez", "--set"))


def test_helm_is_told_which_release_of_which_namespace() -> None:
    commands = [(page, words) for page, words in _typed("helm") if _whole(words)]
    assert len(commands) > 5
    for page, words in commands:
        assert words[2] == "merkez" and {"-n", "--namespace"} & set(words), f"{page}: {' '.join(words)}"
        if words[1] == "upgrade":
            assert words[3] == "charts/merkez", f"{page}: {' '.join(words)}"


def test_helm_waits_for_as_long_as_migrations_and_calls_may_take() -> None:
    longest = VALUES["migrations"]["deadlineSeconds"] + VALUES["telephony"]["drainSeconds"] + 30
    for page, words in _typed("helm"):
        if _whole(words) and (words[1] == "upgrade" or "--wait" in words):
            # Without it five minutes: what still goes on is told to have failed, and is begun a second time.
            assert "--timeout" in words, f"{page}: {' '.join(words)}"
            minutes = words[words.index("--timeout") + 1]
            assert minutes.endswith("m") and int(minutes[:-1]) * 60 >= longest, f"{page}: {' '.join(words)}"


@pytest.mark.parametrize("combination", ["production", "two-regions-east", "minimal"])
def test_kubernetes_gives_no_rollout_up_while_calls_are_waited_for(combination: str) -> None:
    (spec,) = [
        each["spec"]
        for each in objects(combination)
        if (each["kind"], each["metadata"]["name"]) == ("Deployment", "merkez-telephony")
    ]
    assert spec["progressDeadlineSeconds"] > spec["template"]["spec"]["terminationGracePeriodSeconds"]


def test_logs_and_files_are_looked_at_in_every_pod_of_a_service() -> None:
    text = {page.name: " ".join(page.read_text().split()) for page in PAGES}
    assert any("`logs telephony " in each for each in text.values())
    for page, said in text.items():
        # Of a deployment kubectl takes one pod; of a label the last ten lines, however long ago one asks for.
        assert not re.search(r"k (logs|exec) (deploy|deployment)/merkez-(?!ops)[a-z<]", said), page
        for command in re.findall(r"k logs [^`|]*-l [^`|]*", said):
            assert "--tail=-1" in command, f"{page}: {command}"


def test_commands_of_operators_ask_nothing_back_where_nobody_can_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[Any]()

    def done(what: Any) -> Any:
        asked.append(what)
        raise typer.Exit(0)

    monkeypatch.setattr(cli, "_ask", done)  # all that is before it is what a terminal sees
    typed = {(page, tuple(words[1:])) for page, words in _typed("ops")}
    assert len(typed) > 10
    for page, words in sorted(typed):
        said = CliRunner().invoke(cli.app, list(words), input="")
        # `kubectl exec` without -it has no input: whoever is asked back there has said no.
        assert said.exit_code == 0, f"{page}: ops {' '.join(words)}: {said.output}"
    assert len(asked) == len(typed)
