"""Drives the real Pulumi engine, and records what it would be told when there is none."""
