"""A small checker of certificates: it shares losses, rules and theorems with the engines, and no arithmetic."""

from sam_theory.checker._enclosure import check_diagram, check_region
from sam_theory.checker._rejected import Rejected

__all__ = ["Rejected", "check_diagram", "check_region"]
