"""Metrics: one class for each value that goes into every report, and the list of them all."""

import os
import sys
import time

from .report import MAX_METRIC_TEXT, MAX_METRICS, MAX_NUMBER, sendable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from .report import MetricValue


class DataCollector:
    """Knows every metric there is, and reads them."""

    metrics: "ClassVar[dict[str, type[Metric]]]" = {}  # noqa: RUF012 - it is one
    """Every class of metrics by its identifier, in the order of definition."""

    @classmethod
    def register(cls, metric: "type[Metric]") -> None:
        """Add a class of metrics. Raises TypeError with a sentence where it is not fit."""
        name = metric.IDENTIFIER
        if not isinstance(name, str) or not _is_identifier(name):
            raise TypeError(
                f"{metric.__qualname__}.IDENTIFIER is {name!r}: a metric's identifier is a letter "
                "and then up to 63 letters, digits, - or _"
            )
        # Under python -OO nothing has a docstring, and that must not end the tool.
        if sys.flags.optimize < 2 and not (metric.__dict__.get("__doc__") or "").strip():
            raise TypeError(
                f"{metric.__qualname__} needs a docstring that tells users what it reads and why"
            )
        other = cls.metrics.get(name)
        if other is not None and _place(other) != _place(metric):
            raise TypeError(
                f"{metric.__qualname__} and {other.__qualname__} both have the identifier {name!r}"
            )
        if other is None and len(cls.metrics) == MAX_METRICS:
            raise TypeError(f"{metric.__qualname__} is one metric too many: {MAX_METRICS} at most")
        cls.metrics[name] = metric

    @classmethod
    def collect(cls, version: str) -> "dict[str, MetricValue]":
        """Read every metric for an application of this *version*.

        A metric that raises, or returns what no report can hold, is left out; the others stay.
        """
        values = {name: _read(metric, version) for name, metric in cls.metrics.items()}
        return {name: value for name, value in values.items() if value is not None}


class Metric:
    """One value that goes into every report. Subclass it to add your own.

    A subclass sets `IDENTIFIER`, tells in its docstring what it reads and why (users get to see
    it), and returns the value from `_get`. Defining it is enough to have it reported.
    """

    IDENTIFIER: "ClassVar[str]"
    """Name of the value in reports: a letter, then up to 63 letters, digits, ``-`` or ``_``."""

    def __init__(self, version: str) -> None:
        self.version = version
        """Version of the application that is reporting."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "IDENTIFIER" not in cls.__dict__:
            raise TypeError(f"{cls.__qualname__} needs an IDENTIFIER, its name in reports")
        if not hasattr(cls, "_get"):
            raise TypeError(f"{cls.__qualname__} needs a method _get that returns its value")
        DataCollector.register(cls)

    if TYPE_CHECKING:  # every subclass has its own

        def _get(self) -> "MetricValue":
            """Return the value: text of at most 128 characters, a number, or a boolean."""


def _is_identifier(text: str) -> bool:
    """Match `report.IDENTIFIER_PATTERN`, without what compiling it would cost every run."""
    plain = text.replace("-", "a").replace("_", "a")
    return 0 < len(text) <= 64 and plain.isascii() and plain.isalnum() and text[0].isalpha()


def _place(metric: "type[Metric]") -> tuple[str, str]:
    """Where a class is defined: a module that is loaded anew may define its metrics anew."""
    return metric.__module__, metric.__qualname__


class OperatingSystem(Metric):
    """Family of the operating system (Linux, macOS, Windows): which ones to test on."""

    IDENTIFIER = "os"

    def _get(self) -> str:
        if sys.platform == "win32":
            return "Windows"
        return "macOS" if sys.platform == "darwin" else os.uname().sysname


class OperatingSystemVersion(Metric):
    """Distribution and version of the system (Debian 12): which ones to keep supporting."""

    IDENTIFIER = "os_version"

    def _get(self) -> str:
        if sys.platform == "win32":
            version = sys.getwindowsversion()
            return f"Windows {11 if version.build >= 22000 else version.major}"
        if sys.platform == "darwin":
            import platform

            return f"macOS {platform.mac_ver()[0]}"
        return _distribution() or f"{os.uname().sysname} {os.uname().release.split('-')[0]}"


class PythonVersion(Metric):
    """Version of Python (3.12.4): which ones to keep supporting."""

    IDENTIFIER = "py_version"

    def _get(self) -> str:
        return ".".join(map(str, sys.version_info[:3]))


class PackageVersion(Metric):
    """Version of the application: how fast releases reach users, and which one broke."""

    IDENTIFIER = "package_version"

    def _get(self) -> str:
        return self.version


class TimeZone(Metric):
    """Offset from UTC (UTC+02:00): roughly where in the world users are, and no closer."""

    IDENTIFIER = "timezone"

    def _get(self) -> str:
        minutes = time.localtime().tm_gmtoff // 60
        sign = "-" if minutes < 0 else "+"
        return f"UTC{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _read(metric: "type[Metric]", version: str) -> "MetricValue | None":
    try:
        value = metric(version)._get()
    except (Exception, SystemExit):
        return None
    if isinstance(value, str):
        return sendable(value, MAX_METRIC_TEXT)
    if isinstance(value, int | float) and abs(value) <= MAX_NUMBER:
        return value  # no NaN, for it is not smaller than anything
    return None


def _distribution() -> str | None:
    """Name a Linux distribution from os-release(5)."""
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                pairs = (line.strip().partition("=") for line in file)
                found = {key: value.strip("\"'") for key, _, value in pairs}
        except OSError:
            continue
        name = found.get("NAME", "Linux").removesuffix(" GNU/Linux")
        return f"{name} {found.get('VERSION_ID', '')}".strip()
    return None
