"""What a backend says when it cannot build what a spec asks for."""

from __future__ import annotations


class Unbuildable(ValueError):
    """A spec and a target that do not fit: `where` (a field), `what` is wrong, and the `remedy`.

    Raised while a program runs, before the resource in question is registered. The deployer reports it as input
    that is wrong, never as a failure of the substrate.
    """

    def __init__(self, where: str, what: str, remedy: str) -> None:
        self.where, self.what, self.remedy = where, what, remedy
        super().__init__(f"{where}: {what}. {remedy}")
