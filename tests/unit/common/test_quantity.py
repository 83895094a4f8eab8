"""Quantities keep their exact value through parsing, adding and formatting."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.api import quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500m", Fraction(1, 2)), ("1", 1), ("0.1", Fraction(1, 10)), (".5", Fraction(1, 2)), ("1.", 1), ("2e3", 2000),
        ("1E", 10**18), ("1E2", 100), ("1.5Gi", 1536 * 2**20), ("128974848", 128974848), ("-3k", -3000),
        ("100n", Fraction(1, 10**7)),
        (2, 2), (0.5, Fraction(1, 2)),
    ],
)  # fmt: skip
def test_reads_every_form(text: str, value: Fraction) -> None:
    assert quantity.parse(text) == value


@pytest.mark.parametrize("text", ["", "m", "1 Gi", "1gi", "1KI", "0x10", "1e", "--1", "1.2.3", "٣"])
def test_refuses_what_is_none_and_names_it(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        quantity.parse(text)


def test_rounds_up_to_what_is_reserved() -> None:
    assert quantity.milli("1.0001") == 1001
    assert quantity.whole("100m") == 1


@given(st.integers(min_value=0, max_value=2**62))
def test_formatting_loses_nothing(value: int) -> None:
    assert quantity.parse(quantity.format_bytes(value)) == value
    assert quantity.parse(quantity.format_milli(value)) * 1000 == value


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("0.5", "500m"), ("1000m", "1"), ("1.0", "1"), ("1024Mi", "1Gi"), ("1.5Gi", "1536Mi"), ("512Ki", "512Ki"),
        ("0.5Ki", "512"), ("1000k", "1M"), ("12e2", "1200e0"), ("1e3", "1e3"), ("0Gi", "0"), ("-1500m", "-1500m"),
        (2, "2"), ("0.0000000001", "1n"),
    ],
)  # fmt: skip
def test_a_quantity_has_one_spelling(text: str | int, spelled: str) -> None:
    assert quantity.canonical(text) == spelled.removesuffix("e0")


_NUMBERS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-"]),
    st.integers(0, 999_999),
    st.just("") | st.integers(0, 999).map(".{}".format) | st.integers(0, 99).map(".0{}".format),
    st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi", "e3"]),
)


@given(_NUMBERS)
def test_the_spelling_keeps_the_value(text: str) -> None:
    spelled = quantity.canonical(text)
    assert quantity.parse(spelled) == quantity.parse(text)
    assert quantity.canonical(spelled) == spelled
