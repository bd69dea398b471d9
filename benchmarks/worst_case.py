"""Worst cases side by side with their references: python benchmarks/worst_case.py [--markdown]

Needs the extra pep (Clarabel).  The references are the values that the statements were found with; "certified" is the
exact bound by rational multipliers, checked again by ``sam_theory.checker``.
"""

from __future__ import annotations

import sys
import time
from fractions import Fraction

import sympy as sp

from sam_theory import StronglyConvex, sam, usam, worst_case
from sam_theory.checker._dual import verify_dual

LOW, HIGH = Fraction(1, 10), Fraction(1)
CLASS = StronglyConvex(sp.Rational(1, 10), 1)


def quadratic(eta: Fraction, rho: Fraction) -> Fraction:
    """The worst of the two extreme quadratics."""
    return max((1 - eta * lam * (1 + rho * lam)) ** 2 for lam in (LOW, HIGH))


def table(title: str, head: list[str], rows: list[list[str]], markdown: bool) -> None:
    """Print rows under a head."""
    print(f"\n{'### ' if markdown else ''}{title}\n")
    if markdown:
        lines = [head, ["---"] * len(head), *rows]
        print("\n".join("| " + " | ".join(line) + " |" for line in lines))
        return
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    for line in [head, *rows]:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))


def excess_loss(markdown: bool) -> None:
    """The worst L⁺ − L* over a grid of η and ρ: solver, certificate and formula."""
    rows, worst, certified = [], 0.0, 0
    began = time.perf_counter()
    grid = [(eta, rho) for eta in ("1/4", "1/2", "1", "3/2") for rho in ("1/10", "3/10", "1/2", "1", "2", "3")]
    for e, r in grid:
        eta, rho = Fraction(e), Fraction(r)
        found = worst_case(usam, CLASS, {"eta": eta, "rho": rho})
        expected = quadratic(eta, rho)
        worst = max(worst, abs(float(found.value or 0) / float(expected) - 1))
        exact = found.certified == expected and verify_dual(found.certificate or {}) == expected
        certified += exact
        if e == "1":
            rows.append([e, r, f"{found.value:.9f}", f"{float(expected):.9f}", "exactly" if exact else "no"])
    table("USAM, excess loss, α = 1/10, β = 1", ["η", "ρ", "solver", "formula", "certified"], rows, markdown)
    seconds = time.perf_counter() - began
    print(
        f"\n{certified} of {len(grid)} certified exactly at the formula; "
        f"solver off by at most {worst:.1e}; {seconds:.1f} s"
    )


def distance(markdown: bool) -> None:
    """The worst distance at η*, below and beyond ρ(β−α) = 1."""
    rows = []
    for r, reference in (
        ("1/2", "0"),
        ("1", "0"),
        ("11/10", "-"),
        ("6/5", "0.12 %"),
        ("3/2", "1.7 %"),
        ("2", "6.2 %"),
        ("3", "15.6 %"),
    ):
        rho = Fraction(r)
        eta = 2 / (LOW * (1 + rho * LOW) + HIGH * (1 + rho * HIGH))
        found = worst_case(usam, CLASS, {"eta": eta, "rho": rho}, metric="distance")
        expected = quadratic(eta, rho)
        excess = float(found.value or 0) / float(expected) - 1
        exact = "formula, exactly" if found.certified == expected else f"{float(found.certified or 0):.9f}"
        data = "" if found.certified == expected else "yes" if found.data(expected) is not None else "no"
        rows.append([r, f"{float(rho * (HIGH - LOW)):.2f}", f"{100 * excess:.2f} %", reference, exact, data])
    head = ["ρ", "ρ(β−α)", "excess", "reference", "certified ≤", "exact data above the formula"]
    table("USAM, distance, α = 1/10, β = 1, η = 2/(A+B)", head, rows, markdown)


def largest(rho: Fraction, level: Fraction) -> tuple[float, Fraction]:
    """The worst L⁺ − L* of one step from L − L* ≤ level, over a grid of gradient norms, and the norm."""
    norms = [Fraction(float(rho) * k / 40).limit_denominator(10**4) for k in range(18, 44)]
    runs = (
        (worst_case(sam, CLASS, {"eta": 1, "rho": rho}, gradient_norm=n, level=level, certify=False), n) for n in norms
    )
    return max((run.value, n) for run, n in runs if run.value is not None)


def neighbourhood(markdown: bool) -> None:
    """The fixed point of SAM's one-step worst case."""
    rows = []
    references = (("1/10", ".0096", ".050"), ("3/10", ".0867", ".450"), ("1/2", ".241", "1.25"), ("1", ".964", "5.00"))
    for r, reference, formula in references:
        rho = Fraction(r)
        low, high, norm = 0.0, 2 * float(rho) ** 2, Fraction(0)
        for _ in range(11):
            middle = (low + high) / 2
            top, norm = largest(rho, Fraction(middle).limit_denominator(10**6))
            low, high = (middle, high) if top >= middle else (low, middle)
        rows.append([r, f"{(low + high) / 2:.4f}", reference, formula, f"{float(norm):.3f}"])
    head = ["ρ", "fixed point", "reference", "ηβ³ρ²/(2α(2−ηβ))", "at gradient norm"]
    table("SAM, level of L − L* that one step keeps, α = 1/10, β = η = 1", head, rows, markdown)


if __name__ == "__main__":
    for part in (excess_loss, distance, neighbourhood):
        part("--markdown" in sys.argv)
