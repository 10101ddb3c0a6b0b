"""Areas of each kind, and streams to fill them with."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from pathlib import Path
from typing import Final

from portal.store.areas import Areas
from portal.store.places import Area, Place
from tests.portal.store.azurite import CONTAINER, Azurite

KINDS: Final = ("folder", "apart", "memory", "s3", "azure")
"""A folder that one process writes, one that several do, and three stores behind obstore."""
UPLOADS: Final = Area.OUTPUT_UPLOADS
HELD: Final = Area.HELD
RELEASED: Final = Area.RELEASED_OUTPUTS
KEY: Final = "request/file/0001-000000"
MIB: Final = 1 << 20


def folders(root: Path, *, sole: bool = True) -> dict[Area, Place]:
    """Return places in folders below a root."""
    return {area: Place((root / area).as_uri(), sole=sole) for area in Area}


def in_bucket(endpoint: str, bucket: str = "airlock", prefix: str = "") -> dict[Area, Place]:
    """Return places below a prefix that nothing else uses, in a bucket of a server on this machine."""
    options = {
        "endpoint": endpoint,
        "allow_http": "true",
        "region": "nowhere",
        "access_key_id": "tester",
        "secret_access_key": "not-a-secret",
        "virtual_hosted_style_request": "false",
    }
    prefix = prefix or uuid.uuid4().hex
    return {area: Place(f"s3://{bucket}/{prefix}/{area}", options=options) for area in Area}


def in_container(store: Azurite) -> dict[Area, Place]:
    """Return places below a prefix that nothing else uses, in a container of a store on this machine."""
    options = {
        "azure_storage_account_name": store.account,
        "account_key": store.key,
        "endpoint": store.endpoint,
        "allow_http": "true",
    }
    prefix = uuid.uuid4().hex
    return {area: Place(f"az://{CONTAINER}/{prefix}/{area}", options=options) for area in Area}


async def stream(chunks: Iterable[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield some chunks."""
    for chunk in chunks:
        yield chunk


async def put(areas: Areas, area: Area, key: str, *chunks: bytes) -> None:
    """Store some chunks under a key."""
    await areas.write(area, key, stream(chunks), sum(map(len, chunks)))


async def joined(blocks: AsyncIterator[bytes]) -> bytes:
    """Return all that is yielded."""
    return b"".join([block async for block in blocks])


async def listed(areas: Areas, area: Area, prefix: str = "") -> list[str]:
    """Return the keys that an area holds."""
    return sorted([key async for key in areas.keys(area, prefix)])
