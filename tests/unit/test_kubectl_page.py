"""docs/kubectl.md: it is what the rows say, and the rows leave out no flag of kubectl."""

from __future__ import annotations

import pytest

from tests.kubectl import table
from tests.kubectl.table import Row, Step

ROWS = table.rows()


def test_the_page_is_up_to_date() -> None:
    assert table.DOCUMENT.read_text() == table.document(), "run `python -m tests.kubectl`"


def test_no_row_is_listed_twice() -> None:
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names))


def test_every_flag_of_kubectl_is_tried() -> None:
    assert table.untried(ROWS) == {}


def test_every_command_of_kubectl_is_tried() -> None:
    commands = {verb.split()[0] for verb in table.verbs()}
    assert (
        commands
        - {row.verb.split()[0] for row in ROWS}
        - {"completion", "options", "plugin", "uncordon", "api-versions"}
        == set()
    )


def test_a_flag_that_no_row_uses_is_found_out() -> None:
    row = Row("get", "little", (Step("kubectl get pods -A -o wide", ()),))
    left = table.untried([row])
    assert "--chunk-size" in left["get"]
    assert "-A/--all-namespaces" not in left["get"]


@pytest.mark.parametrize(
    ("command", "verb", "flags"),
    [
        ("kubectl create cm a --from-literal=a=b | kubectl apply -f -", "create configmap", {"--from-literal"}),
        ("kubectl drain $(cat name --x) --force; true --other", "drain", {"--force"}),
        ("kubectl exec box -it -- ls --all", "exec", {"-i", "-t"}),
        ('script -qec "kubectl attach -q box" /dev/null', "attach", {"-q"}),
        ("bash through.sh / --www=page", "proxy", {"--www"}),
    ],
)
def test_flags_are_those_of_kubectl(command: str, verb: str, flags: set[str]) -> None:
    assert table.tried([Row("proxy", "one", (Step(command, ()),))])[verb] == flags


@pytest.mark.parametrize(
    ("seen", "code", "output", "complaints"),
    [
        (("a  b",), 0, "x a\n   b", 0),
        (("a b",), 0, "a", 1),
        (("not a",), 0, "a", 1),
        (("exit 3",), 3, "", 0),
        (("exit 3",), 0, "", 1),
        ((), 1, "", 1),
        ((r"/^a +\d$/",), 0, "x\na  1\n", 0),
        ((r"/^a$/",), 0, "b", 1),
        (("until", "a"), 0, "a", 0),
    ],
)
def test_a_step_complains_of_what_it_does_not_see(
    seen: tuple[str, ...], code: int, output: str, complaints: int
) -> None:
    assert len(Step("true", seen).complaints(code, output)) == complaints
