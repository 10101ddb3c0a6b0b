"""Sign-in: issuer, local accounts, sessions, passes and workload tokens."""
