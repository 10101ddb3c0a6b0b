"""Requests made beforehand, for tests that begin where somebody reviews."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

from portal.domain.people import Door, Person, Role
from portal.domain.states import Direction
from tests.browser.site import PROJECT, Site

TABLE = b"age_group,sex,cases,controls\n" + b"".join(
    f"{age}-{age + 9},{sex},{cases},{cases * 9}\n".encode()
    for age, sex, cases in (
        (40, "f", 112),
        (40, "m", 143),
        (50, "f", 201),
        (50, "m", 4),
        (60, "f", 310),
        (60, "m", 377),
    )
)
PURPOSE = "For the paper's second table. Counts are of people, and regions are left out."


def picture() -> bytes:
    """Return a small chart as PNG."""
    import io

    from PIL import Image, ImageDraw

    image = Image.new("RGB", (640, 400), "white")
    drawing = ImageDraw.Draw(image)
    for place, height in enumerate((60, 120, 190, 160, 230)):
        drawing.rectangle((60 + place * 110, 340 - height, 130 + place * 110, 340), fill=(10, 90, 104))
    drawing.line((40, 340, 620, 340), fill="black", width=2)
    kept = io.BytesIO()
    image.save(kept, "PNG")
    return kept.getvalue()


def analyst(site: Site) -> Person:
    """Return an analyst in a workspace, who is nobody with an account here."""
    ada = site.person("ada", Role.DATA_ANALYST)
    return dataclasses.replace(ada, full_name="Ada Analyst", door=Door.INSIDE, bound_to=PROJECT)


async def _stream(content: bytes) -> AsyncIterator[bytes]:
    yield content


def ask(site: Site, title: str, files: dict[str, bytes], *, submit: bool = True) -> str:
    """Make a request, hand it in, and return its number; the worker takes it up by itself."""
    ada = analyst(site)
    made = site.airlock.create(ada, PROJECT, Direction.OUTPUT, title, PURPOSE)
    for path, content in files.items():
        file = site.airlock.add_file(ada, made.id, path, len(content))
        site.run(site.airlock.upload(ada, made.id, file.id, 0, _stream(content), last=True))
    if submit:
        site.airlock.submit(ada, made.id)
    return made.id
