"""The command line against a real airlock."""
