"""Tests of the record: the chain, disclosure records, and proving both without the database."""
