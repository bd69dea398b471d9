"""The minimax polynomials of the kernels' elementary functions (``sam_theory/kernels``), fitted anew.

    python benchmarks/coefficients.py

prints, for every table of coefficients, what it approximates and where, the largest error it makes in its function in
units of 2^-53 of the value, and the coefficients, the constant term first: the tables are these numbers, rounded to
float64. The fit is Remez's exchange with 150 digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import mpmath as mp

mp.mp.dps = 150
TINY = mp.mpf("1e-30")  # stands for 0, where the functions have a removable singularity and cancel


class Fit(NamedTuple):
    """A polynomial of this degree in place of ``function`` on [low, high]; ``share`` weighs its error in the value."""

    table: str
    text: str
    function: Callable[[mp.mpf], mp.mpf]
    low: mp.mpf
    high: mp.mpf
    degree: int
    share: mp.mpf

    def value(self, x: mp.mpf) -> mp.mpf:
        """The function, also beside 0."""
        return self.function(x if abs(x) > TINY else TINY)


def root(function: Callable[[mp.mpf], mp.mpf]) -> Callable[[mp.mpf], mp.mpf]:
    """A function of z = x² from one of x."""
    return lambda z: function(mp.sqrt(z))


def minimax(fit: Fit) -> tuple[list[mp.mpf], mp.mpf]:
    """The coefficients of the polynomial whose largest error on the interval is smallest, and that error."""
    n, middle, half = fit.degree, (fit.high + fit.low) / 2, (fit.high - fit.low) / 2
    points = [middle - half * mp.cos(mp.pi * k / (n + 1)) for k in range(n + 2)]
    grid = [middle - half * mp.cos(mp.pi * k / (40 * n + 80)) for k in range(40 * n + 81)]
    values = [fit.value(x) for x in grid]
    while True:
        system = mp.matrix(n + 2, n + 2)
        right = mp.matrix(n + 2, 1)
        for i, x in enumerate(points):
            right[i] = fit.value(x)
            system[i, n + 1] = (-1) ** i
            for j in range(n + 1):
                system[i, j] = x**j
        *coefficients, level = mp.lu_solve(system, right)
        extrema: list[tuple[mp.mpf, mp.mpf]] = []
        for x, value in zip(grid, values, strict=True):
            error = value - mp.polyval(coefficients[::-1], x)
            if not extrema or mp.sign(error) != mp.sign(extrema[-1][1]):
                extrema.append((x, error))
            elif abs(error) > abs(extrema[-1][1]):
                extrema[-1] = (x, error)
        while len(extrema) > n + 2:
            extrema.pop(0 if abs(extrema[0][1]) < abs(extrema[-1][1]) else -1)
        points = [x for x, _ in extrema]
        largest = max(abs(error) for _, error in extrema)
        if largest < abs(level) * mp.mpf("1.0001"):
            return coefficients, largest


LN2, QUARTER = mp.log(2), mp.pi / 4 * mp.mpf("1.01")
TANH = LN2 / 4 * mp.mpf("1.001")
EXP = LN2 / 2 * mp.mpf("1.001")
LOG = (mp.sqrt(2) - 1) / (mp.sqrt(2) + 1) * mp.mpf("1.0001")
ARCTAN = (mp.sqrt(2) - 1) * mp.mpf("1.0001")
LOG_COSH = SINH = mp.mpf("0.701")
SMALL = mp.exp(-2 * mp.mpf("0.699")) / (2 + mp.exp(-2 * mp.mpf("0.699")))


def artanh(s: mp.mpf) -> mp.mpf:
    """(2·artanh s − 2s)/s³."""
    return 2 * (mp.atanh(s) - s) / s**3


FITS = (
    Fit("_COTH", "(r·coth r − 1)/r² in r²", root(lambda r: (r * mp.coth(r) - 1) / r**2), TINY, TANH**2, 4, TANH**2),
    Fit("_EXPONENTIAL", "(e^r − 1 − r)/r²", lambda r: (mp.expm1(r) - r) / r**2, -EXP, EXP, 9, EXP**2),
    Fit("_ARTANH (log)", "(2·artanh s − 2s)/s³ in s²", root(artanh), TINY, LOG**2, 6, LOG**2 / 2),
    Fit("_ARTANH_SMALL", "(2·artanh s − 2s)/s³ in s²", root(artanh), TINY, SMALL**2, 5, SMALL**2 / 2),
    Fit(
        "_ARTANH (power)",
        "((2·artanh s − 2s)/s³ − 2/3)/s² in s²",
        root(lambda s: (artanh(s) - mp.mpf(2) / 3) / s**2),
        TINY,
        LOG**2,
        7,
        LOG**4 / 2,
    ),
    Fit(
        "_LOG_COSH",
        "(log cosh x − ½x²)/x⁴ in x²",
        root(lambda x: (mp.log(mp.cosh(x)) - x**2 / 2) / x**4),
        TINY,
        LOG_COSH**2,
        11,
        LOG_COSH**4 / mp.log(mp.cosh(LOG_COSH)),
    ),
    Fit("_SINH", "(sinh x − x)/x³ in x²", root(lambda x: (mp.sinh(x) - x) / x**3), TINY, SINH**2, 5, SINH**2),
    Fit("_SIN", "(sin r − r)/r³ in r²", root(lambda r: (mp.sin(r) - r) / r**3), TINY, QUARTER**2, 5, QUARTER**2),
    Fit(
        "_COS",
        "(cos r − 1 + ½r²)/r⁴ in r²",
        root(lambda r: (mp.cos(r) - 1 + r**2 / 2) / r**4),
        TINY,
        QUARTER**2,
        5,
        QUARTER**4 / mp.cos(QUARTER),
    ),
    Fit("_TAN", "(tan r − r)/r³ in r²", root(lambda r: (mp.tan(r) - r) / r**3), TINY, QUARTER**2, 14, QUARTER**2),
    Fit("_ARCTAN", "(arctan t − t)/t³ in t²", root(lambda t: (mp.atan(t) - t) / t**3), TINY, ARCTAN**2, 10, ARCTAN**2),
    Fit(
        "_ROOT",
        "((1 − e)^(−1/2) − 1)/e",
        lambda e: (1 / mp.sqrt(1 - e) - 1) / e,
        mp.mpf("-0.0700"),
        mp.mpf("0.0676"),
        2,
        mp.mpf("0.07"),
    ),
)


def main() -> None:
    """Print every table."""
    for fit in FITS:
        coefficients, error = minimax(fit)
        share = mp.nstr(error * fit.share * 2**53, 3)
        print(f"{fit.table}: {fit.text} on [{mp.nstr(fit.low, 5)}, {mp.nstr(fit.high, 5)}], error {share}")
        for c in coefficients:
            print(f"    {float(c)!r},")


if __name__ == "__main__":
    main()
