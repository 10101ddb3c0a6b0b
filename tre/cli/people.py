"""`tre people`: who belongs to a site, with which roles until when, and how they first sign in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tre import audit, console, paths
from tre.cli.sites import json_option, load, site_argument
from tre.errors import failure

if TYPE_CHECKING:
    from tre.model.load import LoadedSite


@click.command()
@site_argument
@click.option(
    "--first-sign-ins",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write each person's first password and code secret to this file, yours alone (0600).",
)
@json_option
def command(site: str, folder: Path, file: Path | None, as_json: bool) -> None:
    """List the people of a site; with --first-sign-ins, write down how each signs in for the first time.

    First sign-ins are for the site's own sign-in service. Hand each person theirs on a safe way: at the first sign-in
    they choose a password and set up a second factor of their own. In the demonstration both stay as they are.

    \b
    Examples:
      tre people hospital
      tre people hospital --first-sign-ins sign-ins.json
    """
    loaded = load(folder, site, allow_expired=True)
    listed = _listed(loaded)
    if file:
        _write(loaded, sorted({str(each["name"]) for each in listed}), file)
    if as_json:
        console.emit("people", {"site": site, "people": listed})
        return
    for each in listed:
        console.say(
            f"  {each['scope']:20} {each['name']:16} until {each['expires']}  {', '.join(each['roles'])}"
        )
    if file:
        console.say(f"How they first sign in is written to {file}, which only you can read.")


def _listed(loaded: LoadedSite) -> list[dict[str, Any]]:
    found = [_one("site", each, each.expires.isoformat()) for each in loaded.site.people]
    for name, project in loaded.projects.items():
        ends = project.approval.expires
        found += [_one(name, each, min(ends, each.expires or ends).isoformat()) for each in project.people]
    return found


def _one(scope: str, person: Any, expires: str) -> dict[str, Any]:
    return {
        "scope": scope,
        "name": person.name,
        "full_name": person.full_name,
        "roles": [str(role) for role in person.roles],
        "expires": expires,
    }


def _write(loaded: LoadedSite, people: list[str], file: Path) -> None:
    from tre.verify.collect import live_of

    site = loaded.site
    live = live_of(site.targets[site.default_target])
    if live is None:
        raise failure(f"site {site.name}", "its backend has no sign-in service of its own yet")
    entrance = live.entrance(site.name, people)
    document = {
        "portal": entrance.portal,
        "authorities": list(entrance.authorities),
        "people": {
            name: {"password": each.password, "code_secret": each.code_secret}
            for name, each in entrance.people.items()
        },
    }
    paths.write_private(file.absolute(), json.dumps(document, indent=2) + "\n")
    # Who could sign in as anybody, and when they took that, belongs on record.
    audit.append(site.name, "break-glass", {"first sign-ins of": people, "result": "done"})
