"""The reference and the schemas in `docs` are what the models say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tre.model import reference
from tre.paths import checkout

PAGES = reference.pages()


@pytest.mark.parametrize("place", PAGES, ids=str)
def test_a_generated_file_is_current(place: Path) -> None:
    file = checkout() / "docs" / place
    assert file.exists(), f"missing; write it with: {reference.COMMAND}"
    assert file.read_text() == PAGES[place], f"not current; write it with: {reference.COMMAND}"


def test_every_page_is_generated() -> None:
    docs = checkout() / "docs"
    found = {
        file.relative_to(docs) for part in ("reference", "schema") for file in (docs / part).rglob("*.*")
    }
    assert found == set(PAGES)
