"""Texts that people send to break pages: each must come out as text, and as nothing else."""

from __future__ import annotations

EVALUATED = "zqzqzq"
"""What a template that runs texts would make of `{{'zq'*3}}`; no identifier can hold it."""
SCRIPT = '<script>alert("x")</script>'
TITLE = f"{{{{'zq'*3}}}} {{% for %}} {SCRIPT} שלום مرحبا \u202e👩‍🔬 " + "title " * 20
PURPOSE = f"{{{{'zq'*3}}}} ${{'zq'*3}} {SCRIPT}\n<img src=x onerror=alert(1)> '\"-->"
PATH = f"{{{{'zq'*3}}}} <script>alert(1)</script> שלום 👩‍🔬 '\"&/{'long-' * 40}table.csv"
CELL = "<img src=x onerror=alert(1)>{{'zq'*3}}"
LONG_NAME = (f"{{{{'zq'*3}}}}{SCRIPT}مرحبا👩‍🔬" * 40)[:1000]
