"""What is deployed: the parts of a site, one stack each, and the Pulumi program of each part.

The same programs run under the recording engine, in the Automation API, and in plain `pulumi up`.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tre import registry
from tre.errors import InvalidInput, Problem, Refused, TreError
from tre.model import specs

if TYPE_CHECKING:
    import pulumi

    from components.airlock import AirlockOutputs
    from components.backend import Backend, Target
    from components.contract import Spec
    from tre.model.load import LoadedSite

Program = Callable[[], None]
COMPONENTS: Final = ("identity", "data_store", "workspace", "airlock")
UNBUILT_PORT: Final = 8443
UNBUILT_DIGEST: Final = "sha256:" + "0" * 64


@dataclass(frozen=True)
class Part:
    """One stack of a site: the site's own services on one target, or one project.

    `specs` maps each component's name to what it is told, in the order the program builds them.
    """

    site: str
    stack: str
    project: str
    target_name: str
    target: Target
    tier: int
    specs: Mapping[str, Spec]


def site_stack(loaded: LoadedSite, target: str) -> str:
    """Return the stack of a site's own services on a target: each target in use has its own."""
    name = loaded.site.name
    return name if target == loaded.site.default_target else f"{name}.{target}"


def project_stack(loaded: LoadedSite, project: str) -> str:
    """Return a project's stack."""
    return f"{loaded.site.name}-{project}"


def target_of(loaded: LoadedSite, project: str) -> str:
    """Return the name of the target that a project runs on."""
    return loaded.projects[project].target or loaded.site.default_target


@dataclass(frozen=True)
class Settled:
    """What parts depend on beside the files: the day, and whether the local cluster's images must be there."""

    today: datetime.date = field(default_factory=datetime.date.today)
    offline: bool = False

    def image(self, name: str, target: Target) -> str:
        """Return the reference of one of the local cluster's own images.

        Raises:
            TreError: it is not built, and this is no offline plan.
        """
        if not target.embedded:
            return specs.EMBEDDED
        try:
            return str(registry.local_cluster().image_reference(name))
        except TreError:
            if self.offline:
                return f"registry.tre.local/{name}@{UNBUILT_DIGEST}"
            raise

    def images(self, target: Target) -> specs.Images:
        """Return the references of all of them.

        Raises:
            TreError: one is not built, and this is no offline plan.
        """
        return specs.Images(
            workspace=self.image("workspace", target),
            portal=self.image("portal", target),
            sign_in=self.image("keycloak", target),
            database=self.image("postgres", target),
            scanner=self.image("scanner", target),
        )


def targets_of(loaded: LoadedSite) -> list[str]:
    """Return the names of the targets in use, the default one first."""
    default = loaded.site.default_target
    used = {target_of(loaded, project) for project in loaded.projects} - {default}
    return [default, *sorted(used)]


def site_part(loaded: LoadedSite, target: str, settled: Settled) -> Part:
    """Return the site's own part on one target."""
    site, place = loaded.site, loaded.site.targets[target]
    return Part(
        site=site.name,
        stack=site_stack(loaded, target),
        project="",
        target_name=target,
        target=place,
        tier=site.tier,
        specs=specs.for_site(loaded, today=settled.today, images=settled.images(place)),
    )


def project_part(loaded: LoadedSite, name: str, settled: Settled) -> Part:
    """Return one project's part."""
    site, target = loaded.site, target_of(loaded, name)
    place = site.targets[target]
    images = specs.Images(workspace=settled.image("workspace", place))
    told = specs.for_project(loaded, name, today=settled.today, images=images)
    return Part(
        site=site.name,
        stack=project_stack(loaded, name),
        project=name,
        target_name=target,
        target=place,
        tier=told["workspace"].tier,
        specs=told,
    )


def require_components(backend: Backend) -> None:
    """Refuse a backend that does not build every component: half a TRE keeps no promise.

    Raises:
        Refused: a component is missing.
    """
    missing = [name for name in COMPONENTS if getattr(backend, name) is None]
    if missing:
        what = f"does not build {', '.join(missing)} yet, so a site on it cannot be deployed"
        raise Refused(
            Problem(f"backend {backend.name}", what, "`tre plan --offline` shows what it declares.")
        )


def site_program(part: Part, *, erase: bool = False) -> Program:
    """Return the program of a site's own services. It exports each component's outputs by its name."""

    def program() -> None:
        import pulumi

        backend = registry.backend(part.target.backend)
        options = _options(backend, part.target)
        told = {name: _erased(spec, erase) for name, spec in part.specs.items()}
        if backend.identity is None:
            return
        identity = backend.identity(told["identity"], part.target, opts=options)
        pulumi.export("identity", {"issuer": identity.outputs.issuer, "groups": identity.outputs.groups})
        if backend.airlock:
            built = backend.airlock(told["airlock"], part.target, identity.outputs, opts=options)
            pulumi.export("airlock", _outputs(built))

    return _refusing(program)


def project_program(part: Part, site_outputs: Any, *, erase: bool = False) -> Program:
    """Return the program of one project.

    `site_outputs` is what the site's part on the same target exported: a dictionary, or Pulumi's outputs of one.
    """

    def program() -> None:
        import pulumi

        backend = registry.backend(part.target.backend)
        airlock = _airlock(part.site, site_outputs)
        options = _options(backend, part.target)
        told = {name: _erased(spec, erase) for name, spec in part.specs.items()}
        if backend.data_store is None:
            return
        data = backend.data_store(told["data_store"], part.target, opts=options)
        pulumi.export("data_store", _outputs(data))
        # The data store makes the place that the other two move into.
        options = pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=[data]))
        if backend.identity:
            pulumi.export("identity", _outputs(backend.identity(told["identity"], part.target, opts=options)))
        if backend.workspace:
            built = backend.workspace(told["workspace"], part.target, data.outputs, airlock, opts=options)
            pulumi.export("workspace", _outputs(built))

    return _refusing(program)


def _refusing(program: Program) -> Program:
    """Return a program that reports what a backend cannot build as wrong input, which it is."""

    def run() -> None:
        from components.errors import Unbuildable

        try:
            program()
        except Unbuildable as found:
            raise InvalidInput(Problem(found.where, found.what, found.remedy)) from found

    return run


def _options(backend: Backend, target: Target) -> pulumi.ResourceOptions:
    import pulumi

    provider = backend.provider(target) if backend.provider else None
    return pulumi.ResourceOptions(providers=[provider] if provider else None)


def _erased(spec: Spec, erase: bool) -> Any:
    """Return a spec that lifts the protection of what holds data, where an erasure was confirmed."""
    return spec.model_copy(update={"erase": True}) if erase else spec


def _outputs(component: Any) -> dict[str, Any]:
    from components.contract import outputs_of

    return outputs_of(component.outputs)


def _airlock(site: str, site_outputs: Any) -> AirlockOutputs:
    """Return the airlock's outputs; where its backend builds none yet, those of a place that does not exist."""
    from components.airlock import AirlockOutputs

    if not _has_airlock(site_outputs):
        return AirlockOutputs(inside="", place=f"tre-{site}-airlock", port=UNBUILT_PORT, outside="")
    told = site_outputs["airlock"]
    # Pulumi carries numbers as floats; a port is a whole one.
    return AirlockOutputs(
        inside=told["inside"],
        place=told["place"],
        port=_whole(told["port"]),
        outside=told["outside"],
        authority=told["authority"],
    )


def _has_airlock(site_outputs: Any) -> bool:
    return "airlock" in site_outputs if isinstance(site_outputs, Mapping) else site_outputs is not None


def _whole(value: Any) -> Any:
    import pulumi

    return pulumi.Output.from_input(value).apply(int)
