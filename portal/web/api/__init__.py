"""The JSON interface, below `/api/v1`: one file for each kind of call."""
