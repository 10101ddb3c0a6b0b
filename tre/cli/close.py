"""`tre project close`: archives a project's record, destroys its key and data, and certifies that they are gone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tre import console
from tre.cli.consent import typed
from tre.cli.destroy import held
from tre.cli.sites import json_option, load, settle, site_argument, tell_failures, yes_option
from tre.cli.verify import known
from tre.errors import Problem, Refused, TreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.backend import Live
    from tre.engine.session import Session
    from tre.engine.stack import Outcome
    from tre.engine.work import Work
    from tre.model.load import LoadedSite
    from tre.program import Part
    from tre.verify.closing import Closed, Closing


@click.command("close")
@site_argument
@click.argument("project")
@click.option("--confirm", metavar="PROJECT", help="The project's name, instead of typing it.")
@yes_option
@json_option
def command(site: str, folder: Path, project: str, confirm: str | None, yes: bool, as_json: bool) -> None:
    """Close PROJECT of SITE for good: its key and its data are destroyed, and a certificate says so.

    Its record (manifest, last report, audit entries) is kept. What was destroyed cannot be brought back.
    """
    from tre.program import Settled, project_part
    from tre.verify import closing
    from tre.verify.collect import scope_of

    loaded = load(folder, site, allow_expired=True)
    part = project_part(loaded, known(loaded, project), Settled(offline=True))
    prepared = closing.prepare(loaded, project, scope_of(loaded, part), _live(part))
    _announce(prepared)
    if not yes:
        typed(f"Type {project} to destroy this", project, confirm, option=f"--confirm {project}")
    closed = closing.close(prepared, lambda: destroy(loaded, folder, project), console.say)
    _tell(closed, loaded.files[part.stack], as_json)


def _live(part: Part) -> Live:
    from tre.verify.collect import live_of

    live = live_of(part.target)
    if live is None:
        raise Refused(Problem(f"backend {part.target.backend}", "cannot close a project yet"))
    return live


def destroy(loaded: LoadedSite, folder: Path, project: str) -> None:
    """Take the project's stack down with everything that it held. A stack that is down already is left alone.

    Raises:
        TreError: the engine could not; what it destroyed stays destroyed.
    """
    from tre.engine import deploy, session
    from tre.engine.work import by_target

    with session.session(loaded.site.name, folder) as engine:
        works = deploy.works(loaded, engine.deployed, [project], offline=True)
        todo = [each for each in works if each.part.project and each.stack in engine.marks]
        if not todo:
            return
        settle(engine, todo, yes=True)
        engine.prepare(by_target(todo))
        if _protected(engine, todo):
            _done(deploy.lift(engine, todo))
        removals = [deploy.Removal(each.stack, project) for each in todo]
        deploy.down(engine, removals, keep=False)
        _done([each.result for each in removals if each.result])


def _protected(engine: Session, todo: Sequence[Work]) -> bool:
    """Tell whether anything is protected still. Lifting deploys, and would make anew what is half erased."""
    return engine.settings.local_state is None or any(held(engine, todo).values())


def _done(outcomes: Sequence[Outcome]) -> None:
    """Return when every run of the engine ended well.

    Raises:
        TreError: one did not.
    """
    failed = [each for each in outcomes if each.failed]
    if failed:
        tell_failures(failed)
        raise TreError(summary="The project is not closed. The same command takes it up again.")


def _announce(prepared: Closing) -> None:
    held = prepared.held
    console.say(f"Closing project {prepared.project} of site {prepared.site} destroys, for good:")
    for volume in held.volumes:
        key = f"key {volume.key[:16]}" if volume.key else "no key of its own"
        console.say(f"  volume {volume.name} ({volume.area}), {volume.cipher or 'not encrypted'}, {key}")
    for each in held.data_sets:
        console.say(
            f"  data set {each.data_set}: {each.file}, {each.bytes} bytes, SHA-256 {each.sha256[:16]}..."
        )
    console.say("Running jobs end. Results that have not left through the airlock are lost.")
    console.say(f"Its record is kept in {prepared.archive}.")


def _tell(closed: Closed, file: Path, as_json: bool) -> None:
    certificate = closed.certificate
    if as_json:
        document: dict[str, Any] = certificate.model_dump(mode="json", exclude={"version", "kind"})
        console.emit("closing", {**document, "file": str(closed.file), "sha256": closed.sha256})
        return
    console.say(
        f"Project {certificate.project} is closed by {certificate.method}; nothing of it was found afterwards."
    )
    console.say(f"Certificate: {closed.file} (SHA-256 {closed.sha256}, on the audit log)")
    console.say(
        f"Next: remove {file}; while it is there, `tre up {certificate.site}` makes the project anew, empty."
    )
