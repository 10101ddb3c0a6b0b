"""`tre schema`: the JSON Schema of a file, for editors."""

from __future__ import annotations

import click


@click.command()
@click.argument("kind", type=click.Choice(["site", "project"]))
def command(kind: str) -> None:
    """Print the JSON Schema of a site's or a project's file."""
    from tre.model import schema

    click.echo(schema.text(kind), nl=False)
