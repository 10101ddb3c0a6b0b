"""Who is asking: sign-in by an issuer or by local accounts outside, by pass and workload token inside."""
