"""Plain Pulumi's way in: `pulumi up -s demo` deploys a site, `pulumi up -s demo-breast` one of its projects."""

from __future__ import annotations

from pathlib import Path

import pulumi

from tre import program
from tre.engine.stack import guarded
from tre.model.load import load_site, site_names


def site_of(stack: str, sites: list[str]) -> str:
    """Return the site that a stack belongs to: the longest name that the stack's begins with.

    Raises:
        RunError: no site's file fits.
    """
    fitting = [name for name in sites if stack == name or stack.startswith((f"{name}-", f"{name}."))]
    if not fitting:
        raise pulumi.RunError(f"stack {stack}: no file Pulumi.<site>.yaml here fits this name")
    return max(fitting, key=len)


def deploy(folder: Path, stack: str) -> None:
    """Register the resources of one stack."""
    loaded, settled = load_site(folder, site_of(stack, site_names(folder))), program.Settled()
    for target in program.targets_of(loaded):
        if program.site_stack(loaded, target) == stack:
            return program.site_program(program.site_part(loaded, target, settled))()
    part = program.project_part(loaded, stack.removeprefix(f"{loaded.site.name}-"), settled)
    site = program.site_stack(loaded, part.target_name)
    reference = pulumi.StackReference(f"{pulumi.get_organization()}/{pulumi.get_project()}/{site}")
    return program.project_program(part, reference.outputs)()


guarded(lambda: deploy(Path(__file__).resolve().parent, pulumi.get_stack()))()
