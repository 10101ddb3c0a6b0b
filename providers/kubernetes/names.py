"""Physical names. Pure functions of site, project and part: the same words always give the same name.

The longest site (16) and project (20) names leave room for every part within Kubernetes' 63 characters
(RFC 1123 label), so nothing is ever shortened and two projects can never collide.
"""

from __future__ import annotations

from typing import Final

LABEL: Final = "tre"
"""Prefix of our labels and annotations (`tre/project`)."""


def namespace(site: str, scope: str) -> str:
    """Return the namespace of a project, or of a part of the site (`airlock`, `keys`, `system`).

    A project's namespace starts with `tre-p-` and a site's part with `tre-s-`, so that a project called
    `airlock` is still only a project.
    """
    return f"tre-p-{site}--{scope}"


def site_namespace(site: str, part: str) -> str:
    """Return the namespace of one part of the site."""
    return f"tre-s-{site}--{part}"


def storage_class(site: str, project: str) -> str:
    """Return the cluster-wide name of a project's storage class."""
    return f"tre-{site}--{project}"


def key_secret(project: str) -> str:
    """Return the name, in the keys namespace, of the Secret that holds a project's volume key."""
    return f"volume-key-{project}"


def guard(site: str, part: str) -> str:
    """Return the cluster-wide name of a site's policy."""
    return f"tre-{site}--{part}"


def group(site: str, project: str, role: str) -> str:
    """Return the OIDC group of one role in one project (`project` is `site` for the site's own staff)."""
    return f"tre:{site}:{project}:{role}"
