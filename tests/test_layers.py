"""Packages import downward alone, as the README draws them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "nas": set(),
    "scaling": {"nas"},
    "search_spaces": {"nas", "scaling"},
    "experiments": {"nas", "scaling", "search_spaces"},
}
INSIDE_NAS_APART = ("search", "train", "export")


def imported(file):
    """Dotted names of everything that a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            yield str(node.module)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_packages_import_downward(package):
    for file in (ROOT / package).rglob("*.py"):
        for name in imported(file):
            top = name.split(".")[0]
            assert top not in MAY_IMPORT or top == package or top in MAY_IMPORT[package], f"{file} imports {name}"


@pytest.mark.parametrize("part", INSIDE_NAS_APART)
def test_search_train_and_export_do_not_import_each_other(part):
    others = tuple(f"nas.{other}" for other in INSIDE_NAS_APART if other != part)
    for file in (ROOT / "nas" / part).rglob("*.py"):
        assert not [name for name in imported(file) if name.startswith(others)], f"{file}"


def test_architecture_is_the_ground():
    assert {name for name in imported(ROOT / "nas" / "architecture.py") if name.startswith("nas")} == {"nas.errors"}


def modules_after(*arguments):
    """Which of the heavy packages a command has loaded when it ends."""
    code = (
        "import sys, runpy\n"
        f"sys.argv = ['nas', *{list(arguments)!r}]\n"
        "from experiments.cli import run\n"
        "assert run(sys.argv[1:]) == 0\n"
        "print([name for name in ('tensorflow', 'jax', 'optuna') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return ast.literal_eval(done.stderr.strip().splitlines()[-1])


def test_cost_imports_no_tensorflow():
    assert modules_after("cost", "efficientnet-b0") == ["jax"]


def test_latency_imports_neither_jax_nor_tensorflow():
    code = "import sys, nas.latency; sys.exit(bool({'jax', 'tensorflow'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
