"""A folder from a stranger is data: nothing in it is run, followed, or believed without bounds."""

import contextlib
import os
import shutil
import stat
import subprocess
import zlib

import pytest
from fakes import PROGRAM, START, FakeScorer, frozen, program  # noqa: F401

from harness import RunError, cli
from harness.agents import Proposal
from harness.candidate import plain, visible
from harness.evidence import verify as verifying
from harness.files import read_plain
from harness.run import Run, git, packs, read_record
from harness.run import record as recording
from harness.run.git import GitFiles
from harness.run.ledger import FORMULA, clean

pytestmark = pytest.mark.usefixtures("frozen")
git_missing = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
POSIX = pytest.mark.skipif(os.name == "nt", reason="links and pipes")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    root = tmp_path_factory.mktemp("handed-in")
    with Run.open("hers", root=root, scorer=FakeScorer(), start=(START, PROGRAM)) as run:
        run.ensure_baseline()
        for i, value in enumerate((0.81, 0.8, 0.83)):
            run.step(Proposal(program(value, f"idea {i}")))
    return root / "hers"


@pytest.fixture
def folder(original, tmp_path):
    shutil.copytree(original, tmp_path / "hers")
    return tmp_path / "hers"


@pytest.fixture
def alarm(tmp_path, monkeypatch):
    """A `git` first on the PATH that writes down that it was started; whatever it is asked."""
    shims, heard = tmp_path / "shims", tmp_path / "git-was-started"
    shims.mkdir()
    for name in ("git", "sh", "ssh"):
        (shims / name).write_text(f"#!/bin/sh\necho $0 $* >> {heard}\nexit 1\n")
        (shims / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{shims}{os.pathsep}{os.environ['PATH']}")
    return heard


def loose(folder, sha):
    return folder / "workspace" / ".git" / "objects" / sha[:2] / sha[2:]


def blob_of(folder, iteration=0):
    record = read_record(folder)
    return record.workspace.git.read_tree(record.commit(iteration).tree)["train.py"][1]


def problems(folder):
    reports = verifying.main([str(folder)], say=lambda line: None)
    return "\n".join(reports[0].problems)


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr("harness.scoring.scorer.Scorer", FakeScorer)


# -- git is never started -----------------------------------------------------------------


@POSIX
def test_a_promisor_remote_with_a_program_for_an_address_starts_nothing(folder, alarm, fake):
    done = folder.parent / "pwned"
    (folder / "workspace" / ".git" / "config").write_text(
        "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tpartialClone = origin\n"
        f'[remote "origin"]\n\turl = ext::sh -c "touch% {done}"\n\tpromisor = true\n'
        '[protocol "ext"]\n\tallow = always\n'
    )
    loose(folder, blob_of(folder)).unlink()
    assert "missing" in problems(folder)
    assert not done.exists()
    assert not alarm.exists(), alarm.read_text()


@POSIX
def test_every_command_that_reads_a_run_leaves_git_alone(folder, alarm, fake, capsys):
    calls = [
        ["verify", str(folder)],
        ["status", "--tag", "hers", "--runs", str(folder.parent)],
        ["report", "--tag", "hers", "--runs", str(folder.parent), "--no-noise"],
        ["adopt", "--tag", "hers", "--runs", str(folder.parent), "--force", "--to",
         str(folder.parent / "adopted.py")],
    ]  # fmt: skip
    sha = blob_of(folder, 2)
    loose(folder, sha).unlink()  # would send a git to whatever the configuration names
    for call in calls:
        cli.main(call)
    assert (folder.parent / "adopted.py").read_bytes() == program(0.83, "idea 2").encode()
    assert not alarm.exists(), alarm.read_text()


def test_no_file_of_the_room_names_git_as_a_program():
    for module in (git, packs):
        assert "subprocess" not in vars(module)


# -- packs --------------------------------------------------------------------------------


@pytest.fixture
def packed(tmp_path):
    """A repository whose large texts are stored as deltas, on offsets and on names."""
    folder = tmp_path / "repository"

    def run(*words, **how):
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
        how = {"env": env, "cwd": tmp_path, "capture_output": True, "check": True} | how
        return subprocess.run(["git", *words], **how).stdout

    run("init", "-q", str(folder))
    space, texts = GitFiles(folder / ".git", "main"), {}
    lines = [f"line {i} of a long text that hardly changes\n" for i in range(400)]
    for i in range(30):
        lines[7 * i] = f"edited {i}\n"
        text = "".join(lines).encode()
        texts[space.write("blob", text)] = text
    names = "".join(f"{sha}\n" for sha in texts).encode()
    pack = [*("pack-objects", "--window=40", "--depth=50", "-q"), "objects/pack/pack"]
    return folder / ".git", texts, run, names, pack


@git_missing
@pytest.mark.parametrize("how", ["--delta-base-offset", "--no-reuse-delta"])
def test_deltas_are_read_as_git_reads_them(packed, how):
    path, texts, run, names, pack = packed
    run(*pack[:-1], how, pack[-1], cwd=path, input=names)
    for file in path.glob("objects/??/*"):
        file.unlink()
    size = sum(file.stat().st_size for file in path.glob("objects/pack/*.pack"))
    assert size < sum(map(len, texts.values())) / 20, "there are deltas to read"
    space = GitFiles(path, "main")
    assert {sha: space.read(sha, "blob") for sha in texts} == texts
    with pytest.raises(RunError, match="is no commit"):
        space.read(next(iter(texts)), "commit")
    with pytest.raises(RunError, match="missing"):
        space.read("0" * 40, "blob")


@git_missing
def test_a_damaged_pack_is_an_error_in_a_line_wherever_it_is_damaged(packed):
    path, texts, run, names, pack = packed
    run(*pack[:-1], "--delta-base-offset", pack[-1], cwd=path, input=names)
    for file in path.glob("objects/??/*"):
        file.unlink()
    for kind in ("pack", "idx"):
        (file,) = path.glob(f"objects/pack/*.{kind}")
        file.chmod(0o644)
        whole = file.read_bytes()
        for at in range(0, len(whole), max(1, len(whole) // 60)):
            broken = bytearray(whole)
            broken[at] ^= 0xFF
            file.write_bytes(broken)
            space = GitFiles(path, "main")
            for sha in list(texts)[::7]:
                with contextlib.suppress(RunError):  # of one line; anything else is a failure
                    assert space.read(sha, "blob") == texts[sha], "wrong bytes may never come out"
        file.write_bytes(whole)


@pytest.mark.parametrize("base", ["itself", "too far"])
def test_a_delta_without_an_end_is_refused(tmp_path, base):
    sha = "ab" * 20
    folder = tmp_path / ".git" / "objects" / "pack"
    folder.mkdir(parents=True)
    entry = bytes([0x70 | 4]) + bytes.fromhex(sha) if base == "itself" else bytes([0x60 | 4, 0x7F])
    (folder / "pack-x.pack").write_bytes(b"PACK" + bytes(8) + entry + zlib.compress(b"abcd"))
    fanout = [0] * 0xAB + [1] * (256 - 0xAB)
    index = b"\xfftOc\0\0\0\2" + b"".join(n.to_bytes(4) for n in fanout)
    (folder / "pack-x.idx").write_bytes(
        index + bytes.fromhex(sha) + bytes(4) + (12).to_bytes(4) + bytes(40)
    )
    with pytest.raises(RunError, match="deltas deep|damaged"):
        GitFiles(tmp_path / ".git", "main").read(sha, "blob")


def test_a_delta_that_adds_nothing_is_damaged():
    with pytest.raises(IndexError):  # millions of steps, for each of a hundred thousand references
        packs._apply(b"abc", bytes([3, 3]) + bytes(1000))


def test_reading_a_strangers_run_has_an_end(folder, monkeypatch):
    assert read_record(folder).source(1)
    monkeypatch.setattr(recording, "PATIENCE_S", 0)
    record = read_record(folder)
    with pytest.raises(RunError, match="takes too long"):
        record.source(1)


# -- bounds -------------------------------------------------------------------------------


def bomb(size=1 << 30):
    stream = zlib.compressobj(9)
    piece = bytes(1 << 20)
    head = stream.compress(f"blob {size}\0".encode())
    return head + b"".join(stream.compress(piece) for _ in range(size >> 20)) + stream.flush()


def test_an_object_that_unpacks_to_a_gigabyte_is_a_line(folder, fake):
    import resource

    path = loose(folder, blob_of(folder, 1))
    path.chmod(0o644)
    path.write_bytes(bomb())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "unpacks to more than 4096 KiB" in problems(folder)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200 * 1024, "KiB of memory"


def commit_of(tree, **more):
    lines = [f"tree {tree}", f"author {git.AUTHOR} 1 +0000", *(f"{k} {v}" for k, v in more.items())]
    return "\n".join([*lines, "", "a message", "", "Folds: 0.1 a lot"]).encode()


def test_what_an_object_says_is_not_believed(folder):
    space = read_record(folder).workspace
    sha = space.git.write("commit", commit_of("../../../../etc/passwd"))
    with pytest.raises(RunError, match="no name of an object"):
        space.source_of(sha)
    with pytest.raises(RunError, match="no numbers"):
        _ = space.git.read_commit(sha).folds
    entries = b"".join(b"100644 f%d\0" % i + bytes(20) for i in range(100_000))
    with pytest.raises(RunError, match="damaged"):
        space.git.read_tree(space.git.write("tree", entries))  # and at once


def test_references_without_end_are_refused(folder, monkeypatch):
    monkeypatch.setattr(git, "MAX_REFS", 50)
    where = folder / "workspace" / ".git" / "refs" / "autoresearch" / "discarded"
    for number in range(100, 200):
        (where / f"{number:04d}").write_text("0" * 40)
    with pytest.raises(RunError, match="more than 50 references"):
        read_record(folder)


@POSIX
@pytest.mark.parametrize("name", ["run.json", "results.tsv", "workspace/.git/HEAD",
                                  "workspace/train.py", "logs/0001.log"])  # fmt: skip
@pytest.mark.parametrize("what", ["pipe", "link", "device", "folder"])
def test_what_is_no_plain_file_is_a_line(folder, fake, name, what):
    path = folder / name
    kept = path.read_bytes()
    path.unlink()
    if what == "pipe":
        os.mkfifo(path)
    elif what == "device":
        try:
            os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
        except PermissionError:
            pytest.skip("only root makes devices")
    elif what == "folder":
        path.mkdir()
    else:
        (folder.parent / "elsewhere").write_bytes(kept)
        path.symlink_to(folder.parent / "elsewhere")
    assert problems(folder) or name.startswith("logs/"), "a log is not read"
    assert "\n" not in problems(folder)


@POSIX
@pytest.mark.parametrize("name", ["workspace", "workspace/.git", "logs"])
@pytest.mark.parametrize("what", ["link", "file"])
def test_a_folder_that_leads_elsewhere_is_refused(folder, fake, name, what):
    elsewhere = folder.parent / "elsewhere"
    (folder / name).rename(elsewhere)
    if what == "link":
        (folder / name).symlink_to(elsewhere)
    else:
        (folder / name).write_text(f"gitdir: {elsewhere}\n")
    assert "is no folder of its own" in problems(folder)


@POSIX
def test_a_file_that_is_one_large_hole_is_not_read(tmp_path):
    with open(tmp_path / "results.tsv", "wb") as file:
        file.truncate(1 << 42)
    with pytest.raises(OSError, match="too large"):
        read_plain(tmp_path / "results.tsv")
    assert read_plain(tmp_path / "results.tsv", 3) == bytes(3)


# -- what is shown ------------------------------------------------------------------------

TRICKS = "\x1b[2J\x07\u202egnp.exe\u2066\u200b\u00ad\ufeff\u2800\u3164\ufe0f\U000e0041 \t\n\r\0"


def test_words_lose_what_cannot_be_seen():
    assert plain(f"an {TRICKS} idea") == "an [2J gnp.exe idea"
    assert visible("naïve Δ 日本 שלום") == "naïve Δ 日本 שלום", "honest letters stay"


@pytest.mark.parametrize(
    "start", ["=cmd|'/c calc'!A1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\ufeff=1", "＝1+1", "＠A1"]
)
def test_no_cell_of_a_ledger_begins_a_formula(start):
    assert clean(start).startswith("'"), clean(start)
    assert clean(clean(start)) == clean(start)
    hidden = clean(f"an idea;{start};,{start}")
    cells = hidden.replace(",", ";").split(";")
    assert not [cell for cell in cells if cell.startswith(FORMULA)], hidden
    assert clean(hidden) == hidden


def test_nothing_of_a_ledger_reaches_the_terminal(folder, fake, capsys):
    path = folder / "results.tsv"
    text = path.read_text()
    path.write_text(text.replace("idea 0", "\x1b]0;owned\x07 \u202e =cmd"))
    settings = (folder / "run.json").read_text()
    for call in (
        ["status", "--tag", "hers", "--runs", str(folder.parent)],
        ["verify", str(folder)],
    ):
        cli.main(call)
    told = capsys.readouterr()
    assert "]0;owned" in told.out, "the words are shown"
    assert visible(told.out + told.err, "", keep="\n") == told.out + told.err
    (folder / "run.json").write_text(settings.replace('"playbook"', '"play\\u001b[2Jbook"'))
    assert "agent is not as it was written" in problems(folder)


def test_a_name_with_terminal_codes_is_shown_without(folder, fake, capsys):
    odd = folder.rename(folder.with_name("hers\x1b[2J\u202e"))
    assert cli.main(["verify", str(odd), str(folder.parent / "not\x1b[2Jthere")]) == 1
    told = capsys.readouterr()
    assert "hers [2J (hers)" in told.out, "the folder, and the tag since it differs"
    assert visible(told.out + told.err, "", keep="\n") == told.out + told.err
