"""From a site and its projects to the neutral specs of the components. Pure functions."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.airlock import AirlockSpec, Mail, Notices, Telemetry, Webhook
from components.contract import Spec
from components.data_store import DataSet, DataStoreSpec, Source
from components.identity import IdentitySpec, Passage, Person, SignIn
from components.secret_file import SecretFile
from components.workspace import Budget, Quota, Size, WorkspaceSpec
from tre.model.checks import SITE_SCOPE
from tre.model.load import LoadedSite
from tre.model.project import DataSetEntry, Project
from tre.model.resolve import EMBEDDED, Resolved, resolve, reviewers, tier_of
from tre.model.site import MailSettings, NoticeSettings, Receiver, Site, TelemetrySettings, WebhookSettings


@dataclass(frozen=True)
class Images:
    """What `embedded` stands for: the local cluster's own images by digest, once they are built."""

    workspace: str = EMBEDDED
    portal: str = EMBEDDED
    sign_in: str = EMBEDDED
    database: str = EMBEDDED
    scanner: str = EMBEDDED


def for_site(
    loaded: LoadedSite, *, today: datetime.date | None = None, images: Images = Images()
) -> Mapping[str, Spec]:
    """Return the specs of a site's own parts by component."""
    site = loaded.site
    return {
        "identity": site_identity(site, today=today or datetime.date.today(), images=images),
        "airlock": airlock(site, loaded.files[site.name].parent, images=images),
    }


def for_project(
    loaded: LoadedSite, name: str, *, today: datetime.date | None = None, images: Images = Images()
) -> Mapping[str, Spec]:
    """Return the specs of one project's parts by component, in the order in which they are built."""
    site, project = loaded.site, loaded.projects[name]
    return {
        "data_store": data_store(site, project, embedded_image=images.workspace),
        "identity": project_identity(site, project, today=today or datetime.date.today()),
        "workspace": workspace(site, project, embedded_image=images.workspace),
    }


def site_identity(site: Site, *, today: datetime.date, images: Images = Images()) -> IdentitySpec:
    """Return the site's own staff. It ends with the last of them; those whose term is over are left out."""
    people = [
        Person(
            name=each.name,
            email=each.email,
            full_name=each.full_name or "",
            roles=each.roles,
            expires=each.expires,
        )
        for each in site.people
    ]
    return IdentitySpec(
        **_scope(site),
        people=_in_term(people, today),
        sign_in=_sign_in(site),
        expires=max(each.expires for each in site.people),
        keeper_image=_image(site.defaults.image or EMBEDDED, images.workspace),
        service_image=images.sign_in,
        database_image=images.database,
    )


def project_identity(site: Site, project: Project, *, today: datetime.date) -> IdentitySpec:
    """Return a project's people, each until their own term or the approval ends, whichever is first."""
    ends = project.approval.expires
    people = [
        Person(
            name=each.name,
            email=each.email,
            full_name=each.full_name or "",
            roles=each.roles,
            expires=min(each.expires or ends, ends),
        )
        for each in project.people
    ]
    return IdentitySpec(
        **_scope(site, project),
        people=_in_term(people, today),
        sign_in=_sign_in(site),
        expires=ends,
        passage=_passage(site, project),
    )


def _passage(site: Site, project: Project) -> Passage:
    return Passage(
        title=project.title,
        reviewers=reviewers(site, tier_of(site, project)),
        review_days=site.airlock.review_days,
        pickup_days=site.airlock.pickup_days,
        retention_days=resolve(site, project).retention_days,
    )


def data_store(
    site: Site, project: Project, *, embedded_image: str = EMBEDDED, erase: bool = False
) -> DataStoreSpec:
    """Return a project's data store. `embedded_image` is what stands for the local cluster's own image."""
    resolved = resolve(site, project)
    return DataStoreSpec(
        **_scope(site, project),
        data_sets=tuple(_data_set(each) for each in project.data_sets),
        inputs_gib=resolved.storage.inputs_gib,
        working_gib=resolved.storage.working_gib,
        outbox_gib=resolved.storage.outbox_gib,
        retention_days=resolved.retention_days,
        encrypted=resolved.encryption != "any",
        own_key=resolved.encryption in ("own-key", "hardware-key"),
        hardware_key=resolved.encryption == "hardware-key",
        loader_image=_image(resolved.image, embedded_image),
        erase=erase,
    )


def workspace(site: Site, project: Project, *, embedded_image: str = EMBEDDED) -> WorkspaceSpec:
    """Return a project's workspace. `embedded_image` is what stands for the local cluster's own image."""
    resolved = resolve(site, project)
    image = _image(resolved.image, embedded_image)
    return WorkspaceSpec(
        **_scope(site, project),
        image=image,
        image_registries=_registries(image),
        size=Size(**resolved.size.model_dump()),
        count=resolved.count,
        quota=Quota(**resolved.quota.model_dump()),
        budget=Budget(**project.budget.model_dump()),
        **_openings(resolved),
    )


def airlock(site: Site, folder: Path, *, images: Images = Images()) -> AirlockSpec:
    """Return the site's airlock. `images` are what stands for the local cluster's own; secrets' files are named
    relative to `folder`."""
    own = site.airlock
    return AirlockSpec(
        **_scope(site),
        image=_image(own.image, images.portal),
        sign_in=_staff_sign_in(site, folder),
        title=site.title,
        database_image=images.database,
        scanner_image=images.scanner,
        notices=_notices(own.notices, folder),
        telemetry=own.telemetry and _telemetry(own.telemetry),
        reviewers=reviewers(site, site.tier),
        review_days=own.review_days,
        pickup_days=own.pickup_days,
        record_retention_days=own.record_retention_days,
    )


def _scope(site: Site, project: Project | None = None) -> dict[str, Any]:
    if project is None:
        return {"site": site.name, "scope": SITE_SCOPE, "tier": site.tier}
    return {"site": site.name, "scope": project.name, "tier": tier_of(site, project)}


def _sign_in(site: Site) -> SignIn:
    own = site.identity
    return SignIn(issuer=own.issuer, multi_factor=own.multi_factor, networks=own.networks)


def _staff_sign_in(site: Site, folder: Path) -> SignIn:
    """Return how the airlock's staff sign in: the same, with its clients at an institution's own issuer."""
    own = site.identity
    told: dict[str, Any] = {
        "client": own.client,
        "client_secret": _secret("identity.client_secret_file", own.client_secret_file, folder),
        "command_line_client": own.command_line_client,
        "authority": own.authority or "",
        "groups_claim": tuple(own.groups_claim.split(".")),
        "second_factor": own.second_factor,
    }
    return _sign_in(site).model_copy(update=told)


def _notices(own: NoticeSettings, folder: Path) -> Notices:
    return Notices(
        mail=own.mail and _mail(own.mail, folder), webhook=own.webhook and _webhook(own.webhook, folder)
    )


def _receiver(own: Receiver) -> dict[str, Any]:
    return {"authority": own.authority or "", "networks": own.networks}


def _telemetry(own: TelemetrySettings) -> Telemetry:
    return Telemetry(address=own.address, **_receiver(own))


def _mail(own: MailSettings, folder: Path) -> Mail:
    return Mail(
        server=own.server,
        port=own.port,
        sender=own.sender,
        encryption=own.encryption,
        user=own.user or "",
        password=_secret("airlock.notices.mail.password_file", own.password_file, folder),
        **_receiver(own),
    )


def _webhook(own: WebhookSettings, folder: Path) -> Webhook:
    key = "airlock.notices.webhook.secret_file"
    return Webhook(
        address=own.address,
        secret=SecretFile.at(key, _beside(own.secret_file, folder)),
        **_receiver(own),
    )


def _secret(key: str, file: str | None, folder: Path) -> SecretFile | None:
    return SecretFile.at(key, _beside(file, folder)) if file else None


def _beside(file: str, folder: Path) -> Path:
    return folder.absolute() / Path(file).expanduser()


def _in_term(people: Iterable[Person], today: datetime.date) -> tuple[Person, ...]:
    return tuple(each for each in people if each.expires >= today)


def _data_set(entry: DataSetEntry) -> DataSet:
    source = Source(kind="image", path=entry.source.image) if entry.source.image else Source(kind="airlock")
    return DataSet(name=entry.name, classification=entry.classification, source=source, sha256=entry.sha256)


def _image(image: str, embedded: str) -> str:
    return embedded if image == EMBEDDED else image


def _registries(image: str) -> tuple[str, ...]:
    host, slash, _ = image.partition("/")
    return (host,) if slash else ()


def _openings(resolved: Resolved) -> dict[str, Any]:
    """Return what a workspace leaves open, and the limits on what runs in it."""
    return {
        "destinations": resolved.destinations,
        "clipboard": resolved.clipboard,
        "packages": resolved.packages,
        "sandboxed": resolved.sandboxed,
        "deadline_hours": resolved.deadline_hours,
    }
