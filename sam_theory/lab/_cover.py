r"""All periodic points of a box, with proof: cells in which there is none, or exactly the one that is known.

On a convex cell X let every matrix of an enclosure of :math:`DH(X)`, :math:`H=F^k-\mathrm{id}`, lie within distance
:math:`<1` of :math:`C^{-1}` in the sense :math:`\|I-C\,DH(X)\|_\infty<1`.  Then H is injective on X: the mean value
form gives :math:`C(H(u)-H(v))=M(u-v)` with :math:`\|I-M\|<1`.  A cell that lies in such a neighbourhood of a known zero
holds no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from flint import arb

from sam_theory.arithmetic import Undecided
from sam_theory.engines import Box, CertifiedCycle, certified_cycle
from sam_theory.lab._at import MapAt

__all__ = ["cover"]

_CANNOT = (Undecided, ZeroDivisionError, ValueError)
Cell = list[arb]


def _zero_free(here: MapAt, cell: Cell, period: int) -> tuple[bool, bool]:
    """Whether H certainly has no zero in the cell, and whether it is certainly injective there."""
    try:
        found = here.system.returned(cell, here.box, period)
    except _CANNOT:
        return False, False
    d = len(cell)
    slope = [[a - int(i == j) for j, a in enumerate(row)] for i, row in enumerate(found.derivative)]
    away = [c - c.mid() for c in cell]
    for i in range(d):
        value = found.offset[i] - cell[i].mid() + sum((a * b for a, b in zip(slope[i], away, strict=True)), arb(0))
        if not (value.contains(0) and (found.hulls[period][i] - cell[i]).contains(0)):
            return True, False
    return False, _injective(slope)


def _injective(slope: list[list[arb]]) -> bool:
    if not all(a.is_finite() for row in slope for a in row):
        return False
    try:
        inverse = np.linalg.inv(np.array([[float(a.mid()) for a in row] for row in slope]))
    except np.linalg.LinAlgError:
        return False
    d = len(slope)
    for i in range(d):
        row = [sum((arb(float(inverse[i][k])) * slope[k][j] for k in range(d)), arb(0)) for j in range(d)]
        if not sum((abs(a - int(i == j)) for j, a in enumerate(row)), arb(0)) < 1:
            return False
    return True


def _neighbourhood(here: MapAt, point: Sequence[arb], period: int, least: float, most: float) -> Cell:
    """The widest cube around an enclosed zero, by doubling, on which H is injective; not even ``point`` if none is."""
    radius, cell = least, [c.mid() for c in point]
    while radius < most:
        wider = [c.mid() + arb(0, radius + float(c.rad())) for c in point]
        if not _zero_free(here, wider, period)[1]:
            break
        radius, cell = 2 * radius, wider
    return cell


def _inside(cell: Cell, wider: Cell) -> bool:
    return all(w.contains(c) for c, w in zip(cell, wider, strict=True))


def cover(
    here: MapAt,
    region: Box,
    period: int,
    known: Iterable[CertifiedCycle],
    cells: int,
    found: Callable[[CertifiedCycle], bool],
) -> tuple[Box, ...]:
    """Boxes that contain every zero of F^period − id in ``region`` which is no point of a known or found cycle.

    ``cells`` is the number of cells that may be examined, the largest first; ``found`` is called with each cycle that
    was not known, and says whether it is known from now on.
    """
    zones: list[Cell] = []
    names, queue, rest = here.names, [region], []
    least = {n: region.width(n) / 2**20 for n in names}
    smallest, widest_side = float(min(least.values())) / 2, 2 * float(max(region.width(n) for n in names))

    def add(cycle: CertifiedCycle) -> None:
        zones.extend(_neighbourhood(here, point, period, smallest, widest_side) for point in cycle.points)

    for cycle in known:
        add(cycle)
    while queue:
        # Breadth first: what the number of cells does not reach is then as small as it can be.
        following: list[Box] = []
        for box in queue:
            if cells <= 0:
                following.append(box)
                continue
            cells -= 1
            cell = [box.ball(n) for n in names]
            if any(_inside(cell, zone) for zone in zones):
                continue
            free, injective = _zero_free(here, cell, period)
            if free:
                continue
            if injective:
                inside = certified_cycle(here.system, here.box, [float(c.mid()) for c in cell], period)
                if inside is not None and _new(inside, zones) and found(inside):
                    add(inside)
                if any(_inside(cell, zone) for zone in zones):
                    continue
            widest = max(names, key=lambda n: box.width(n) / region.width(n))
            if box.width(widest) <= least[widest]:
                rest.append(box)
            else:
                following.extend(box.bisect(widest))
        if cells <= 0:
            return (*rest, *following)
        queue = following
    return tuple(rest)


def _new(cycle: CertifiedCycle, zones: list[Cell]) -> bool:
    """Whether no point of the cycle lies in a neighbourhood of a known one."""
    return not any(_inside(list(point), zone) for point in cycle.points for zone in zones)
