"""The promise matrix is current."""

from __future__ import annotations

from components.backend import PROMISES
from tre import paths, registry
from tre.verify import matrix


def test_the_page_is_what_the_code_says() -> None:
    written = (paths.checkout() / matrix.PAGE).read_text(encoding="utf-8")
    assert written == matrix.page(), "run: python -m tre.verify.matrix"


def test_every_promise_and_every_gap_of_every_backend_is_on_it() -> None:
    text = matrix.page()
    assert all(f"| `{promise.name}` |" in text for promise in PROMISES.values())
    reasons = [gap for name in registry.BACKENDS for gap in registry.backend(name).gaps.values()]
    assert all(reason.rstrip(".") in text for reason in reasons)
