"""Tests of the collector: real tools in homes of their own, and a real server on loopback."""
