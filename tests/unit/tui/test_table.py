"""The table without a terminal: columns that fit, filters, order, cursor and marks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from common.api.kinds import PODS
from common.api.meta import Key
from console.tui.table.layout import GAP, MARGIN, cut, fit, place
from console.tui.table.model import TableModel
from console.tui.table.query import is_subsequence, parse
from console.views.columns import Column
from console.views.columns.pods import POD_COLUMNS
from console.views.status import Tone
from console.views.usage import use_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def pod(name: str, space: str = "default", phase: str = "Running", **labels: str) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True"}] if phase == "Running" else []
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": space, "labels": labels},
        "spec": {"containers": [{"name": "c"}]},
        "status": {"phase": phase, "conditions": conditions},
    }


def table(*objects: dict[str, Any]) -> TableModel:
    model = TableModel(PODS, POD_COLUMNS)
    feed(model, *objects)
    return model


def feed(model: TableModel, *objects: dict[str, Any]) -> None:
    model.apply([(Key(o["metadata"]["namespace"], o["metadata"]["name"]), o) for o in objects], NOW)
    model.settle()


def names(model: TableModel) -> list[str]:
    return [row.key.name for row in model.rows]


def column(title: str, **rest: Any) -> Column:
    return Column(title, lambda _obj, _now: "", **rest)


# Layout


def test_columns_leave_by_priority() -> None:
    columns = [column("NAME"), column("AGE", drop=1), column("IP", drop=6)]
    widths = [10, 5, 12]
    shown = [[item.index for item in place(columns, widths, width)] for width in (40, 25, 15)]
    assert shown == [[0, 1, 2], [0, 1], [0]]


def test_wide_columns_come_only_when_asked_for() -> None:
    columns = [column("NAME"), column("LABELS", wide=True, drop=9)]
    assert len(place(columns, [5, 5], 80)) == 1
    assert len(place(columns, [5, 5], 80, wide=True)) == 2


@given(
    st.lists(
        st.tuples(st.integers(1, 60), st.integers(0, 9), st.booleans(), st.integers(4, 20)), min_size=1, max_size=9
    ),
    st.integers(20, 220),
)
def test_a_row_is_never_wider_than_the_table(specs: list[tuple[int, int, bool, int]], width: int) -> None:
    columns = [
        column("C", drop=drop if index else 0, flexible=flexible, least=least)
        for index, (_, drop, flexible, least) in enumerate(specs)
    ]
    placed = place(columns, [spec[0] for spec in specs], width)
    kept = [columns[item.index] for item in placed]
    total = MARGIN + sum(item.width + item.gap for item in placed)
    # Columns that may not go and cannot shrink below four cells may still be too many for a very narrow screen.
    least = MARGIN + sum(min(item.width, 4) for item in placed) + GAP * (len(placed) - 1)
    assert total <= max(width, least)
    assert all(item.gap >= GAP for item in placed[:-1])
    assert kept[0] is columns[0]


@example(text="00000⺀⺀", width=8, right=False, middle=True)
@example(text="⺀⺀", width=1, right=False, middle=False)
@given(text=st.text(max_size=60), width=st.integers(1, 40), right=st.booleans(), middle=st.booleans())
def test_fitted_text_has_exactly_its_width(text: str, width: int, right: bool, middle: bool) -> None:
    printable = "".join(letter for letter in text if letter.isprintable())
    assert cell_len(fit(printable, width, right=right, middle=middle)) == width


def test_names_keep_the_end_where_they_differ() -> None:
    assert cut("web-frontend-b8fkx98htv-4zcc2", 20, middle=True) == "web-frontend-…-4zcc2"
    assert cut("Back-off restarting container", 10) == "Back-off …"


# Queries


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["api-1", "db-1", "web-1"]),
        ("WEB", ["web-1"]),
        ("^(default|kube) .*b-1", ["db-1", "web-1"]),
        ("!web", ["api-1", "db-1"]),
        ("!", ["api-1", "db-1", "web-1"]),
        ("-l app=web", ["web-1"]),
        ("-l", ["api-1", "db-1", "web-1"]),
        ("-f wb1", ["web-1"]),
    ],
)
def test_the_four_forms_of_a_filter(text: str, expected: list[str]) -> None:
    model = table(pod("web-1", app="web"), pod("api-1", app="api"), pod("db-1", "kube"))
    model.set_query(parse(text))
    model.settle()
    assert sorted(names(model)) == expected


@pytest.mark.parametrize("text", ["web(", "-l a=b,!!", "[z-a]"])
def test_a_filter_that_means_nothing_says_why_and_hides_nothing(text: str) -> None:
    query = parse(text)
    assert query.error
    assert not query.filters


@given(st.text(alphabet="abc", max_size=6), st.text(alphabet="abcd", max_size=20))
def test_a_subsequence_is_found_exactly_when_it_is_one(letters: str, text: str) -> None:
    rest = iter(text)
    assert is_subsequence(letters, text) == all(letter in rest for letter in letters)


# The model


def test_rows_come_by_namespace_and_name() -> None:
    model = table(pod("b"), pod("a", "zoo"), pod("a"))
    assert [str(row.key) for row in model.rows] == ["default/a", "default/b", "zoo/a"]


def test_a_change_in_place_keeps_order_and_gives_the_row_a_new_version() -> None:
    model = table(pod("a"), pod("b"))
    before = model.rows[0].version
    feed(model, pod("a", phase="Failed"))
    assert names(model) == ["a", "b"]
    assert model.rows[0].version > before


def test_the_cursor_follows_its_object() -> None:
    model = table(pod("b"), pod("c"))
    model.move_to(1)
    feed(model, pod("a"))
    current = model.current()
    assert current is not None
    assert current.key.name == "c"


def test_when_the_object_goes_the_cursor_stays_in_its_place() -> None:
    model = table(pod("a"), pod("b"), pod("c"))
    model.move_to(2)
    model.apply([(Key("default", "c"), None)], NOW)
    model.settle()
    assert model.cursor == 1


def test_a_wanted_object_gets_the_cursor_when_it_comes_unless_somebody_moved() -> None:
    model = table(pod("a"))
    model.wanted = Key("default", "c")
    feed(model, pod("b"), pod("c"))
    assert model.cursor == 2
    model.wanted = Key("default", "d")
    model.move_to(0)
    feed(model, pod("d"))
    assert model.cursor == 0


def test_faults_only_and_counts() -> None:
    model = table(pod("a"), pod("b", phase="Failed"))
    model.set_faults_only(True)
    model.settle()
    assert names(model) == ["b"]
    assert model.total == 2
    assert sum(model.tones.values()) == 2
    feed(model, pod("b"))
    assert names(model) == []


def test_marks_and_ranges() -> None:
    model = table(*(pod(name) for name in "abcd"))
    assert [row.key.name for row in model.targets()] == ["a"]
    model.toggle_mark()
    model.move_to(2)
    model.mark_range()
    assert [row.key.name for row in model.targets()] == ["a", "b", "c"]
    model.apply([(Key("default", "b"), None)], NOW)
    model.settle()
    assert [row.key.name for row in model.targets()] == ["a", "c"]


def test_sorting_again_turns_the_order_round() -> None:
    model = table(pod("a", "x"), pod("b", "y"))
    index = [item.title for item in POD_COLUMNS].index("NAME")
    model.sort(index)
    model.sort(index)
    model.settle()
    assert names(model) == ["b", "a"]


def test_the_cursor_is_on_the_first_row_until_all_is_loaded_or_the_user_moves_it() -> None:
    model = TableModel(PODS, POD_COLUMNS)
    model.loading = True
    feed(model, pod("m"))
    feed(model, pod("a"))
    assert model.current() is model.rows[0]
    model.move_to(1)
    feed(model, pod("c"))
    row = model.current()
    assert (row is not None and row.key.name, names(model)) == ("m", ["a", "c", "m"])


def test_what_comes_later_does_not_move_the_row_under_the_cursor() -> None:
    model = table(pod("m"))
    feed(model, pod("a"))
    row = model.current()
    assert row is not None
    assert row.key.name == "m"


# Text that is late


def test_a_row_that_changes_out_of_sight_is_read_when_its_text_counts() -> None:
    model = table(pod("a"), pod("b"))
    feed(model, pod("b", phase="Failed"))
    row = model.rows[1]
    assert (row.late, row.tone.value, model.tones) == (True, "bad", {Tone.OK: 1, Tone.BAD: 1})
    assert not model.lags
    model.set_query(parse("failed"))
    model.settle()
    assert (names(model), model.lags) == ([], True)
    model.catch_up(10, NOW)
    model.settle()
    assert (names(model), model.lags, row.late) == (["b"], False, False)


def test_rows_are_read_at_once_while_a_filter_or_an_order_looks_at_them() -> None:
    model = table(pod("a"), pod("b"))
    model.sort(1)
    feed(model, pod("b", phase="Failed"))
    assert not any(row.late for row in model.rows)


def test_a_late_row_that_goes_is_not_read() -> None:
    model = table(pod("a"), pod("b"))
    feed(model, pod("b", phase="Failed"))
    model.apply([(Key("default", "b"), None)], NOW)
    model.set_query(parse("a"))
    assert not model.lags


def test_other_figures_make_a_row_late_until_it_is_read() -> None:
    figures = {Key("default", "a"): use_of({"usage": {"cpu": "5m", "memory": "1Mi"}})}
    model = TableModel(PODS, POD_COLUMNS)
    model.figure = figures.get
    feed(model, pod("a"), pod("b"))
    titles = [column.title for column in model.columns]
    cpu = titles.index("CPU")
    assert [row.cells[cpu] for row in model.rows] == ["5m", "-"]
    figures[Key("default", "b")] = use_of({"usage": {"cpu": "7m", "memory": "1Mi"}})
    del figures[Key("default", "a")]
    assert model.refigure([Key("default", "a"), Key("default", "b"), Key("default", "gone")]) == {
        Key("default", "a"),
        Key("default", "b"),
    }
    assert [row.late for row in model.rows] == [True, True]
    model.sort(cpu)
    assert model.lags
    model.catch_up(10, NOW)
    model.settle()
    assert [(row.key.name, row.cells[cpu]) for row in model.rows] == [("b", "7m"), ("a", "-")]
