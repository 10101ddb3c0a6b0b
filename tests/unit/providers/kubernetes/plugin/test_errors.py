"""What people are told."""

from http import HTTPStatus

from providers.kubernetes.plugin.errors import ApiError, api_error, explained, taken


def test_a_conflict_names_managers_and_fields_and_what_to_do() -> None:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl-edit" using v1',
            "field": ".data.b",
        },
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl-edit" using v1',
            "field": ".data.a",
        },
        {"reason": "FieldManagerConflict", "message": 'conflict with "other"', "field": ".data.c"},
    ]
    text = explained(ApiError(HTTPStatus.CONFLICT, {"details": {"causes": causes}}), "ConfigMap a/b")
    assert text.splitlines() == [
        "ConfigMap a/b: another manager holds fields that this program sets:",
        '  "kubectl-edit" using v1: .data.a, .data.b',
        '  "other": .data.c',
        "Either change the program to agree with it, or take the fields over: set the annotation "
        'pulumi.com/patchForce: "true" on this object and run again.',
    ]


def test_an_immutable_field_tells_how_to_replace() -> None:
    error = ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, {"message": "spec.x: field is immutable"})
    assert "--replace" in explained(error, "Job a/b")


def test_a_taken_object_tells_who_made_it() -> None:
    live = {"metadata": {"managedFields": [{"manager": "helm"}, {"manager": "kubectl"}]}}
    assert "made by helm, kubectl" in str(taken("Namespace a", live, ""))
    assert "made by urn:pulumi:x" in str(taken("Namespace a", live, "urn:pulumi:x"))


def test_refusals_that_pass_are_told_apart() -> None:
    def forbidden(message: str) -> ApiError:
        return ApiError(HTTPStatus.FORBIDDEN, {"message": message})

    assert forbidden("namespace a is being terminated").is_passing
    assert forbidden("status unknown for quota: own").is_passing
    assert not forbidden('User "a" cannot patch').is_passing
    assert ApiError(HTTPStatus.CONFLICT, {"message": "the object has been modified; try again"}).is_passing
    assert not ApiError(HTTPStatus.CONFLICT, {"message": "Apply failed with 1 conflict"}).is_passing
    assert ApiError(HTTPStatus.NOT_FOUND, {"details": {"kind": "namespaces"}}).is_passing
    assert not ApiError(HTTPStatus.NOT_FOUND, {"details": {"kind": "pods"}}).is_passing


def test_an_answer_that_is_not_json_is_quoted_shortly() -> None:
    error = api_error(599, "<html>" + "x" * 1000)
    assert error.message.startswith("<html>")
    assert len(error.message) == 500
