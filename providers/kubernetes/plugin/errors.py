"""What can go wrong, each kind with what to do about it.

PluginError
  Unreachable    the API server does not answer
  ApiError       it answered with a refusal
  Refused        the plugin will not do what was asked
  NoSuchKind     the server has no such kind of object
  Cancelled      the engine asked to stop
  NotReady       the object did not become ready, or did not go, in time
  Incomplete     the same, with what the engine is to record of it
"""

from collections import defaultdict
from http import HTTPStatus
from typing import Any, cast

from providers.kubernetes.plugin.values import Object, part, parts

FORCE = "pulumi.com/patchForce"
"""The annotation by which a program takes fields over from another manager, as in the official plugin."""


class PluginError(Exception):
    """Anything the plugin tells the engine as a failure; its text says where, what and what to do."""


class Unreachable(PluginError):
    """The API server did not answer within the retries."""


class Refused(PluginError):
    """The plugin will not do what was asked."""


class NoSuchKind(PluginError):
    """The API server does not know this API version or kind."""


class Cancelled(PluginError):
    """The engine asked the plugin to stop waiting."""


class NotReady(PluginError):
    """An object did not reach the state that was waited for; `live` is its last known state."""

    def __init__(self, message: str, live: Object) -> None:
        super().__init__(message)
        self.live = live


class Incomplete(PluginError):
    """An object is there but not ready: `id`, `state` and `inputs` are to be recorded, so that work resumes."""

    def __init__(self, identifier: str, state: Object, inputs: Object, message: str) -> None:
        super().__init__(message)
        self.id = identifier
        self.state = state
        self.inputs = inputs


class ApiError(PluginError):
    """The API server refused a request. `status` is the HTTP status, `reason` Kubernetes's own word for it."""

    def __init__(self, status: int, answer: Object) -> None:
        self.status = status
        self.answer = answer
        self.reason = str(answer.get("reason") or "")
        self.message = str(answer.get("message") or f"HTTP status {status}")
        super().__init__(self.message)

    @property
    def causes(self) -> list[Object]:
        """The server's list of single faults, each with `reason`, `message` and `field`."""
        return parts(self.answer, "details", "causes")

    @property
    def is_field_conflict(self) -> bool:
        """Whether another manager holds a field that this request would change."""
        return any(cause.get("reason") == "FieldManagerConflict" for cause in self.causes)

    @property
    def is_missing_namespace(self) -> bool:
        """Whether the object's namespace is not there."""
        return self.status == HTTPStatus.NOT_FOUND and part(self.answer, "details", "kind") == "namespaces"

    @property
    def is_immutable_field(self) -> bool:
        """Whether the server refuses to change a field in place."""
        return self.status == HTTPStatus.UNPROCESSABLE_ENTITY and (
            "immutable" in self.message or ("updates to" in self.message and "are forbidden" in self.message)
        )

    @property
    def is_passing(self) -> bool:
        """Whether the refusal ends by itself, because a controller has not yet caught up.

        A new namespace's service account and quota status appear a moment after it, a namespace that is
        replaced refuses new objects until it is gone, and two objects may be counted on one quota at once.
        """
        if self.status in (HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT):
            return any(text in self.message for text in _PASSING)
        return self.is_missing_namespace


_PASSING = (
    "is being terminated",
    "status unknown for quota",
    "error looking up service account",
    "no API token found for service account",
    "the object has been modified",
)


def explained(error: ApiError, what: str) -> str:
    """A refusal in plain words: what it was about, what the server said, what to do."""
    if error.is_field_conflict:
        return _conflict(error, what)
    if error.is_immutable_field:
        return f"{what}: {error.message}. This field cannot be changed in place. {_REPLACE}"
    remedy = _REMEDIES.get(error.status, "")
    return f"{what}: the API server refused: {error.message}{'. ' + remedy if remedy else ''}"


_REPLACE = "Let the engine replace the object: run again with --replace and its URN, or set replaceOnChanges."
_REMEDIES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "The credentials in the kubeconfig are not accepted: renew them and run again.",
    HTTPStatus.FORBIDDEN: "Either an admission policy forbids it or the account in the kubeconfig lacks the right.",
}


def _conflict(error: ApiError, what: str) -> str:
    fields: dict[str, list[str]] = defaultdict(list)
    for cause in error.causes:
        manager = str(cause.get("message", "")).removeprefix("conflict with ").strip()
        fields[manager or "unknown"].append(str(cause.get("field", "")))
    lines = [f"  {manager}: {', '.join(sorted(paths))}" for manager, paths in sorted(fields.items())]
    return "\n".join(
        [
            f"{what}: another manager holds fields that this program sets:",
            *lines,
            "Either change the program to agree with it, or take the fields over: set the annotation "
            f'{FORCE}: "true" on this object and run again.',
        ]
    )


def taken(what: str, live: Object, owner: str) -> Refused:
    """The refusal to take over an object that something else made."""
    managers = sorted({str(entry.get("manager")) for entry in parts(live, "metadata", "managedFields")})
    made_by = f"by {owner}" if owner else f"by {', '.join(managers) or 'something else'}"
    return Refused(
        f"{what} exists already and was made {made_by}, not by this resource. Give this one another name, delete "
        f'the existing one, import it, or take it over: set the annotation {FORCE}: "true" and run again.'
    )


def api_error(status: int, body: Any) -> ApiError:
    """The error for an HTTP answer whose body is Kubernetes's `Status` object, or anything else."""
    return ApiError(status, cast(Object, body) if isinstance(body, dict) else {"message": str(body)[:500]})
