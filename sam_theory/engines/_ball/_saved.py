"""Results that can be written as certificates of their own, without a statement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["Saved"]


class Saved:
    """A result with ``certificate()``, the body of a certificate of the form ``diagram``."""

    def certificate(self) -> dict[str, Any]:
        """The result as plain data that ``sam_theory.checker.check_diagram`` shows again."""
        raise NotImplementedError

    def save_certificate(self, path: str | Path) -> None:
        """Write a file that ``sam-theory check`` shows again; it appears whole or not at all.

        Parameters
        ----------
        path : str or Path

        Raises
        ------
        InputError
            As ``certificate``, and where the file cannot be written.
        """
        from sam_theory.checker import certificate
        from sam_theory.engines._certificates import save

        save(certificate(None, "certified", "diagram", self.certificate()), Path(path))
