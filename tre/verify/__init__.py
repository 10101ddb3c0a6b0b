"""Promises by depth: what a site declares, what is really there, and what held when somebody tried."""
