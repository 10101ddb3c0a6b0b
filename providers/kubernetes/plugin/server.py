"""The gRPC service that the engine calls: pulumirpc.ResourceProvider.

Each method translates its request, leaves the work to `resource`, and translates the answer. Failures become
gRPC errors with a code that the engine takes as certain, so that no operation stays pending in its state.
"""

import json
import traceback
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import NoReturn

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import provider_pb2 as proto
from pulumi.runtime.proto import provider_pb2_grpc, status_pb2
from pulumi.runtime.proto.plugin_pb2 import PluginAttach, PluginInfo

from providers.kubernetes.plugin import naming, state
from providers.kubernetes.plugin.diff import Change, How, changes, must_delete_first, spelt
from providers.kubernetes.plugin.engine import EngineLog
from providers.kubernetes.plugin.errors import ApiError, Cancelled, Incomplete, PluginError, Unreachable
from providers.kubernetes.plugin.kubeconfig import Settings, server_of
from providers.kubernetes.plugin.resource import Resource
from providers.kubernetes.plugin.sessions import Configuration, Sessions
from providers.kubernetes.plugin.values import Object, is_unknown, part, plain
from providers.kubernetes.plugin.wire import decode, encode

SDK_VERSION = "4.34.2"
"""The `pulumi-kubernetes` SDK whose types are served; the engine compares it with what the program asks for."""
VERSION = f"{SDK_VERSION}+tre"
THREADS = 512
"""Calls served at once; threads are started only when all others are busy. Most of them wait for the cluster."""
_SETTINGS = ("kubeconfig", "context", "cluster", "namespace")
Context = grpc.ServicerContext


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """The resource provider `kubernetes`."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._log = EngineLog()

    # The plugin and its configuration

    def GetPluginInfo(self, request: empty_pb2.Empty, context: Context) -> PluginInfo:
        return PluginInfo(version=VERSION)

    def GetSchema(self, request: proto.GetSchemaRequest, context: Context) -> proto.GetSchemaResponse:
        return proto.GetSchemaResponse(schema=json.dumps({"name": "kubernetes", "version": SDK_VERSION}))

    def GetMapping(self, request: proto.GetMappingRequest, context: Context) -> proto.GetMappingResponse:
        return proto.GetMappingResponse()

    def Attach(self, request: PluginAttach, context: Context) -> empty_pb2.Empty:
        self._sessions.attach(context.peer(), request.address)
        return empty_pb2.Empty()

    def Cancel(self, request: empty_pb2.Empty, context: Context) -> empty_pb2.Empty:
        self._sessions.cancel(context.peer())
        return empty_pb2.Empty()

    def CheckConfig(self, request: proto.CheckRequest, context: Context) -> proto.CheckResponse:
        wanted = plain(decode(request.news))
        failures: list[proto.CheckFailure] = []
        if _is_false(wanted.get("enableServerSideApply")):
            reason = "this plugin applies objects on the server only: remove enableServerSideApply or set it to true"
            failures.append(proto.CheckFailure(property="enableServerSideApply", reason=reason))
        if wanted.get("renderYamlToDirectory"):
            reason = "this plugin does not write YAML: use the official plugin for that"
            failures.append(proto.CheckFailure(property="renderYamlToDirectory", reason=reason))
        return proto.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(self, request: proto.DiffRequest, context: Context) -> proto.DiffResponse:
        old, new = plain(decode(request.old_inputs)), plain(decode(request.news))
        changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
        moved = _is_another_server(old, new)
        return proto.DiffResponse(
            changes=_changed(bool(changed)), diffs=changed, replaces=["kubeconfig"] if moved else []
        )

    def Configure(self, request: proto.ConfigureRequest, context: Context) -> proto.ConfigureResponse:
        args = plain(decode(request.args))
        configuration = Configuration(**{key: _text(args.get(key)) for key in _SETTINGS})
        with _failures(context):
            self._sessions.configure(context.peer(), configuration)
        return proto.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    # Resources

    def Check(self, request: proto.CheckRequest, context: Context) -> proto.CheckResponse:
        old, new = decode(request.olds), decode(request.news)
        reason = _unsupported(request.urn, new)
        if reason:
            return proto.CheckResponse(inputs=request.news, failures=[proto.CheckFailure(reason=reason)])
        with _failures(context):
            kind = naming.kind_of(new, request.urn)
            new = {**new, "apiVersion": kind.api_version, "kind": kind.kind}
            new = naming.with_name(new, old, request.urn, request.randomSeed)
            new = self._with_namespace(state.secret_inputs(kind, new), kind, context)
        return proto.CheckResponse(inputs=encode(new))

    def Diff(self, request: proto.DiffRequest, context: Context) -> proto.DiffResponse:
        old_state, new = decode(request.olds), decode(request.news)
        old = state.inputs_of(old_state, decode(request.old_inputs))
        with _failures(context):
            kind = naming.kind_of(new, request.urn)
            found = changes(kind, old, new, patch=naming.is_patch(request.urn))
            remade = self._resource(request.urn, context).must_be_remade(new, request.id)
        return _diff_response(found, remade, must_delete_first(old, new))

    def Create(self, request: proto.CreateRequest, context: Context) -> proto.CreateResponse:
        inputs = decode(request.properties)
        with _failures(context):
            resource = self._resource(request.urn, context)
            if request.preview:
                return proto.CreateResponse(properties=encode(resource.preview_create(inputs)))
            identifier, new_state = resource.create(inputs, request.timeout)
            return proto.CreateResponse(id=identifier, properties=encode(new_state))

    def Read(self, request: proto.ReadRequest, context: Context) -> proto.ReadResponse:
        inputs, old_state = decode(request.inputs), decode(request.properties)
        with _failures(context):
            found = self._resource(request.urn, context).read(request.id, inputs, old_state)
        if found is None:
            return proto.ReadResponse()
        identifier, new_state, now = found
        return proto.ReadResponse(id=identifier, properties=encode(new_state), inputs=encode(now))

    def Update(self, request: proto.UpdateRequest, context: Context) -> proto.UpdateResponse:
        inputs, old_state = decode(request.news), decode(request.olds)
        with _failures(context):
            resource = self._resource(request.urn, context)
            if request.preview:
                return proto.UpdateResponse(
                    properties=encode(resource.preview_update(request.id, inputs, old_state))
                )
            new_state = resource.update(request.id, inputs, old_state, request.timeout)
            return proto.UpdateResponse(properties=encode(new_state))

    def Delete(self, request: proto.DeleteRequest, context: Context) -> empty_pb2.Empty:
        old_state = decode(request.properties)
        inputs = state.inputs_of(old_state, decode(request.old_inputs))
        with _failures(context):
            self._resource(request.urn, context).delete(request.id, inputs, old_state, request.timeout)
        return empty_pb2.Empty()

    def _resource(self, urn: str, context: Context) -> Resource:
        session = self._sessions.session(context.peer())
        tell, warn = (
            partial(self._log.status, session.engine, urn),
            partial(self._log.warning, session.engine, urn),
        )
        return Resource(self._sessions.cluster(session), urn, session.cancelled, tell, warn)

    def _with_namespace(self, inputs: Object, kind: naming.Kind, context: Context) -> Object:
        """`inputs` with the provider's namespace, where one is set and the object has none of its own."""
        session = self._sessions.session(context.peer())
        namespace = session.configuration.namespace if session.configuration else ""
        metadata = inputs.get("metadata")
        if not namespace or not isinstance(metadata, dict) or part(inputs, "metadata", "namespace"):
            return inputs
        discovery = self._sessions.cluster(session).discovery
        if discovery.knows(kind) and not discovery.served(kind).namespaced:
            return inputs
        return {**inputs, "metadata": {**metadata, "namespace": namespace}}


def _unsupported(urn: str, inputs: Object) -> str:
    if not naming.is_supported(urn):
        return (
            f"{naming.type_token(urn)} is not one object of the Kubernetes API. This plugin deploys single objects: "
            "declare each one, or use the official plugin for charts, YAML files and lists."
        )
    if part(inputs, "metadata", "generateName"):
        return "metadata.generateName is not supported by this plugin: leave metadata.name out, and a name is made."
    return ""


def _is_false(value: object) -> bool:
    return str(value).lower() == "false"


def _text(value: object) -> str:
    # The engine sends what is not a string as JSON; a kubeconfig may be given as an object.
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value)


def _is_another_server(old: Object, new: Object) -> bool:
    """Whether the API server's address is known before and after, and differs.

    Certificates and users may be renewed; only another address means another cluster, whose objects this
    stack would have to make anew.
    """
    if any(is_unknown(new.get(key)) for key in _SETTINGS):
        return False
    before = server_of(_text(old.get("kubeconfig")), _text(old.get("context")), _text(old.get("cluster")))
    after = server_of(_text(new.get("kubeconfig")), _text(new.get("context")), _text(new.get("cluster")))
    return before is not None and after is not None and before != after


def _changed(some: bool) -> proto.DiffResponse.DiffChanges.ValueType:
    return proto.DiffResponse.DIFF_SOME if some else proto.DiffResponse.DIFF_NONE


_KINDS = {
    How.ADDED: (proto.PropertyDiff.ADD, proto.PropertyDiff.ADD_REPLACE),
    How.REMOVED: (proto.PropertyDiff.DELETE, proto.PropertyDiff.DELETE_REPLACE),
    How.CHANGED: (proto.PropertyDiff.UPDATE, proto.PropertyDiff.UPDATE_REPLACE),
}


def _diff_response(found: list[Change], remade: bool, same_name: bool) -> proto.DiffResponse:
    replaces = [spelt(change.path) for change in found if change.replaces]
    if remade:
        replaces.append("status")
    return proto.DiffResponse(
        changes=_changed(bool(found) or remade),
        diffs=sorted({str(change.path[0]) for change in found} | ({"status"} if remade else set())),
        replaces=replaces,
        deleteBeforeReplace=bool(replaces) and same_name,
        detailedDiff={
            spelt(c.path): proto.PropertyDiff(kind=_KINDS[c.how][c.replaces], inputDiff=True) for c in found
        },
        hasDetailedDiff=not remade,
    )


@contextmanager
def _failures(context: Context) -> Generator[None]:
    """Turn the plugin's errors into gRPC errors."""
    try:
        yield
    except Incomplete as error:
        _abort_incomplete(context, error)
    except (PluginError, ValueError, OSError) as error:
        context.abort(_code(error), str(error))
    except Exception as error:
        # A fault of ours; an unclassified gRPC error would leave the operation pending in the engine's state.
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, _fault(error))


def _fault(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    return f"The Kubernetes plugin has a fault: {type(error).__name__} at {where}. Report it with the command you ran."


def _abort_incomplete(context: Context, error: Incomplete) -> NoReturn:
    """Tell the engine that the object is there, so that it records it and takes it up again next time."""
    detail = any_pb2.Any()
    detail.Pack(
        proto.ErrorResourceInitFailed(
            id=error.id, properties=encode(error.state), inputs=encode(error.inputs), reasons=[str(error)]
        )
    )
    code = grpc.StatusCode.FAILED_PRECONDITION
    status = status_pb2.Status(code=code.value[0], message=str(error), details=[detail])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, str(error))


_CODES: dict[int, grpc.StatusCode] = {
    HTTPStatus.BAD_REQUEST: grpc.StatusCode.INVALID_ARGUMENT,
    HTTPStatus.UNAUTHORIZED: grpc.StatusCode.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    HTTPStatus.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    HTTPStatus.CONFLICT: grpc.StatusCode.ABORTED,
    HTTPStatus.UNPROCESSABLE_ENTITY: grpc.StatusCode.INVALID_ARGUMENT,
}


def _code(error: Exception) -> grpc.StatusCode:
    match error:
        case ApiError():
            return _CODES.get(error.status, grpc.StatusCode.FAILED_PRECONDITION)
        case Cancelled():
            return grpc.StatusCode.CANCELLED
        case Unreachable():
            return grpc.StatusCode.UNAVAILABLE
        case Settings():
            return grpc.StatusCode.INVALID_ARGUMENT
        case _:
            return grpc.StatusCode.FAILED_PRECONDITION


def serve(sessions: Sessions, address: str = "127.0.0.1:0") -> tuple[grpc.Server, int]:
    """Start serving at `address` (a port of 0 chooses a free one): the running server and its port."""
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(THREADS, thread_name_prefix="call"), options=unlimited)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(sessions), server)
    port = server.add_insecure_port(address)
    server.start()
    return server, port
