"""The palette's contrast, the assets' names, the headers of every page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portal.domain.people import Role
from portal.pages import assets, showing
from tests.portal.pages.house import House, person

CSS = (Path(assets.__file__).parent / "static" / "airlock.css").read_text()
TEXT, MARK = 4.5, 3.0
"""WCAG 2.2 AA: text (1.4.3), and what is not text (1.4.11)."""
ON = {
    "ink": ("paper", "surface", "sunken", "accent-soft"),
    "muted": ("paper", "surface", "sunken"),
    "accent": ("paper", "surface", "accent-soft"),
    "accent-strong": ("paper", "surface", "sunken", "accent-soft"),
    "on-accent": ("accent", "accent-strong"),
    "on-bad": ("bad",),
    "ok": ("ok-soft", "surface", "paper"),
    "warn": ("warn-soft", "surface", "paper"),
    "bad": ("bad-soft", "surface", "paper"),
    "info": ("info-soft", "surface", "paper"),
}


def _palettes() -> dict[str, dict[str, str]]:
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
    first = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light))
    return {"light": first, "dark": {**first, **dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", dark))}}


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_on_every_ground(scheme: str) -> None:
    """Each pair that the sheet uses has at least 4.5 to 1."""
    palette = _palettes()[scheme]
    pairs = {(text, ground) for text, grounds in ON.items() for ground in grounds}
    assert [pair for pair in sorted(pairs) if _contrast(palette[pair[0]], palette[pair[1]]) < TEXT] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("edge", ["edge", "accent", "bad", "warn"])
def test_every_edge_can_be_seen(scheme: str, edge: str) -> None:
    """Borders of fields and the ring of focus stand out from every ground."""
    palette = _palettes()[scheme]
    assert all(_contrast(palette[edge], palette[ground]) >= MARK for ground in ("paper", "surface", "sunken"))


def test_colours_stand_in_the_palette_alone() -> None:
    """A colour elsewhere in the sheet would escape the computation."""
    rules = re.sub(r":root \{.*?\}", "", CSS, flags=re.DOTALL)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|rgb\(|hsl\(", rules) == []


def test_known_contrasts() -> None:
    """The computation itself: black on white is 21 to 1, and a grey that is known to just pass."""
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)
    assert _contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_assets_are_kept_for_ever_under_the_name_of_their_content(house: House) -> None:
    """Another content has another name, so that no browser shows an old one."""
    client = house.client(None)
    for asset in showing.ASSETS.values():
        answer = client.get(f"/static/{asset.name}")
        assert answer.content == asset.content
        assert "immutable" in answer.headers["cache-control"]
        assert re.search(r"\.[0-9a-f]{16}\.", asset.name)
    assert client.get("/static/airlock.css").status_code == 404
    assert client.get("/static/..%2fwords.py").status_code == 404


def test_htmx_is_read_from_its_package_and_never_imported() -> None:
    """Django is not here, and nothing asks for it."""
    import sys

    assert showing.ASSETS["htmx.js"].content.startswith(b"var htmx=")
    assert not {"django", "django_htmx"} & set(sys.modules)


def test_pages_are_not_kept_and_run_nothing_inline(house: House) -> None:
    """A page holds what its reader may see: no cache keeps it, and nothing in it but our own files runs."""
    answer = house.client(person("casey", Role.OUTPUT_CHECKER)).get("/projects")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert '"allowEval": false' in answer.text
    assert '"includeIndicatorStyles": false' in answer.text
