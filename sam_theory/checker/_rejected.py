"""What the checker raises."""

from __future__ import annotations

__all__ = ["Rejected"]


class Rejected(ValueError):
    """A certificate does not show what it claims; the message says where and why."""
