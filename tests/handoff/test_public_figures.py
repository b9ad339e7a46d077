"""Nothing public leads back to a person."""

import pytest

from handoff.reports.public import OTHERS, Row, rows


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({}, []),
        ({"a": 4}, []),
        ({"a": 9, "b": 5}, [Row("A", 9), Row("B", 5)]),
        ({"a": 9, "b": 3, "c": 2}, [Row("A", 9), Row(OTHERS, 5)]),
        # b alone could be worked out from a sum that is known: it goes together with the next larger one
        ({"a": 9, "b": 3, "c": 6}, [Row("A", 9), Row(OTHERS, 9)]),
        ({"a": 9, "b": 1}, [Row(OTHERS, 10)]),
    ],
)
def test_small_counts_are_put_together(counts: dict[str, int], expected: list[Row]) -> None:
    assert rows(counts, str.upper) == expected
