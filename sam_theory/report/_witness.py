"""A counterexample on one line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

from sam_theory.verdicts import Witness

__all__ = ["one_line", "witness_text"]

_GREEK = {
    "alpha": "α",
    "beta": "β",
    "gamma": "γ",
    "delta": "δ",
    "eps": "ε",
    "epsilon": "ε",
    "eta": "η",
    "kappa": "κ",
    "lam": "λ",
    "lambda": "λ",
    "mu": "μ",
    "omega": "ω",
    "phi": "φ",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
    "theta": "θ",
}
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_NAME = re.compile(r"([a-zA-Z]+)_?([0-9]*)\Z")
_RATIONAL = re.compile(r"-?[0-9]+(/[0-9]+)?\Z")


def one_line(text: str) -> str:
    r"""The text on one line, without control characters: what engines report must not drive a terminal.

    Examples
    --------
    >>> one_line("unsat\n\x1b[31mred")
    'unsat [31mred'
    """
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _symbol(name: str, ascii_only: bool) -> str:
    parts = _NAME.match(name)
    if ascii_only or parts is None:
        return name
    return _GREEK.get(parts[1], parts[1]) + parts[2].translate(_SUBSCRIPTS)


def _values(params: Mapping[str, str], ascii_only: bool) -> list[str]:
    """``name=value`` for each parameter; α and β share one value where they are equal."""
    left = dict(params)
    texts = []
    if "alpha" in left and left.get("alpha") == left.get("beta"):
        value = left.pop("beta")
        del left["alpha"]
        texts.append(f"{_symbol('alpha', ascii_only)}={_symbol('beta', ascii_only)}={value}")
    return texts + [f"{_symbol(name, ascii_only)}={value}" for name, value in sorted(left.items())]


def _relation(witness: Witness, ascii_only: bool) -> str:
    """How what was observed stands to the bound: as recorded, else by comparing two rationals."""
    recorded = witness.extra.get("relation", "")
    if recorded:
        return {"≠": "!=", "≤": "<=", "≥": ">="}.get(recorded, recorded) if ascii_only else recorded
    if _RATIONAL.match(witness.observed) and _RATIONAL.match(witness.bound):
        observed, bound = Fraction(witness.observed), Fraction(witness.bound)
        return ">" if observed > bound else "<" if observed < bound else "="
    return "against"


def witness_text(witness: Witness, *, ascii_only: bool = False) -> str:
    """A witness on one line: parameters, start, step, the two sides, and what confirmed it.

    Parameters
    ----------
    witness : Witness
    ascii_only : bool
        Whether to spell out Greek letters.

    Returns
    -------
    str

    Examples
    --------
    >>> params = {"alpha": "2", "beta": "2", "eta": "1/2", "rho": "1/10"}
    >>> print(
    ...     witness_text(Witness("orbit", "", params, ("1/10",), 1, "1/100", "1/200", "fraction", {"observable": "L"}))
    ... )
    α=β=2, η=1/2, ρ=1/10, w₀=1/10: at step 1 L = 1/100 > 1/200 (confirmed by fraction)
    """
    where = [f"loss {witness.loss}"] if witness.loss else []
    where += _values(witness.params, ascii_only)
    if witness.start:
        start = witness.start[0] if len(witness.start) == 1 else f"({', '.join(witness.start)})"
        where.append(f"{'w0' if ascii_only else 'w₀'}={start}")
    observable = witness.extra.get("observable", "")
    what = f"{observable} = {witness.observed}" if observable else witness.observed
    step = "" if witness.step is None else f"at step {witness.step} "
    form = "" if witness.form in ("point", "orbit") else f"{witness.form}: "
    head = f"{', '.join(where)}: " if where else ""
    text = f"{form}{head}{step}{what} {_relation(witness, ascii_only)} {witness.bound}"
    return one_line(f"{text} (confirmed by {witness.confirmed_by or 'nothing'})")
