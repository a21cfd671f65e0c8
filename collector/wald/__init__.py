"""Wald's collector: tells a tool's maintainers how it is used and where it fails.

Embed it with a `Monitor`; add what only your tool can know with subclasses of `Metric`.
"""

from .metric import Metric
from .monitor import Monitor

__all__ = ["Metric", "Monitor"]
__version__ = "0.1.0"
