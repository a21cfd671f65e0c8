"""Wald's collector: tells a tool's maintainers how it is used and where it fails."""

__version__ = "0.1.0"
