"""Where files lie while they wait, are checked and are picked up: areas on local folders, S3 or Azure Blob."""

from portal.store.areas import Areas
from portal.store.places import INSIDE, OUTSIDE, WORKER, Area, Mode, Piece, Place

__all__ = ["INSIDE", "OUTSIDE", "WORKER", "Area", "Areas", "Mode", "Piece", "Place"]
