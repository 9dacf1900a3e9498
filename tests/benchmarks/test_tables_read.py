"""Files of other makes than those of tests/newtask/cases are read right too."""

import pytest

from benchmarks import tables_read

CASES = tables_read.every()


@pytest.mark.parametrize("name", CASES)
def test_a_file_of_another_make_is_read_right(name, tmp_path):
    how, why = tables_read.judge(CASES[name], tmp_path)
    assert how == "right", why


def test_what_was_not_written_is_harm(tmp_path):
    """The judge can say no: a table held against what is not in it."""
    case = CASES["plus"]
    wrong = case._replace(holds={"x": case.holds["x"] + 1})
    assert tables_read.judge(wrong, tmp_path)[0] == "harm"
