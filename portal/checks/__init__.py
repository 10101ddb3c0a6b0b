"""Looks at files before a person does: malware, types, archives, models, tables, ACRO's results and metadata.

Checks advise. Which of them block is the site's choice, and the worker's to apply.
"""

from __future__ import annotations

from portal.checks.malware import Clamd, NoScanner, Scanner
from portal.checks.running import check
from portal.checks.verdict import Finding, Held, Opener, Outcome

__all__ = ["Clamd", "Finding", "Held", "NoScanner", "Opener", "Outcome", "Scanner", "check"]
