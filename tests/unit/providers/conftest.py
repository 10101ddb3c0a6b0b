"""Settings of property tests: no deadline, since a busy machine is not a wrong name."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("names", deadline=None)
settings.load_profile("names")
