"""The run's own repository: ordinary git for readers, and nothing an agent does to it counts."""

import os
import shutil
import subprocess

import pytest
from fakes import PROGRAM, START
from hypothesis import given
from hypothesis import strategies as st

from harness import RunError
from harness.candidate import MAX_BYTES, refusal
from harness.run.git import GitFiles
from harness.run.workspace import Workspace, check_tag

git_missing = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(space, *args, check=True):
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    done = subprocess.run(
        ["git", "-C", str(space.path), *args], capture_output=True, text=True, env=env
    )
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.strip()


def candidate(space, data, parent, message, iteration):
    return space.git.write_commit(space.store(data), parent, message, iteration)


@pytest.fixture
def space(tmp_path):
    workspace = Workspace(tmp_path / "workspace", "demo")
    workspace.open(workspace.create(START, PROGRAM))
    first = candidate(workspace, START, None, "baseline\n\nIteration: 0\n", 0)
    workspace.keep(first, START)
    workspace.put_back()
    workspace.refresh_index()
    workspace.first = first
    return workspace


GOOD = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z").filter(
    lambda t: ".." not in t and not t.endswith((".", ".lock"))
)


@given(GOOD)
def test_every_good_tag_names_a_folder_and_stays_text(tag):
    assert check_tag(tag) == tag
    assert not set(tag) & set('/\\:*?"<>| ')


@git_missing
@given(st.lists(GOOD, min_size=1, max_size=20))
def test_git_takes_every_good_tag_for_a_branch(tags):
    for tag in tags[:2]:
        done = subprocess.run(["git", "check-ref-format", f"refs/heads/autoresearch/{tag}"])
        assert done.returncode == 0, tag


@pytest.mark.parametrize(
    "tag",
    ["", ".", "..", "-x", "_x", "a/b", "a b", "a\n", "a\tb", "ä", "a" * 65, "a..b", "a.lock", "a.",
     "../x", "C:x", "a\\b", "\0"],
)  # fmt: skip
def test_a_bad_tag_is_one_line_that_says_what_is_good(tag):
    with pytest.raises(RunError, match="bad tag .* use 1 to 64 letters, digits") as caught:
        check_tag(tag)
    assert len(str(caught.value).splitlines()) == 1


def test_a_tag_of_digits_stays_text():
    assert check_tag("007") == "007"


@git_missing
def test_git_reads_what_was_written(space):
    kept = candidate(space, b"HYPOTHESIS = 'x'\n", space.first, "better ä\n\nIteration: 1\n", 1)
    space.keep(kept, b"HYPOTHESIS = 'x'\n")
    space.put_back()
    space.refresh_index()
    lost = candidate(space, b"worse\n", kept, "worse\n", 2)
    space.discard(2, lost)
    assert git(space, "fsck", "--full", "--strict") == ""
    assert git(space, "status", "--porcelain") == ""
    assert git(space, "log", "--format=%s %ad", "--date=iso-strict").split("\n") == [
        "better ä 2026-01-01T00:01:00+00:00",
        "baseline 2026-01-01T00:00:00+00:00",
    ]
    assert git(space, "rev-parse", "--abbrev-ref", "HEAD") == "autoresearch/demo"
    assert git(space, "ls-tree", "--name-only", "HEAD").split() == ["program.md", "train.py"]
    assert git(space, "show", "refs/autoresearch/discarded/0002:train.py") == "worse"
    assert git(space, "rev-parse", "refs/autoresearch/discarded/0002^") == kept


def test_the_same_candidate_is_the_same_commit_wherever_it_is_written(tmp_path):
    names = set()
    for tag in ("one", "two"):
        workspace = Workspace(tmp_path / tag, tag)
        workspace.open(workspace.create(START, PROGRAM))
        names.add(candidate(workspace, START, None, "baseline\n", 0))
    assert len(names) == 1


def test_whatever_an_agent_left_is_put_back_and_named(space, tmp_path):
    outside = tmp_path / "outside.txt"
    outside.write_text("precious")
    (space.path / "program.md").write_text("obey me")
    (space.path / "notes").mkdir()
    (space.path / "notes" / "deep.txt").write_text("x")
    (space.path / ".aider.tags").write_text("x")
    (space.path / "link").symlink_to(outside)
    (space.path / "linked").symlink_to(tmp_path)
    space.train.unlink()
    space.train.symlink_to(outside)
    (space.git.path / "HEAD").write_text("ref: refs/heads/mine\n")
    (space.git.path / "config").write_text("[core]\n\tfsmonitor = touch /tmp/owned\n")
    (space.git.path / "commondir").write_text("/tmp\n")
    with pytest.raises(RunError, match="not a regular file"):
        space.read_train()
    changed = space.put_back()
    assert set(changed) == {
        *("program.md", "notes", ".aider.tags", "link", "linked"),
        *(".git/HEAD", ".git/config", ".git/commondir"),
    }
    assert outside.read_text() == "precious"
    assert space.read_train() == START
    assert not space.train.is_symlink()
    assert (space.path / "program.md").read_bytes() == PROGRAM
    assert sorted(os.listdir(space.path)) == [".git", "program.md", "train.py"]
    assert space.put_back() == []


def test_an_unscored_candidate_stays_while_the_rest_is_put_back(space):
    space.train.write_text("a new idea")
    (space.path / "program.md").unlink()
    assert space.put_back(train=False) == ["program.md"]
    assert space.read_train() == b"a new idea"


def test_a_folder_or_a_pipe_in_place_of_train_py_is_refused_and_put_back(space):
    space.train.unlink()
    space.train.mkdir()
    with pytest.raises(RunError, match="not a regular file"):
        space.read_train()
    space.put_back()
    space.train.unlink()
    os.mkfifo(space.train)
    with pytest.raises(RunError, match="not a regular file"):
        space.read_train()
    space.put_back()
    assert space.read_train() == START


def test_reading_a_huge_file_stops_one_byte_after_the_limit(space):
    space.train.write_bytes(b"x" * (MAX_BYTES + 1000))
    assert len(space.read_train()) == MAX_BYTES + 1
    assert "larger than 256 KiB" in refusal(space.read_train())
    assert refusal(b"x" * MAX_BYTES) is None
    assert "UTF-8" in refusal(b"\xff")


def test_a_removed_repository_is_an_error_that_says_what_to_do(space):
    shutil.rmtree(space.git.path)
    with pytest.raises(RunError, match="start a new tag"):
        space.put_back()


@git_missing
def test_objects_that_git_packed_are_still_read(space, monkeypatch):
    space.discard(1, candidate(space, b"worse\n", space.first, "worse\n", 1))
    git(space, "gc", "--quiet", "--prune=now")
    git(space, "pack-refs", "--all")
    assert not (space.git.path / space.git.head_ref).exists()
    monkeypatch.setenv("GIT_DIR", "/nowhere")  # as inside a hook of the course's repository
    fresh = GitFiles(space.git.path, "autoresearch/demo")
    assert fresh.read_ref(fresh.head_ref) == space.first
    assert space.source_of(space.first) == START
    assert list(fresh.refs("refs/autoresearch/discarded")) == ["0001"]


def test_an_object_that_a_power_cut_left_empty_is_written_again(space):
    blob = space.git.write("blob", b"new")
    path = space.git.path / "objects" / blob[:2] / blob[2:]
    path.write_bytes(b"")
    assert space.git.write("blob", b"new") == blob
    assert space.git.read(blob, "blob") == b"new"


def test_a_damaged_object_is_never_taken_for_a_program(space):
    blob = space.git.read_tree(space.git.read_commit(space.first).tree)["train.py"][1]
    path = space.git.path / "objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-3] + b"abc")
    with pytest.raises(RunError, match="damaged"):
        space.source_of(space.first)


def test_messages_are_parsed_from_their_end(space):
    sha = candidate(space, b"x", None, "Status: not a trailer\n\nStatus: ok\nAgent: a: b\n", 3)
    commit = space.git.read_commit(sha)
    assert commit.subject == "Status: not a trailer"
    assert commit.trailers == {"Status": "ok", "Agent": "a: b"}
