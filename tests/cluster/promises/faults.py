"""Faults that a test plants in the live cluster and takes back, whatever happens in between."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from typing import Any

from providers.kubernetes.live.connection import Connection

Object = Mapping[str, Any]
_SERVERS_OWN = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink")


@contextlib.contextmanager
def removed(connection: Connection, path: str) -> Generator[None]:
    """Delete an object, and make it again as it was."""
    was = connection.get(path)
    assert was is not None, f"there is nothing at {path} to remove"
    connection.delete(path)
    try:
        yield
    finally:
        metadata = {key: value for key, value in was["metadata"].items() if key not in _SERVERS_OWN}
        again = {key: value for key, value in was.items() if key != "status"}
        connection.create(path.rpartition("/")[0], {**again, "metadata": metadata})


@contextlib.contextmanager
def added(connection: Connection, collection: str, body: Object) -> Generator[None]:
    """Create an object, and delete it."""
    connection.create(collection, body)
    try:
        yield
    finally:
        connection.delete(f"{collection}/{body['metadata']['name']}")


@contextlib.contextmanager
def altered(connection: Connection, path: str, patch: Object, back: Object) -> Generator[None]:
    """Change fields of an object, and set them back."""
    connection.merge(path, patch)
    try:
        yield
    finally:
        connection.merge(path, back)
