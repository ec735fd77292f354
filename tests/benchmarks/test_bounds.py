"""How the benchmark evaluates its figures."""

from __future__ import annotations

import pytest

from benchmarks import bounds, matrix
from benchmarks.rows import Row, Rows, difference

MIB = 1024 * 1024


def _up(contender: str, *seconds: float, models: int = 100, program: int = 60) -> Row:
    runs = [Row(models, 0, "up", contender, each, memory={"program": program * MIB}) for each in seconds]
    return matrix.joined(runs)


def test_a_repeated_row_has_the_median_of_its_times_and_of_its_memory() -> None:
    """One disturbed run changes neither; the times stay in the order of the turns."""
    runs = [
        Row(100, 0, "up", "ours", seconds, memory={"program": memory})
        for seconds, memory in ((5.0, 140), (9.0, 134), (4.0, 134))
    ]
    row = matrix.joined(runs)
    assert row.seconds == 5.0
    assert row.memory == {"program": 134}
    assert row.samples == [5.0, 9.0, 4.0]
    assert row.fastest == 4.0


def test_turns_are_compared_in_pairs() -> None:
    """A slow moment of the machine in one turn of both does not change their difference."""
    mean, error = difference([5.0, 9.1, 5.0], [5.2, 9.3, 5.2]) or (0, 0)
    assert mean == pytest.approx(-0.2)
    assert error == pytest.approx(0, abs=0.01)
    assert difference([5.0], [5.2]) is None


@pytest.mark.parametrize(("ours", "met"), [(5.0, True), (5.3, False)])
def test_a_slower_up_of_a_hundred_models_is_reported(ours: float, met: bool) -> None:
    """The promise is checked by the medians and by the turns in pairs."""
    rows = Rows([_up("ours", ours, ours + 0.1, ours - 0.1), _up("naive", 5.1, 5.2, 5.0)])
    [finding] = bounds.check(rows)
    assert finding.met is met
    [once] = bounds.check(Rows([_up("ours", ours), _up("naive", 5.1)]))
    assert once.met is met
    rows = Rows([_up("ours", 5.0, 9.0, 5.0), _up("naive", 5.1, 5.1, 5.1)])
    assert [finding.met for finding in bounds.check(rows)] == [False]  # the medians alone would say so
    assert f"{ours:.2f} s against 5.10 s; turns differ by {ours - 5.1:+.2f} +- 0.00 s" in finding.found


@pytest.mark.parametrize(("grown", "met"), [(145, True), (146, False)])
def test_memory_may_grow_by_five_mebibytes_more_than_with_the_bare_provider(grown: int, met: bool) -> None:
    """The memory of the smallest stack is subtracted before."""
    rows = Rows(
        [
            _up("ours", 1.0, models=1, program=60),
            _up("bare", 1.0, models=1, program=60),
            _up("ours", 90.0, models=1000, program=grown),
            _up("bare", 90.0, models=1000, program=140),
        ]
    )
    found = [each for each in bounds.check(rows) if "memory of the program" in each.promise]
    assert [each.met for each in found] == [met]


@pytest.mark.parametrize(("seconds", "met"), [(7.9, True), (8.1, False)])
def test_a_wait_may_take_a_second_more_than_the_validation(seconds: float, met: bool) -> None:
    """It is compared with the same stack without validation."""
    rows = Rows([Row(10, 0, "up", "ours", 3.0), Row(10, 4, "up", "ours", seconds)])
    [finding] = bounds.check(rows)
    assert finding.met is met
