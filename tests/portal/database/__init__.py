"""Tests of the database: opening, migrating, and what each role may."""
