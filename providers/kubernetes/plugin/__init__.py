"""A resource plugin for Kubernetes, for sites where the official one cannot be had.

It serves the same protocol and the same type tokens as `pulumi-kubernetes`, so that programs written with
that SDK run unchanged. `python -m providers.kubernetes.plugin` prints the port it serves, alone on the first
line of stdout. See README.md beside this file for what it does differently, and why.
"""
