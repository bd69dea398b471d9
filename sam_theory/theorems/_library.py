"""The library of statements, and statements from a user's own file."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable
from copy import copy
from functools import cache
from pathlib import Path
from types import ModuleType

from sam_theory.errors import InputError
from sam_theory.theorems._relations import Alias, Relations
from sam_theory.theorems._theorem import Theorem

#: One module for each paper or topic, in the order in which their statements are listed.
_MODULES = (
    "dai2023",
    "pl_usam",
    "folklore",
    "wen2023",
    "quadratics",
    "strongly_convex",
    "terminal_phase",
    "worst_cases",
    "pl",
    "one_dimension",
    "drift",
    "balanced_cycle",
    "mueller2023",
    "norms",
    "micro_batches",
    "ahn2023",
    "kim2023",
    "moon2026",
    "khanh2024",
    "product_corollaries",
    "usam_descent",
    "si_yun2023",
    "three_factors",
    "edges",
    "oikonomou2025",
    "tan2024",
    "compagnoni2023",
    "variants",
    "matrix_products",
    "li2024",
    "andriushchenko2022",
    "lyu2022",
    "edge_of_stability",
    "isolated_minima",
    "comparisons",
    "misquoted",
)


@cache
def _modules() -> tuple[ModuleType, ...]:
    return tuple(importlib.import_module(f"sam_theory.theorems.{name}") for name in _MODULES)


def _from(origin: str, theorem: Theorem) -> Theorem:
    """The same statement, with the place that a process can load it from again."""
    found = copy(theorem)  # where it comes from is nothing to check: what is checked and derived is shared
    object.__setattr__(found, "origin", origin)
    return found


@cache
def library() -> tuple[Theorem, ...]:
    """Every statement that ships with the package, in a fixed order."""
    theorems = tuple(_from("library", t) for module in _modules() for t in module.THEOREMS)
    return unique(theorems, "the library")


def aliases() -> tuple[Alias, ...]:
    """The second names of statements of the library: what its modules list as ``ALIASES``."""
    return tuple(alias for module in _modules() for alias in getattr(module, "ALIASES", ()))


@cache
def relations() -> Relations:
    """How the statements of the library stand to each other."""
    return Relations(library(), aliases())


def relations_of(theorems: Iterable[Theorem]) -> Relations:
    """The relations of the library and of these theorems, which take the place of namesakes."""
    own = tuple(theorems)
    if all(t.origin == "library" for t in own):
        return relations()
    slugs = {t.slug for t in own}
    return Relations((*(t for t in library() if t.slug not in slugs), *own), aliases())


def unique(theorems: tuple[Theorem, ...], where: str) -> tuple[Theorem, ...]:
    """The theorems, if no slug occurs twice."""
    seen: set[str] = set()
    for theorem in theorems:
        if theorem.slug in seen:
            raise InputError(f"{where}: the slug '{theorem.slug}' is used twice; rename one of the theorems")
        seen.add(theorem.slug)
    return theorems


def load_file(path: str | Path) -> tuple[Theorem, ...]:
    """The theorems that a Python file defines at its top level (also in tuples and lists), in order.

    The file is a program of the user's own and is executed.  Raises InputError if it does not exist, does
    not run, defines no theorem, or uses a slug twice.
    """
    file = Path(path)
    try:
        kind = "file" if file.is_file() else "directory" if file.is_dir() else "nothing"
    except (OSError, ValueError) as problem:
        raise InputError(f"{str(path)[:80]}…: not a path: {getattr(problem, 'strerror', None) or problem}") from None
    if kind != "file":
        raise InputError(f"{path}: {'a directory; name a file in it' if kind == 'directory' else 'no such file'}")
    name = f"_sam_theory_claims_{abs(hash(file.resolve()))}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InputError(f"{path}: not a Python file; give one that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except InputError as problem:
        raise InputError(f"{path}: {problem}") from None
    except SyntaxError as problem:
        line = f", line {problem.lineno}" if problem.lineno else ""
        raise InputError(f"{path}{line}: syntax error: {problem.msg}") from None
    except SystemExit as problem:
        raise InputError(f"{path}: stops the program with exit status {problem.code}; remove that call") from None
    except Exception as problem:
        raise InputError(f"{path}: {type(problem).__name__} while it ran: {problem}") from None
    finally:
        sys.modules.pop(name, None)
    found: dict[int, Theorem] = {}
    for value in vars(module).values():
        for item in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(item, Theorem):
                found[id(item)] = item
    if not found:
        raise InputError(f"{path}: defines no Theorem; assign one to a name at the top level")
    origin = str(file.resolve())
    return unique(tuple(_from(origin, t) for t in found.values()), str(path))
