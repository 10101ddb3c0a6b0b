"""Measures what `docs/benchmarks.md` tells. Times are never asserted by a test: machines differ."""
