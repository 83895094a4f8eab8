"""What our OpenAPI documents promise, tried by schemathesis: every operation, a few requests each."""

from __future__ import annotations

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from requests import Request

from .requests import NAMESPACE, seeds
from .served import Served, assert_answered

# More by hand: QUARTERDECK_FUZZ=20 tries every operation of every group twenty times.
TIMES = int(os.environ.get("QUARTERDECK_FUZZ", "0"))
GROUPS = ["/openapi/v3/api/v1", "/openapi/v3/apis/apps/v1", "/openapi/v3/apis/batch/v1"]
_STREAMS = ("/log", "/exec", "/attach", "/portforward", "/proxy", "/images")
FUZZ = settings(
    max_examples=max(TIMES, 1),
    deadline=None,
    derandomize=TIMES == 0,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def ask(served: Served, case: schemathesis.Case) -> None:
    """Send a case, about what is there."""
    known = {"namespace": NAMESPACE, "name": "a"}
    case.path_parameters = {name: known.get(name, value) for name, value in (case.path_parameters or {}).items()}
    if "watch" in (case.query or {}):
        case.query = {**case.query, "timeoutSeconds": "1"}
    if case.media_type == "*/*":
        case.media_type = "application/json"
    arguments = case.as_transport_kwargs(base_url="http://localhost")
    arguments.pop("cookies", None)
    request = Request(**arguments).prepare()
    body = request.body.encode() if isinstance(request.body, str) else request.body
    answer = served.ask(case.method, request.path_url, body, dict(request.headers))
    assert_answered(case.method, request.path_url, answer)


@pytest.mark.parametrize("document", GROUPS)
def test_every_operation_of_a_document_answers(served: Served, document: str) -> None:
    for seed in seeds():
        assert served.ask(seed.method, seed.target, seed.body, seed.headers).code == 201
    schema = schemathesis.openapi.from_dict(served.ask("GET", document).json())
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.endswith(_STREAMS):
            continue

        @FUZZ
        @given(operation.as_strategy())
        def send(case: schemathesis.Case) -> None:
            nonlocal tried
            tried += 1
            ask(served, case)

        send()
    assert tried > 20
