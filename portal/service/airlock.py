"""The airlock's use cases in one place: what both doors, the pages and the tests call.

Every method checks the person's rights (`portal.domain.rights`) in the transaction that makes the change, and raises
an `AirlockError` where it refuses. Methods are synchronous where they touch the database alone; where bytes flow they
are coroutines, which keep the database off the event loop by themselves.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from portal.domain.people import Person
from portal.domain.policy import Project
from portal.domain.states import Direction, State
from portal.preview import Preview
from portal.service import asking, deciding, listing, picking_up, projects, reviewing, showing, uploading
from portal.service.asking import NewFile
from portal.service.parts import Parts
from portal.service.views import (
    EventView,
    FileView,
    LinkView,
    Page,
    PersonView,
    ProjectView,
    RequestDetail,
    RequestView,
)

Stream = AsyncIterator[bytes]


class Airlock:
    """The service. `parts` holds the database, the areas (already narrowed to the door) and the clock."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    # projects and people

    def projects(self, person: Person) -> list[ProjectView]:
        """Return the projects in which the person has a role; all of them for the site's auditors and operators."""
        return projects.of(self.parts, person)

    def people(self, person: Person, project: str) -> list[PersonView]:
        """Return who was seen with a role in a project."""
        return projects.people(self.parts, person, project)

    def register_project(self, project: Project) -> None:
        """Write a project's policy, new or changed. The deployer calls this, no door does."""
        self.parts.database.write(
            lambda session: projects.register_project(session, self.parts.clock, project)
        )

    def end_project(self, name: str) -> None:
        """End a project: it takes no new request; what is under way goes on."""
        self.parts.database.write(lambda session: projects.end_project(session, self.parts.clock, name))

    # asking

    def create(
        self,
        person: Person,
        project: str,
        direction: Direction,
        title: str,
        purpose: str = "",
        idempotency_key: str | None = None,
    ) -> RequestView:
        """Begin a request. The same person and key give the same request, however often it is sent.

        Raises:
            Refused: the person does not ask in this direction here, or the project has ended.
            Conflict: the key was used for another request, or too many requests are open.
        """
        return asking.create(self.parts, person, project, direction, title, purpose, idempotency_key)

    def add_file(
        self,
        person: Person,
        request_id: str,
        path: str,
        expected_size: int | None = None,
        media_type: str | None = None,
    ) -> FileView:
        """Announce a file (`draft` or `changes_requested`); the same path and size again give the same file.

        Raises:
            Conflict: another file stands under this path, or one that some system would take for it.
            TooLarge: more files or bytes than the project's limits allow.
        """
        return self.add_files(person, request_id, [NewFile(path, expected_size, media_type)])[0]

    def add_files(self, person: Person, request_id: str, files: Sequence[NewFile]) -> list[FileView]:
        """Announce many files at once, all or none, in the order given; otherwise as `add_file`."""
        return asking.add_files(self.parts, person, request_id, files)

    async def upload(
        self,
        person: Person,
        request_id: str,
        file_id: str,
        offset: int,
        stream: Stream,
        *,
        last: bool,
        sha256: str | None = None,
    ) -> FileView:
        """Take one part of a file. `offset` is the size so far; `last` completes the file.

        Raises:
            uploading.WrongOffset: (a Conflict) the file stands elsewhere; its document says where, as `offset`.
            Invalid: the part is not what `sha256` (hexadecimal) says; nothing was kept.
            TooLarge: more than the project's limits allow.
        """
        return await uploading.upload(
            self.parts, person, request_id, file_id, offset, stream, last=last, sha256=sha256
        )

    def remove_file(self, person: Person, request_id: str, file_id: str) -> None:
        """Take a file out of a request that is not submitted; gone already is fine."""
        asking.remove_file(self.parts, person, request_id, file_id)

    def submit(self, person: Person, request_id: str, version: int | None = None) -> RequestView:
        """Hand a request in: from here its bytes are frozen. Submitted already is fine.

        Raises:
            Conflict: a file is incomplete, there is none, or the request has moved on from `version`.
        """
        return asking.submit(self.parts, person, request_id, version)

    def withdraw(self, person: Person, request_id: str, reason: str = "") -> RequestView:
        """Take a request back (`draft`, `submitted`, `in_review`, `changes_requested`)."""
        return asking.withdraw(self.parts, person, request_id, reason)

    # looking

    def requests(
        self,
        person: Person,
        *,
        project: str | None = None,
        direction: Direction | None = None,
        state: State | None = None,
        mine: bool | None = None,
        awaiting_me: bool = False,
        before: str | None = None,
        limit: int = 50,
    ) -> Page[RequestView]:
        """Return a page of the requests that the person may see, newest first (`limit` 1 to 200)."""
        return listing.requests(
            self.parts,
            person,
            listing.Wanted(project, direction, state, mine, awaiting_me),
            before,
            limit,
        )

    def queue(self, person: Person, before: str | None = None, limit: int = 50) -> Page[RequestView]:
        """Return what waits for this person's decision, longest waiting first."""
        return listing.queue(self.parts, person, before, limit)

    def request(self, person: Person, request_id: str) -> RequestDetail:
        """Return everything about a request that the person may see.

        Raises:
            NotFound: there is none, or the person may not know of it.
        """
        return showing.request(self.parts, person, request_id)

    def record(self, person: Person, request_id: str) -> dict[str, Any]:
        """Return the signed disclosure record: `{"body": text as signed, "signature", "key_id", "at"}`."""
        return showing.record(self.parts, person, request_id)

    def events(
        self,
        person: Person,
        project: str | None = None,
        request_id: str | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> list[EventView]:
        """Return events in their order, those after a number (`limit` 1 to 1000)."""
        return showing.events(self.parts, person, project, request_id, after, limit)

    # deciding

    def decide(
        self,
        person: Person,
        request_id: str,
        *,
        outcome: str,
        manifest_sha256: str,
        reason: str,
        files: Mapping[str, Mapping[str, str]] | None = None,
    ) -> RequestDetail:
        """Decide on a request: `approve`, `reject` or `changes`, on the manifest that the person looked at.

        `files` holds for a file's id `{"outcome": "approve|reject|changes", "reason": ...}`. A request whose file is
        turned down cannot be approved as a whole: ask for changes.

        Raises:
            Conflict: the manifest is another by now, the request is not in review, or the person decided already.
            Invalid: no such outcome or file, no reason for turning down, or an approval with a file turned down.
            Refused: the person may not, or it is their own.
        """
        return deciding.decide(
            self.parts, person, request_id, deciding.Said(outcome, manifest_sha256, reason, files or {})
        )

    def revoke(self, person: Person, request_id: str, reason: str) -> RequestView:
        """Take an approval back (`approved`, `releasing`, `released`): the bytes leave the release area."""
        return deciding.revoke(self.parts, person, request_id, reason)

    def retry(self, person: Person, request_id: str) -> RequestView:
        """Let a failed request go on from where it failed (Operator)."""
        return deciding.retry(self.parts, person, request_id)

    async def preview(self, person: Person, request_id: str, file_id: str) -> Preview:
        """Return what a reviewer sees of a file's content without taking it away."""
        return await reviewing.preview(self.parts, person, request_id, file_id)

    async def download_for_review(
        self, person: Person, request_id: str, file_id: str
    ) -> tuple[FileView, Stream]:
        """Return a frozen file to its reviewer, where the project's tier allows (0 and 1).

        Raises:
            Refused: the tier does not allow it.
        """
        return await reviewing.download(self.parts, person, request_id, file_id)

    # picking up

    def link(self, person: Person, request_id: str, file_id: str) -> LinkView:
        """Make a link to one released file: short-lived, for this person alone, fetched once."""
        return picking_up.link(self.parts, person, request_id, file_id)

    async def fetch(self, person: Person, token: str) -> tuple[FileView, Stream]:
        """Spend a link. The receipt is written when the last byte was handed over; a broken fetch takes a new link.

        Raises:
            NotFound: there is no such link for this person, it was spent, or it has expired.
            Conflict: the request is no longer released.
        """
        return await picking_up.fetch(self.parts, person, token)
