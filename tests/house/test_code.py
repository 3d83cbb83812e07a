"""What the house promises of its own text: rooms of the same shape, files of one sitting, nothing of a machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SITTING = 450
GENERATED = ("libs/contracts/src/", "package-lock.json", "requirements", "schema.d.ts", "descriptors.binpb")
STATEFUL = ("tenancy", "telephony", "flows", "routing", "recording", "engagement", "billing", "analytics", "wfm")


def committed() -> list[Path]:
    """Files under version control that are text of ours."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    return [ROOT / name for name in listed if name and not any(part in name for part in GENERATED)]


def texts(*suffixes: str) -> list[tuple[Path, str]]:
    """Committed files with one of the suffixes, and their text."""
    return [(path, path.read_text()) for path in committed() if path.suffix in suffixes and path.exists()]


def test_no_committed_file_names_a_package_index() -> None:
    hosts = ["pypi" + ".org", "pythonhosted" + ".org", "registry.npmjs" + ".org", "deb.debian" + ".org"]
    every = subprocess.run(["git", "grep", "-lE", "|".join(hosts)], cwd=ROOT, capture_output=True, text=True).stdout
    assert every == ""


def test_no_file_is_longer_than_one_sitting() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {text.count(chr(10))}"
        for path, text in texts(".py", ".ts", ".tsx", ".sh")
        if text.count("\n") > SITTING
    ]
    assert long == []


def test_every_module_says_what_it_owns() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path, text in texts(".py")
        if text.strip() and not text.lstrip().startswith(('"""', "#!/"))
    ]
    assert silent == []


def test_only_the_root_tests_are_a_package() -> None:
    # Another `tests` package would answer to the same name, and pytest loads only one of them.
    packages = [path.parent for path in committed() if path.name == "__init__.py" and path.exists()]
    assert [str(path.relative_to(ROOT)) for path in packages if path.name == "tests"] == ["tests"]


@pytest.mark.parametrize("service", STATEFUL)
def test_every_service_has_the_same_rooms(service: str) -> None:
    home = ROOT / "services" / service
    package = home / "src" / service
    assert 8 <= len((home / "README.md").read_text().splitlines()) <= 60
    assert list((home / "migrations" / "versions").glob("0001_*.py"))
    for room in ("domain", "ops", "store", "handlers", "settings", "main"):
        assert (package / f"{room}.py").exists() or (package / room / "__init__.py").exists(), room


def test_every_public_rpc_exists_and_stands_once_in_rest() -> None:
    rules = yaml.safe_load((ROOT / "services/gateway/src/gateway/http_rules.yaml").read_text())["rules"]
    selectors = [rule["selector"] for rule in rules]
    assert len(selectors) == len(set(selectors))
    places = [
        (verb, rule[verb]) for rule in rules for verb in ("get", "post", "patch", "put", "delete") if verb in rule
    ]
    assert len(places) == len(set(places)) == len(rules)
