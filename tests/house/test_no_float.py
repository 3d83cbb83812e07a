"""No float comes near money: an amount that was one for a moment is a wrong invoice later.

Refused in billing, in the catalogue of plans, and in the kernel's money and periods: float literals, `float`, `math`
but for whole numbers, `statistics`, `random`, `timestamp()`, `total_seconds()`, and `/` unless one side is plainly
exact (a Fraction or Decimal made there, or a name annotated as one).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYOUT = ROOT / "services" / "billing" / "src" / "billing" / "documents" / "pdf.py"
"""Places lines and letters in millimetres; amounts reach it as text."""
WATCHED = (
    *(path for path in sorted((ROOT / "services" / "billing" / "src").rglob("*.py")) if path != LAYOUT),
    *sorted((ROOT / "services" / "tenancy" / "src" / "tenancy" / "domain").glob("plans*")),
    *sorted((ROOT / "services" / "tenancy" / "src" / "tenancy" / "domain").glob("*subscription*")),
    ROOT / "libs" / "kernel" / "src" / "kernel" / "money.py",
    ROOT / "libs" / "kernel" / "src" / "kernel" / "proration.py",
)
EXACT = {"Fraction", "Decimal"}
WHOLE = {"gcd", "lcm", "isqrt", "comb", "prod"}
FLOATING_MODULES = {"statistics", "random", "numpy", "cmath"}
FLOATING_CALLS = {"timestamp", "total_seconds", "fromtimestamp", "from_float"}


def floats_in(source: str) -> list[str]:
    """What in a module is or may become a float, each as `line: why`."""
    tree = ast.parse(source)
    exact = set(_exact_names(tree))
    return [f"{line}: {why}" for line, why in sorted(_found(tree, exact))]


def _found(tree: ast.AST, exact: set[str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield node.lineno, f"the literal {node.value}"
        elif isinstance(node, ast.Name) and node.id == "float":
            yield node.lineno, "float"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module if isinstance(node, ast.ImportFrom) else ""
            names = [module or ""] if module else [alias.name for alias in node.names]
            for name in names:
                if name.split(".")[0] in FLOATING_MODULES:
                    yield node.lineno, f"the module {name}"
            if module == "math":
                yield from ((node.lineno, f"math.{each.name}") for each in node.names if each.name not in WHOLE)
        elif isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id == "math" and node.attr not in WHOLE:
                yield node.lineno, f"math.{node.attr}"
            elif node.attr in FLOATING_CALLS:
                yield node.lineno, f"{node.attr}()"
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            sides = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.target, node.value)
            if not any(_is_exact(side, exact) for side in sides):
                yield node.lineno, "/ of what isn't plainly a Fraction or Decimal"
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and isinstance(node.right, ast.UnaryOp):
            yield node.lineno, "a negative power"


def _exact_names(tree: ast.AST) -> Iterator[str]:
    """Names and attributes annotated as exact, functions that give it, and names assigned what is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and _says_exact(node.annotation):
            yield node.arg
        elif isinstance(node, ast.AnnAssign) and _says_exact(node.annotation) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _says_exact(node.returns):
            yield node.name
        elif isinstance(node, ast.Assign) and _is_exact(node.value, set()):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _says_exact(annotation: ast.expr | None) -> bool:
    return isinstance(annotation, ast.Name) and annotation.id in EXACT


def _is_exact(node: ast.expr, exact: set[str]) -> bool:
    if isinstance(node, ast.Call):
        called = node.func
        name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
        if name in ("sum", "max", "min"):
            return any(_is_exact(each, exact) for each in node.args)
        return name in EXACT or name in exact
    if isinstance(node, ast.Name):
        return node.id in exact
    if isinstance(node, ast.Attribute):
        return node.attr in exact
    if isinstance(node, ast.BinOp):
        return _is_exact(node.left, exact) or _is_exact(node.right, exact)
    if isinstance(node, ast.UnaryOp):
        return _is_exact(node.operand, exact)
    return False


@pytest.mark.parametrize("path", WATCHED, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_float_comes_near_money(path: Path) -> None:
    assert floats_in(path.read_text()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "price = 0.1", "price = float('1')", "rate: float = 1", "share = used / whole", "import math\nx = math.ceil(2)",
        "from math import floor", "import statistics", "from random import uniform", "seconds = length.total_seconds()",
        "at = time.timestamp()", "total /= 3", "cents = 10 ** -2", "def f(count: int):\n    return count / 60",
        "x = Decimal.from_float(y)", "half = 1e3",
    ],
)  # fmt: skip
def test_the_lint_bites(wrong: str) -> None:
    assert floats_in(wrong)


@pytest.mark.parametrize(
    "right",
    [
        "x = Fraction(1) / 3", "def f(x: Fraction) -> Fraction:\n    return x * 2 / 100", "minutes = seconds // 60",
        "import math\nx = math.gcd(4, 6)", "area = sum(parts, Fraction(0))\ny = area / whole", "x = 10 ** digits",
    ],
)  # fmt: skip
def test_the_lint_lets_exact_numbers_be(right: str) -> None:
    assert floats_in(right) == []
