"""Fixtures of the checks' tests."""

from tests.portal.checks.clamd import clamd

__all__ = ["clamd"]
