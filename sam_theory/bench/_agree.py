"""Whether implementations agree, before any of them is timed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sam_theory.bench._cases import Array

WITHIN = 1e-9
"""Every number of every output may differ by this, relative to the larger of it and 1."""


def outputs(directory: Path) -> dict[str, Array]:
    """The arrays that a worker has saved, not read into memory."""
    return {file.stem: np.load(file, mmap_mode="r") for file in sorted(directory.glob("*.npy"))}


def difference(found: dict[str, Array], reference: dict[str, Array], partial: bool = False) -> float:
    r"""The largest difference of any number of any output, relative to max(1, \|reference\|).

    Infinite where an output is missing, has another shape, is not finite, or where trajectories diverged differently.
    With ``partial`` only recorded states are compared, as many as both have.
    """
    if partial:
        if "states" not in found or "states" not in reference:
            return float("inf")
        records = min(len(found["states"]), len(reference["states"]))
        found, reference = ({"states": each["states"][:records]} for each in (found, reference))
    if set(found) != set(reference):
        return float("inf")
    return max((_largest(found[name], reference[name]) for name in reference), default=0.0)


def _largest(a: Array, b: Array) -> float:
    if a.shape != b.shape:
        return float("inf")
    worst = 0.0
    for part_a, part_b in zip(_rows(a), _rows(b), strict=True):
        with np.errstate(invalid="ignore"):
            off = np.abs(part_a - part_b) / np.maximum(1.0, np.abs(part_b))
        worst = max(worst, float(np.max(np.where(np.isnan(off), np.inf, off), initial=0.0)))
    return worst


def _rows(a: Array) -> list[Array]:
    """Pieces along the first axis that fit into memory."""
    return [a] if a.ndim < 2 else np.array_split(a, min(len(a), 1 + a.nbytes // 10_000_000))
