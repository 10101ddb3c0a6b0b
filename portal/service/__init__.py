"""The use cases on requests: what both doors, the pages and the worker call."""

from portal.service.airlock import Airlock
from portal.service.parts import Lives, Parts

__all__ = ["Airlock", "Lives", "Parts"]
