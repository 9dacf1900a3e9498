"""Taking an edit back out of a program's text: against git, and where lines meet."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.agents import get_agent
from harness.agents.playbook.profiles import HEART_PROFILE
from harness.agents.playbook.recipe import Recipe, member, render
from harness.candidate import check_source, hypothesis_of, normalise, take_back, with_hypothesis

lines = st.lists(st.sampled_from("abcdefgh"), max_size=8).map(
    lambda ls: "".join(f"{c}\n" for c in ls)
)


def test_an_edit_goes_and_what_came_later_stays():
    before = "HYPOTHESIS = 'one'\na = 1\n\n\nb = 2\n\n\nc = 3\n"
    after = before.replace("one", "two").replace("a = 1", "a = 10")
    now = after.replace("two", "three").replace("c = 3", "c = 30\nd = 4")
    assert take_back(before, after, now) == now.replace("a = 10", "a = 1")
    assert take_back(after, now, now).replace("three", "two") == after


def test_an_edit_that_a_later_one_rests_on_cannot_go_alone():
    before, after, now = "C = 1\n", "C = 2\n", "C = 3\n"
    assert take_back(before, after, now) is None


@settings(max_examples=150, deadline=None)
@given(before=lines, after=lines)
def test_the_last_edit_can_always_go(before, after):
    assert take_back(before, after, after) == before
    assert take_back(after, after, before) == before  # nothing to undo


@pytest.mark.parametrize("seed", range(8))
def test_as_git_merges(seed, tmp_path):
    """Where git merges without a conflict, so do we, and to the same text."""
    import random

    rng, agreed = random.Random(seed), 0
    for _ in range(12):
        after = [f"line {i}\n" for i in range(12)]
        before, now = list(after), list(after)
        before[rng.randrange(12)] = "other\n"
        now.insert(rng.randrange(13), "added\n")
        if rng.random() < 0.5:
            now.pop(rng.randrange(13))
        names = []
        for name, text in (("now", now), ("after", after), ("before", before)):
            names.append(str(tmp_path / name))
            (tmp_path / name).write_text("".join(text))
        done = subprocess.run(["git", "merge-file", "-p", *names], capture_output=True, text=True)
        ours = take_back("".join(before), "".join(after), "".join(now))
        if done.returncode == 0:
            assert ours == done.stdout
            agreed += 1
        else:
            assert ours is None
    assert agreed > 2


def test_the_playbook_undoes_its_own_choices_where_lines_meet():
    def text(hypothesis, **choices):
        return render(Recipe(**choices), hypothesis, HEART_PROFILE)

    before = text("start")
    after = text("scale", scale="robust")
    now = text("bag", scale="robust", members=(member("forest"),))
    undone = get_agent("playbook").take_back(before, after, now, "heart")
    assert normalise(undone) == normalise(text("bag", members=(member("forest"),)))
    assert hypothesis_of(undone) == "bag"
    assert get_agent("playbook").take_back(before, now, after, "heart") is None  # changed since
    assert get_agent("playbook").take_back(before, after, "x = 1\n", "heart") is None


def test_another_hypothesis_is_one_line_within_its_bounds():
    source = with_hypothesis("HYPOTHESIS = (\n    'a'\n    'b'\n)\nx = 1\n", "c 'd' " * 60)
    assert len(check_source(source)[1]) <= 200
    assert source.endswith("x = 1\n")
    assert with_hypothesis("x = 1\n", "y") == "x = 1\n"
