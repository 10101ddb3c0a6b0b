"""`tre completion`: shell completion for bash, zsh and fish."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from tre.errors import failure


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell: `eval "$(tre completion bash)"`."""
    from tre.cli import tre

    found = get_completion_class(shell)
    if found is None:
        raise failure(f"shell {shell}", "this version of click has no completion for it")
    click.echo(found(tre, {}, "tre", "_TRE_COMPLETE").source())
