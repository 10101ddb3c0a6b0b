"""Reads a page as a browser would, and tells what is wrong with it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "input", "br", "img", "hr", "circle", "path", "rect"})
CONTROLS = frozenset({"input", "select", "textarea", "progress"})


@dataclass
class Element:
    """One element: its attributes, and the text within it."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    inside: tuple[str, ...] = ()


@dataclass
class PageReader(HTMLParser):
    """The elements of one page in order, and whether every one was closed."""

    elements: list[Element] = field(default_factory=list["Element"])
    unclosed: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element in."""
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute of <{tag}> stands twice: {names}"
        inside = tuple(each.name for each in self._open)
        element = Element(tag, {name: value or "" for name, value in attrs}, inside=inside)
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an element in that closes itself."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        if not self._open or self._open[-1].name != tag:
            self.unclosed.append(f"</{tag}> after {[each.name for each in self._open[-3:]]}")
            return
        self._open.pop()

    def handle_data(self, data: str) -> None:
        """Give the text to every element around it."""
        for element in self._open:
            element.text += data


def read(html: str) -> PageReader:
    """Return a page, read."""
    reader = PageReader()
    reader.feed(html)
    reader.close()
    return reader


def problems(page: PageReader, *, whole: bool = True) -> list[str]:
    """Return what a page does that no page may; `whole` is false for a part that htmx puts into a page."""
    found = [*page.unclosed, *_inline(page), *_controls(page), *_numbers(page)]
    return [*found, *_frame(page)] if whole else found


def _inline(page: PageReader) -> list[str]:
    found: list[str] = []
    for element in page.elements:
        if element.name == "style" or "style" in element.attributes:
            found.append(f"an inline style: {element}")
        if element.name == "script" and not element.attributes.get("src", "").startswith("/static/"):
            found.append(f"an inline or foreign script: {element}")
        found += [
            f"an inline handler: {name}" for name in element.attributes if name.startswith(("on", "hx-on"))
        ]
        where = element.attributes.get("href", "") + element.attributes.get("src", "")
        if where.lower().startswith(("javascript:", "data:", "//", "http")):
            found.append(f"an address elsewhere: {where}")
    return found


def _controls(page: PageReader) -> list[str]:
    labels = {e.attributes.get("for"): e.text.strip() for e in page.elements if e.name == "label"}
    found: list[str] = []
    for element in page.elements:
        attributes = element.attributes
        if element.name in CONTROLS and attributes.get("type") != "hidden":
            named = labels.get(attributes.get("id")) or attributes.get("aria-label")
            found += [] if named else [f"a control without a label: {element}"]
        if element.name in {"button", "a"} and not element.text.strip() and "hidden" not in attributes:
            found.append(f"nothing says what this does: {element}")
        if element.name == "img" and not attributes.get("alt"):
            found.append(f"a picture without words: {element}")
        if element.name == "form" and attributes["method"] not in {"get", "post"}:
            found.append(f"a form of another kind: {element}")
    return found


def _numbers(page: PageReader) -> list[str]:
    ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    found = [f"an id stands twice: {each}" for each in ids if ids.count(each) > 1]
    for element in page.elements:
        for name in ("aria-labelledby", "aria-describedby", "for"):
            wanted = element.attributes.get(name, "").split()
            found += [f"{name} leads nowhere: {each}" for each in wanted if each not in ids]
    return found


def _frame(page: PageReader) -> list[str]:
    names = [e.name for e in page.elements]
    found = [
        f"{names.count(name)} of <{name}>"
        for name in ("h1", "main", "header", "title")
        if names.count(name) != 1
    ]
    if not any(e.name == "html" and e.attributes.get("lang") == "en" for e in page.elements):
        found.append("no language")
    levels = [int(name[1]) for name in names if name in {"h1", "h2", "h3", "h4"}]
    found += [f"h{a} is followed by h{b}" for a, b in itertools.pairwise(levels) if b > a + 1]
    forms = [e for e in page.elements if e.name == "form" and e.attributes["method"] == "post"]
    tokens = [e for e in page.elements if e.attributes.get("name") == "form_token"]
    return found if len(forms) == len(tokens) else [*found, "a form without its token"]


def links(page: PageReader) -> set[str]:
    """Return where a page leads: links, what it loads, where its forms of search go, what htmx asks for."""
    found: set[str] = set()
    for element in page.elements:
        for name in ("href", "src", "hx-get"):
            where = element.attributes.get(name, "")
            found |= {where} if where.startswith("/") else set()
        if element.name == "form" and element.attributes["method"] == "get":
            found.add(element.attributes["action"])
    return found
