"""The package as a whole: what importing it loads, versions, sizes and the order of its parts."""

from __future__ import annotations

import ast
import configparser
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sam_theory
from sam_theory.errors import InputError, nearest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sam_theory"

#: Each part imports only what stands before it.
ORDER = (
    "errors",
    "processes",
    "arithmetic",
    "kernels",
    "verdicts",
    "losses",
    "rules",
    "dynamics",
    "theorems",
    "checker",
    "engines",
    "lab",
    "sweeps",
    "bench",
    "figures",
    "report",
    "cli",
    "pytest_plugin",
)
LAST = ORDER[-2:]  # may take the package as a whole, since everything stands before them
OUTSIDE = {"__init__", "__main__"}
HEAVY = {
    "numpy",
    "scipy",
    "sympy",
    "mpmath",
    "flint",
    "z3",
    "matplotlib",
    "click",
    "rich",
    "llvmlite",
    "xarray",
    "distributed",
}

MODULES = sorted(PACKAGE.rglob("*.py"))
PARTS = sorted({path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in MODULES} - OUTSIDE)


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after ``code``."""
    script = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.split())


def test_import_loads_no_heavy_module() -> None:
    assert not loaded_by("import sam_theory") & HEAVY


def test_a_name_loads_only_its_module() -> None:
    assert not loaded_by("from sam_theory import InputError") & HEAVY


def test_an_unknown_name_loads_no_heavy_module() -> None:
    assert not loaded_by("import sam_theory\nhasattr(sam_theory, 'usm')\ndir(sam_theory)") & HEAVY


@pytest.mark.parametrize("name", sorted(sam_theory._MODULE_OF))
def test_public_name_is_that_of_its_module(name: str) -> None:
    module = importlib.import_module(f"sam_theory.{sam_theory._MODULE_OF[name]}")
    assert getattr(sam_theory, name) is getattr(module, name)
    assert name in sam_theory.__all__
    assert name in dir(sam_theory)


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'usm'; did you mean 'usam'\?"):
        str(sam_theory.usm)
    with pytest.raises(AttributeError, match=r"no attribute '__wrapped__'$"):
        str(sam_theory.__wrapped__)


def test_submodules_are_found_without_importing_them() -> None:
    assert loaded_by("import sam_theory\nassert issubclass(sam_theory.errors.InputError, ValueError)")


def test_stub_lists_the_public_names() -> None:
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    listed = {
        alias.asname: node.module
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }
    assert listed == {name: f"sam_theory.{module}" for name, module in sam_theory._MODULE_OF.items()}


def test_versions_agree() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    (cited,) = re.findall(r"^version: *[\"']?([^\"'\s]+)", citation, flags=re.MULTILINE)
    assert setup["metadata"]["version"] == cited == sam_theory.__version__


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_module_has_at_most_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, "split it: about 120 lines is the aim"


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of all that a module of the package imports from the package, anywhere in it."""
    package = ("sam_theory", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join([*start, *filter(None, [node.module])])
            names = [f"{source}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__"):
                names = [str(node.args[0].value)]
        yield from ((node.lineno, name) for name in names if name.split(".")[0] == "sam_theory")


def violations(path: Path) -> Iterator[str]:
    """What a module imports that does not stand before its own part."""
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for line, name in imported(path):
        target = (*name.split("."), "")[1]
        target = sam_theory._MODULE_OF.get(target, target)  # a public name taken from the top
        if target in ("__version__", part) or (target == "" and part in LAST):
            continue
        if target not in ORDER or ORDER.index(target) > ORDER.index(part):
            yield f"{path.relative_to(ROOT)}:{line} imports {name}"


def test_every_part_has_a_place_in_the_order() -> None:
    assert not set(PARTS) - set(ORDER), "add it to ORDER, where its imports allow"


@pytest.mark.parametrize("part", PARTS)
def test_part_imports_only_what_stands_before_it(part: str) -> None:
    paths = [path for path in MODULES if path.relative_to(PACKAGE).parts[0].removesuffix(".py") == part]
    assert [text for path in paths for text in violations(path)] == []


def test_import_order_check_can_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "losses").mkdir()
    module = tmp_path / "losses" / "_bad.py"
    module.write_text(
        "import sam_theory\n"
        "import sam_theory.engines\n"
        "from ..theorems import Theorem\n"
        "from sam_theory import verify, InputError, __version__\n"
        "from . import _base\n"
        "def late():\n"
        "    from sam_theory.rules import sam\n"
        "    importlib.import_module('sam_theory.cli')\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    assert [text.split(" ")[-1] for text in sorted(violations(module))] == [
        "sam_theory",
        "sam_theory.engines",
        "sam_theory.theorems.Theorem",
        "sam_theory.verify",
        "sam_theory.rules.sam",
        "sam_theory.cli",
    ]


def test_nearest_name_is_found_whatever_its_case() -> None:
    assert nearest("quadratic", ["Quadratic", "Product"]) == "did you mean 'Quadratic'?"
    assert nearest("xyz", ["b", "a"]) == "known names: a, b"
    assert nearest("xyz", [f"n{i:02}" for i in range(20)]).endswith("n11, ...")
    assert nearest("xyz", []) == "no name is known here"


def test_input_error_is_a_value_error() -> None:
    assert issubclass(InputError, ValueError)
