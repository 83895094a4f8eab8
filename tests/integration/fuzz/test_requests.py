"""Whatever is sent: an answer that clients understand, never a failure of ours, a store that agrees with itself."""

from __future__ import annotations

import os
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .requests import Wanted, requests, seeds, texts
from .served import Served, assert_answered, assert_consistent

# More by hand: QUARTERDECK_FUZZ=20 asks twenty times as much, and other things each time.
TIMES = int(os.environ.get("QUARTERDECK_FUZZ", "1"))
FUZZ = settings(
    max_examples=300 * TIMES,
    deadline=None,
    derandomize=TIMES == 1,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
FEWER = settings(FUZZ, max_examples=100 * TIMES)


def test_any_request_is_answered_and_leaves_a_store_that_agrees_with_itself(served: Served) -> None:
    since = ""
    for seed in seeds():
        made = served.ask(seed.method, seed.target, seed.body, seed.headers)
        assert made.code == 201, made.body
        since = since or made.json()["metadata"]["resourceVersion"]

    @FUZZ
    @given(requests())
    def ask(wanted: Wanted) -> None:
        answer = served.ask(wanted.method, wanted.target, wanted.body, wanted.headers)
        assert_answered(wanted.method, wanted.target, answer)

    ask()
    assert_consistent(served, since)


@pytest.mark.parametrize("verb", ["list", "watch"])
def test_any_parameters_of_lists_and_watches_are_answered(served: Served, verb: str) -> None:
    parameters = st.dictionaries(
        st.sampled_from(
            ["labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "resourceVersionMatch",
             "allowWatchBookmarks", "sendInitialEvents", "timeoutSeconds"]
        ),
        texts,
        max_size=5,
    )  # fmt: skip

    @FEWER
    @given(parameters)
    def ask(query: dict[str, str]) -> None:
        text = urlencode(query, errors="replace")
        if verb == "watch":
            assert served.begin(f"/api/v1/pods?watch=1&{text}") < 500
        else:
            assert_answered("GET", text, served.ask("GET", f"/api/v1/pods?{text}"))

    ask()


def test_any_path_and_method_is_answered(served: Served) -> None:
    parts = st.lists(
        st.sampled_from(["api", "apis", "v1", "apps", "pods", "namespaces", "openapi", "v3", "..", "%2e"]) | texts
    )
    methods = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "FOO"])

    @FEWER
    @given(parts, methods)
    def ask(path: list[str], method: str) -> None:
        target = "/" + "/".join(quote(part, safe="%", errors="replace") for part in path)
        assert_answered(method, target, served.ask(method, target))

    ask()


def test_any_headers_are_answered(served: Served) -> None:
    names = st.sampled_from(
        ["Accept", "Accept-Encoding", "Content-Type", "Authorization", "Impersonate-User", "Impersonate-Group",
         "User-Agent", "Impersonate-Extra-x", "If-Match", "Range", "X-Remote-User", "Cookie"]
    )  # fmt: skip
    values = texts.map(lambda text: quote(text, safe=" ,;=*/", errors="replace"))

    @FEWER
    @given(st.dictionaries(names, values, max_size=3))
    def ask(headers: dict[str, str]) -> None:
        assert_answered("GET", "/api/v1/namespaces", served.ask("GET", "/api/v1/namespaces", None, headers))

    ask()
