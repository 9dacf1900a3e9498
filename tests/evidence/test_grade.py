"""A class of hand-ins, most poisoned: a row each, nothing run, nothing left, nobody fooled."""

import csv
import io
import json
import os
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from fakes import PROGRAM, START, FakeScorer, frozen, program  # noqa: F401

from harness import RunError, cli
from harness.agents import Proposal
from harness.candidate import visible
from harness.evidence import grade as module
from harness.evidence import handins
from harness.run import Run
from harness.run.git import GitFiles
from harness.run.ledger import COLUMNS
from harness.sealing import seal

SEALED = bool(seal.landlock_abi() and seal.seccomp_supported())
pytestmark = [
    pytest.mark.usefixtures("frozen"),
    pytest.mark.skipif(os.name == "nt", reason="pipes, links and devices"),
]

# -- a lesson with three exercises -------------------------------------------------------------

LESSON = [
    "import numpy as np\nfrom harness.teaching import checks",
    "y = np.array([0, 0, 0, 1])\nfactor = 1",
    "lazy_accuracy = ...",
    "checks.lazy_accuracy(lazy_accuracy, y)",
    "y = None  # as a later cell may",
    "def decide(best, new, len_best, len_new):\n    ...\n\n\nchecks.strict_rule(decide)",
    "stops = ...",
    "checks.what_stops_what(stops)",
    "checks.quiz('q', right='a', a=('x', 'y'))",
]
RULE = """\
def decide(best, new, len_best, len_new):
    if new != new:
        return False
    if abs(new - best) <= 1e-6:
        return len_new < len_best
    return new > best


checks.strict_rule(decide)"""
STOPS = 'stops = {"a": "lock", "b": "trusted sum", "c": "probe", "d": "lock", "e": "probe"}'
RIGHT = {"lazy_accuracy": "right", "strict_rule": "right", "what_stops_what": "right"}
OPEN = dict.fromkeys(RIGHT, "not attempted yet")


def notebook(changes=(), outputs=()):
    """The lesson's notebook with some of its cells changed, as a learner would."""
    cells = []
    for i, source in enumerate({**dict(enumerate(LESSON)), **dict(changes)}.values()):
        cells.append(
            {"cell_type": "code", "source": source, "outputs": list(outputs), "id": f"c{i}"}
        )
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


SOLVED = {2: "lazy_accuracy = 0.75", 5: RULE, 6: STOPS}
FAKED = [{"output_type": "execute_result", "data": {"text/plain": ["✓ Exercise 1.1: right."]}}]
BREAK_OUT = """
import ctypes, os, socket, subprocess
for harm in (
    lambda: open({pwned!r}, "w").write("x"),
    lambda: subprocess.run(["touch", {pwned!r}]),
    lambda: os.system("touch " + {pwned!r}),
    lambda: socket.create_connection(("127.0.0.1", {port})),
    lambda: os.fork(),
    lambda: os.kill(os.getppid(), 9),
    lambda: os.kill(1, 9),
    lambda: open("/etc/passwd").read() and open({pwned!r}, "w"),
    lambda: [os.write(fd, b"junk") for fd in range(4, 300)],
):
    try:
        harm()
    except BaseException:
        pass
lazy_accuracy = 0.75
"""
PATCHED = """
import sys
from harness.teaching import checking
checking.Result.passed = True
fake = lambda *a, **k: checking.Result("1.1", "right")
for name in ("lazy_accuracy", "strict_rule", "what_stops_what"):
    try:
        setattr(checks, name, fake)
    except Exception:
        pass
import os, json, struct
said = json.dumps({"verdict": "right", "check": "nothing", "lazy_accuracy": "right"}).encode()
os.write(3, struct.pack("!i", len(said)) + said)
"""
NOTEBOOKS = {  # name: notebook, verdicts
    "solved": (notebook(SOLVED), RIGHT),
    "as it is given": (notebook(), OPEN),
    "faked outputs": (notebook(outputs=FAKED), OPEN),
    "another answer": (notebook(SOLVED | {2: "lazy_accuracy = 0.25"}),
                       RIGHT | {"lazy_accuracy": "not yet"}),
    "a helper in a cell of its own": (
        notebook(SOLVED | {1: "y = np.array([0, 0, 0, 1])\nhelper = lambda: 0.5 + 0.25",
                           2: "lazy_accuracy = helper() * (y == 0).mean() / 0.75"}), RIGHT),
    "patched checks": (notebook({2: PATCHED, 5: LESSON[5]}), OPEN),
    "never ends": (notebook(SOLVED | {2: "while True: pass"}),
                   RIGHT | {"lazy_accuracy": "not attempted yet"}),
    "a rule that never ends": (
        notebook(SOLVED | {5: "def decide(*a):\n    while 1: 0\n\n\nchecks.strict_rule(decide)"}),
        RIGHT | {"strict_rule": "not yet"}),
    "an answer of another sort": (notebook(SOLVED | {2: "lazy_accuracy = object()"}),
                                  RIGHT | {"lazy_accuracy": "not covered"}),
    "an answer without an end": (
        notebook(SOLVED | {6: "stops = []\nfor i in range(100_000): stops = [stops]"}), None),
    "a flood": (notebook({2: "while True: checks.lazy_accuracy(1)"}),
                OPEN | {"lazy_accuracy": "not yet"}),
    "half a message": (notebook(SOLVED | {2: "import os; os.write(3, b'\\0\\0'); while_ = 1",
                                          6: "while True: pass"}), None),
    "ends itself": (notebook(SOLVED | {6: "import os; os._exit(0)"}),
                    RIGHT | {"what_stops_what": "not attempted yet"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def lessons(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lessons")
    (folder / "01_small.ipynb").write_bytes(notebook())
    return folder


@pytest.mark.skipif(not SEALED, reason="this machine cannot seal a process")
def test_answers_are_run_locked_in_and_checked_outside(lessons, tmp_path):
    paths = []
    for i, (data, _) in enumerate(NOTEBOOKS.values()):
        paths.append(tmp_path / f"{i}.ipynb")
        paths[-1].write_bytes(data)
    (tmp_path / "bad.ipynb").write_text('{"cells": 3}')
    (tmp_path / ".ratchet-folder").touch()
    (tmp_path / "temporary").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "harness.teaching.judge", str(lessons / "01_small.ipynb")],
        input="".join(f"{path}\n" for path in [*paths, tmp_path / "bad.ipynb"]),
        capture_output=True, text=True, cwd=tmp_path, timeout=300,
        env=os.environ | {"PYTHONPATH": str(module.CODE.parent),
                          "TMPDIR": str(tmp_path / "temporary")},
    )  # fmt: skip
    ready, *lines = done.stdout.splitlines()
    *found, bad = map(json.loads, lines)
    assert ready == "ready"
    wanted = {name: verdicts for name, (_, verdicts) in NOTEBOOKS.items()}
    for name, verdicts in zip(wanted, found, strict=True):
        assert wanted[name] is None or verdicts == wanted[name], name
    assert "is no notebook" in bad[""]
    assert not list((tmp_path / "temporary").iterdir())


# Answers that are right in a notebook: a model goes in there, a Series comes out, an import again.
OTHER = [
    "import numpy as np\nimport pandas as pd\nfrom harness.teaching import checks\n"
    "y = np.array([0, 1, 0, 1] * 5)\nX = pd.DataFrame({'a': range(20)})\n"
    "table = X.assign(b=np.arange(20) % 7, t=y)",
    "def flip(model, X, y):\n    ...\n\n\nchecks.flip_probe(flip, X, y)",
    "alone = ...\nchecks.columns_alone(alone, table, 't')",
    "checks.lazy_accuracy(..., y)",
    "checks.what_stops_what(...)",
]
OTHER_ANSWERS = [
    OTHER[0],
    "from sklearn.metrics import roc_auc_score as auc\n"
    "def flip(model, X, y):\n    t = 1 - y\n"
    "    return auc(t, model.fit(X, t).predict_proba(X)[:, 1])\nchecks.flip_probe(flip, X, y)",
    "def both(c):\n    return max(auc(y, c), 1 - auc(y, c))\n"
    "alone = table.drop(columns='t').apply(both)\n"
    "import harness.teaching.checks as marks\nmarks.columns_alone(alone, table, 't')",
    "from harness.teaching.checks import lazy_accuracy\nlazy_accuracy(0.5, y)",
    "import os\nos.kill(os.getpid(), 9)\nchecks.what_stops_what({})",
]


@pytest.mark.skipif(not SEALED, reason="this machine cannot seal a process")
def test_what_is_right_in_a_notebook_is_right_here(tmp_path):
    for name, cells in {"lesson": OTHER, "answers": OTHER_ANSWERS}.items():
        (tmp_path / f"{name}.ipynb").write_bytes(notebook(enumerate(cells + [""] * 4)))
    (tmp_path / ".ratchet-folder").touch()
    done = subprocess.run(
        [sys.executable, "-m", "harness.teaching.judge", "lesson.ipynb"],
        input="answers.ipynb\nlesson.ipynb\n", capture_output=True, text=True, cwd=tmp_path,
        timeout=300, env=os.environ | {"PYTHONPATH": str(module.CODE.parent)},
    )  # fmt: skip
    found, as_given = map(json.loads, done.stdout.splitlines()[1:])
    assert "not run to its end" in found.pop("")  # and that is said, not taken for idleness
    left = {"what_stops_what": "not attempted yet"}
    assert found == dict.fromkeys(("flip_probe", "columns_alone", "lazy_accuracy"), "right") | left
    assert as_given == dict.fromkeys(found, "not attempted yet")


# Stands in for the judge: what it does with a notebook stands in that notebook's name.
FAKE_JUDGE = """
import json, sys
print("ready", flush=True)
for line in sys.stdin:
    if "kills" in line:
        break
    print(json.dumps({"small": line.rsplit("/")[-1].strip()}), flush=True)
"""


@pytest.mark.parametrize(("script", "told"), [
    (FAKE_JUDGE, ["a.ipynb", "ended the judge", "c.ipynb", "ended the judge", "e.ipynb"]),
    ("raise SystemExit('not executed')", ["ratchet doctor"] * 5),
])  # fmt: skip
def test_a_notebook_that_ends_the_judge_costs_nobody_else(
    lessons, tmp_path, monkeypatch, script, told
):
    monkeypatch.setattr(module, "JUDGE", ("-c", script))
    monkeypatch.setattr(module, "LESSONS", (lessons,))
    names = ["a", "b_kills", "c", "d_kills", "e"]
    for name in names:
        (tmp_path / f"{name}.ipynb").write_bytes(notebook())
    with ExitStack() as stack:
        tools = module._Tools(stack, lambda line: None)
        pending = tools.begin([tmp_path / f"{name}.ipynb" for name in names])
        found = [tools.verdicts(lesson, path) for path, lesson in pending]
    for verdicts, words in zip(found, told, strict=True):
        assert words in next(iter(verdicts.values())), found


# -- runs ----------------------------------------------------------------------------------------


class NoProbes(FakeScorer):
    """What a forger has: a harness whose probes are taken out."""

    def probe(self, source, score):
        return score


def make_run(root, values=(0.81, 0.79, 0.83), scorer=FakeScorer, extra=""):
    with Run.open("lesson04", root=root, scorer=scorer(), start=(START, PROGRAM), rule="strict",
                  agent="playbook") as run:  # fmt: skip
        run.ensure_baseline()
        for i, value in enumerate(values):
            run.step(Proposal(program(value, f"idea {i}", extra)))
    return root / "lesson04"


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def cell(run, row, column, value):
    lines = [line.split("\t") for line in (run / "results.tsv").read_text().splitlines()]
    lines[row + 1][COLUMNS.index(column)] = value
    (run / "results.tsv").write_text("".join("\t".join(line) + "\n" for line in lines))


def objects(run):
    git = GitFiles(run / "workspace" / ".git", "autoresearch/lesson04")
    tip = git.read_ref(git.head_ref)
    tree = git.read_commit(tip).tree
    return git, tip, git.read_tree(tree)["train.py"][1]


def loose(run, sha):
    return run / "workspace" / ".git" / "objects" / sha[:2] / sha[2:]


def promisor(run, pwned):
    (run / "workspace" / ".git" / "config").write_text(
        f'[extensions]\n\tpartialClone = o\n[remote "o"]\n\tpromisor = true\n'
        f'\turl = ext::sh -c "touch% {pwned}"\n[protocol "ext"]\n\tallow = always\n'
    )
    loose(run, objects(run)[2]).unlink()


def programs_of_git(run, pwned):
    config = f"[core]\n\tfsmonitor = touch {pwned}\n\tsshCommand = touch {pwned}\n"
    (run / "workspace" / ".git" / "config").write_text(
        config + f"[alias]\n\tlog = !touch {pwned}\n"
    )
    hook = run / "workspace" / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {pwned}\n")
    hook.chmod(0o755)


def object_bomb(run):
    path = loose(run, objects(run)[2])
    path.chmod(0o644)
    stream = zlib.compressobj(9)
    head = stream.compress(b"blob 1073741824\0")
    path.write_bytes(head + b"".join(stream.compress(bytes(1 << 20)) for _ in range(64)))


def replace_by(run, name, make):
    path = run / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    make(path)


def swapped(run):
    git, tip, _ = objects(run)
    commit = git.read_commit(tip)
    blobs = {name: sha for name, (_, sha) in git.read_tree(commit.tree).items()}
    blobs["train.py"] = git.write("blob", program(0.99, "idea 2").encode())
    fake = git.write_commit(git.write_tree(blobs), commit.parent, commit.message, 3)
    git.set_ref(git.head_ref, fake)
    cell(run, 3, "commit", fake[:12])
    (run / "workspace" / "train.py").write_text(program(0.99, "idea 2"))


def deep_json(run):
    (run / "run.json").write_text("[" * 200_000)


def own_task(run):
    change(run / "run.json", '"task": "heart"', f'"task": "{run}/task"')


def certificate(run):
    told = {"tries": 3, "sentence": "Real: \x1b[2J wonderful", "certified": True, "source": "x = 1",
            "verdict": "real", "val_auc": 1.0}  # fmt: skip
    (run / "certificate.json").write_text(json.dumps(told))
    (run / "audit.json").write_text(json.dumps({"verdict": "<script>alert(1)</script>"}))


def alternates(run):
    path = run / "workspace" / ".git" / "objects" / "info"
    path.mkdir()
    (path / "alternates").write_text("/etc\n")
    loose(run, objects(run)[2]).unlink()


def device(path):
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except PermissionError:
        os.mkfifo(path)


# name: what is done to an honest run, what its row must say
POISONED = {
    "raised score": (lambda r, p: cell(r, 3, "val_auc", "0.93"), "ledger"),
    "raised decision": (lambda r, p: cell(r, 2, "decision", "kept"), "iteration 2"),
    "swapped program": (lambda r, p: swapped(r), "scores 0.99"),
    "emptied ledger": (lambda r, p: (r / "results.tsv").write_text(""), "git knows iterations"),
    "promisor": (promisor, "missing"),
    "programs of git": (programs_of_git, "ok"),
    "object bomb": (lambda r, p: object_bomb(r), "iteration 3"),
    "pipe": (lambda r, p: replace_by(r, "results.tsv", os.mkfifo), "git knows iterations"),
    "link": (lambda r, p: replace_by(r, "run.json", lambda x: x.symlink_to("/etc/passwd")),
             "no run"),
    "device": (lambda r, p: replace_by(r, "results.tsv", device), "git knows iterations"),
    "gitfile": (lambda r, p: replace_by(r, "workspace/.git",
                                        lambda x: x.write_text("gitdir: /etc")),
                "no folder of its own"),
    "linked git": (lambda r, p: replace_by(r, "workspace/.git",
                                           lambda x: x.symlink_to("/etc")), "iteration 0"),
    "alternates": (lambda r, p: alternates(r), "missing"),
    "deep json": (lambda r, p: deep_json(r), "cannot be read"),
    "huge number": (lambda r, p: change(r / "run.json", '"seed": 0', '"seed": ' + "9" * 5000),
                    "read"),
    "odd agent": (lambda r, p: change(r / "run.json", "playbook", "play\\u001b[2Jbook"), "agent"),
    "odd tag": (lambda r, p: change(r / "run.json", '"lesson04"', '"../../x"'), "bad tag"),
    "another rule": (lambda r, p: change(r / "run.json", '"strict"', '"generous"'), "rule"),
    "no such task": (lambda r, p: change(r / "run.json", '"heart"', '"moon"'), "task 'moon'"),
    "task of its own": (lambda r, p: own_task(r), "task"),
    "forged certificate": (lambda r, p: certificate(r), "claims what is not there"),
    "lost log": (lambda r, p: (r / "logs" / "0001.log").unlink(), "its log is missing"),
    "another file": (lambda r, p: (r / "workspace" / "evil.pth").write_text("import os"), "holds"),
}  # fmt: skip


def zipped(files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as box:
        for name, content in files:
            box.writestr(name, content)
    return data.getvalue()


def link_in_zip():
    info = zipfile.ZipInfo("run.json")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped([(info, "/etc/passwd")])


def lying_directory():
    data = bytearray(zipped([("a", "x")]))
    at = data.rfind(b"PK\x05\x06")
    struct.pack_into("<I", data, at + 12, 0x7FFFFFFF)
    return bytes(data)


def quine(depth=6):
    data = zipped([("a", "x")])
    for _ in range(depth):
        data = zipped([("inner.zip", data)])
    return data


ZIPS = {
    "upwards": (zipped([("../../up.txt", "x"), ("run/../../up.txt", "x")]), "leads elsewhere"),
    "absolute": (zipped([("/tmp/absolute-from-a-zip", "x")]), "leads elsewhere"),
    "windows": (zipped([("..\\up.txt", "x"), ("C:up.txt", "x")]), "leads elsewhere"),
    "link in a zip": (link_in_zip(), "a link"),
    "zip bomb": (zipped([("a", bytes(200 << 20))]), "more than 128 MiB"),
    "many files": (zipped([(f"{i}", "") for i in range(20_001)]), "more than 128 MiB or 20000"),
    "zips in zips": (quine(), "zips in zips"),
    "lying directory": (lying_directory(), "no zip"),
    "no zip": (b"PK\x03\x04 nothing", "no zip"),
    "odd name in a zip": (zipped([("a\x1b[2Jb\u202e", "x")]), "cannot be shown"),
    "deep in a zip": (zipped([("/".join(["d"] * 60), "x")]), "too deep"),
}


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("honest"))


@pytest.fixture
def alarm(tmp_path, monkeypatch):
    """A `git` and a `touch` that only write down that somebody started them."""
    heard = tmp_path / "started"
    (tmp_path / "shims").mkdir()
    for name in ("git", "touch"):
        shim = tmp_path / "shims" / name
        shim.write_text(f"#!/bin/sh\necho $0 $* >> {heard}\n")
        shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'shims'}{os.pathsep}{os.environ['PATH']}")
    return heard


@pytest.fixture
def fake(monkeypatch, lessons):
    monkeypatch.setattr(module, "Scorer", lambda task: FakeScorer())
    monkeypatch.setattr(module, "LESSONS", (lessons,))


def snapshot(folder):
    return {str(p): (p.lstat().st_mtime_ns, p.lstat().st_size) for p in folder.rglob("*")}


@pytest.fixture
def a_class(honest, tmp_path, alarm):
    """One entry for each hand-in, and the file that no hand-in may make."""
    folder, pwned = tmp_path / "class", tmp_path / "pwned"
    folder.mkdir()
    for name, (poison, _) in POISONED.items():
        run = shutil.copytree(honest, folder / name / "runs" / "lesson04")
        poison(run, pwned)
    for name, (data, _) in ZIPS.items():
        (folder / f"{name}.zip").write_bytes(data)
    make_run(folder / "cheat", (0.81, 0.97), NoProbes, "CHEAT = 1\n")
    words = '=cmd|"/c calc" \u202egnp\u200b <script>alert(2)</script>'
    with Run.open("words", root=folder / "odd words", scorer=FakeScorer(),
                  start=(START, PROGRAM), rule="strict") as run:  # fmt: skip
        run.ensure_baseline()
        run.step(Proposal(program(0.81, words)))
    (folder / "=cmd()\x1b[2J\u202e").mkdir()
    (folder / "linked").symlink_to(honest)
    os.mkfifo(folder / "a pipe")
    (folder / "text.txt").write_text("I was ill.")
    deep = folder / "deep"
    for _ in range(60):
        deep /= "d"
    deep.mkdir(parents=True)
    network = socket.create_server(("127.0.0.1", 0))
    network.setblocking(False)
    port = network.getsockname()[1]
    cells = SOLVED | {2: BREAK_OUT.format(pwned=str(pwned), port=port)}
    (folder / "breaks out").mkdir()
    (folder / "breaks out" / "lesson.ipynb").write_bytes(notebook(cells))
    (folder / "faked").mkdir()
    (folder / "faked" / "lesson.ipynb").write_bytes(notebook(outputs=FAKED))
    # And those who did their work: a folder, a zip in a zip, two copies as Canvas names files.
    shutil.copytree(honest, folder / "Ada Lovelace_101_assignsubmission_file" / "lesson04")
    files = [(str(p.relative_to(honest.parent)), p.read_bytes())
             for p in honest.rglob("*") if p.is_file()]  # fmt: skip
    files.append(("01_mine.ipynb", notebook(SOLVED)))
    (folder / "hopper.zip").write_bytes(zipped([("work/inner.zip", zipped(files))]))
    (folder / "noether_77_1234_run.zip").write_bytes(zipped(files[:-1]))
    (folder / "noether_LATE_77_1235_lesson.ipynb").write_bytes(notebook(SOLVED))
    yield folder, pwned, network
    network.close()


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Our own folder for temporary things: others may be at work in the usual one."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_poisoned_class_is_a_table(a_class, fake, alarm, temporary, tmp_path, capsys):
    (folder, pwned, network), out = a_class, tmp_path / "out"
    before, outside = snapshot(folder), set(os.listdir(tmp_path))
    assert cli.main(["grade", str(folder), "--to", str(out)]) == 0
    rows = {
        row["name"]: row for row in json.loads((out / "state.json").read_text())["rows"].values()
    }
    assert len(rows) == len(POISONED) + len(ZIPS) + 12 >= 40
    # Nothing was run, nothing was left, nothing was touched.
    assert not pwned.exists()
    assert not alarm.exists(), alarm.read_text()
    assert snapshot(folder) == before
    assert not list(temporary.iterdir())
    with pytest.raises(BlockingIOError):
        network.accept()
    assert set(os.listdir(tmp_path)) == outside | {"out"}
    assert not os.path.exists("/tmp/absolute-from-a-zip")
    # Each says what is wrong with it.
    for name, (_, said) in POISONED.items():
        told = "\n".join([rows[name]["verified"], *rows[name]["problems"], *rows[name]["notes"]])
        assert said in told, (name, told)
        assert rows[name]["verified"] == (said if said in ("ok", "no run") else "problems"), name
    for name, (_, said) in ZIPS.items():
        assert said in "\n".join(rows[name]["notes"]), (name, rows[name]["notes"])
        assert rows[name]["verified"] == "no run"
    assert any("rejected" in line for line in rows["cheat"]["problems"]), (
        "kept, but no probe liked it"
    )
    assert rows["odd words"]["verified"] == "ok"
    for name in ("Ada Lovelace", "hopper", "noether"):
        assert rows[name]["verified"] == "ok", rows[name]
        assert rows[name]["problems"] == []
    # Exercises: by what the answers do, not by what the notebook shows.
    if SEALED:
        for name in ("hopper", "noether", "breaks out"):
            assert rows[name]["exercises"] == RIGHT, name
        assert rows["faked"]["exercises"] == OPEN
    # What is shown obeys nobody.
    told = capsys.readouterr()
    page = (out / "class.html").read_text()
    for text in (told.out, told.err, page, (out / "class.csv").read_text("utf-8-sig")):
        assert visible(text, "", keep="\n\r\t") == text
    assert "<script" not in page
    for name in ("class.csv", "canvas.csv", "moodle.csv"):
        for line in csv.reader((out / name).read_text("utf-8-sig").splitlines()[1:]):
            assert not [cell for cell in line if cell.startswith(("=", "-", "@", "\t"))
                        or (cell.startswith("+") and not cell.startswith("+0."))], line  # fmt: skip


def test_copies_are_named_and_what_has_not_changed_is_not_graded_again(
    honest, fake, tmp_path, capsys
):
    folder, out = tmp_path / "class", tmp_path / "out"
    shutil.copytree(honest, folder / "one" / "lesson04")
    shutil.copytree(honest, folder / "two" / "renamed")
    make_run(folder / "three")  # the same agent and seed, at another time
    make_run(folder / "four", (0.82,))
    rows = {row.name: row for row in module.grade(folder, out)}
    assert rows["one"].copies == ["two (the same run)", "three (the same commits)"]
    assert rows["three"].copies == ["one (the same commits)", "two (the same commits)"]
    assert rows["four"].copies == []
    (folder / "four" / "lesson04" / "logs" / "0001.log").unlink()
    said = []
    rows = {row.name: row for row in module.grade(folder, out, say=said.append)}
    assert sum("as before" in line for line in said) == 3
    assert rows["four"].problems == ["iteration 1: its log is missing"]
    assert rows["one"].copies == ["two (the same run)", "three (the same commits)"]


def test_canvas_and_moodle_get_the_columns_that_they_import(honest, fake, tmp_path):
    folder, out = tmp_path / "class", tmp_path / "out"
    shutil.copytree(honest, folder / "Ada Lovelace_101_assignsubmission_file" / "lesson04")
    (folder / "noether_77_1235_lesson.ipynb").write_bytes(notebook(SOLVED))
    module.write(module.grade(folder, out), out)
    canvas, moodle = (list(csv.DictReader((out / name).read_text("utf-8-sig").splitlines()))
                      for name in ("canvas.csv", "moodle.csv"))  # fmt: skip
    assert list(canvas[0])[:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert canvas[0]["Student"].strip() == "Points Possible"
    assert [(row["Student"], row["ID"]) for row in canvas[1:]] == [("Ada Lovelace", "101"),
                                                                  ("noether", "77")]  # fmt: skip
    assert [row["AutoResearch run verified"] for row in canvas] == ["1", "1", "0"]
    assert moodle[0]["Identifier"] == "Participant 101"
    if SEALED:
        assert canvas[0]["AutoResearch exercises"] == canvas[2]["AutoResearch exercises"] == "3"


def test_a_folder_without_hand_ins_is_a_line(tmp_path, capsys):
    assert cli.main(["grade", str(tmp_path / "nothing"), "--to", str(tmp_path / "out")]) == 1
    assert "holds no hand-ins" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with pytest.raises(RunError):
        module.grade(tmp_path, tmp_path / "out")


def test_a_hand_in_is_bounded_whatever_it_holds(tmp_path, monkeypatch):
    monkeypatch.setattr(handins, "MAX_BYTES", 1000)
    (tmp_path / "in").mkdir()
    with open(tmp_path / "in" / "hole", "wb") as file:
        file.truncate(1 << 40)
    intake = handins.Intake(tmp_path / "out")
    intake.take([tmp_path / "in"])
    assert "not read further" in intake.notes[-1]
    assert not (tmp_path / "out").exists()


# -- found by reading ----------------------------------------------------------------------------


def test_odd_guesses_names_and_figures_do_not_end_the_table(honest, fake, tmp_path, capsys):
    folder, name = tmp_path / "class", "+0.1+cmd|'c calc'!A1"
    run = shutil.copytree(honest, folder / name / name)
    for row in (1, 2):  # each can be read, their sum cannot be written
        cell(run, row, "tokens", "9" * 4300)
    (folder / "guesses").mkdir()
    (folder / "guesses" / "guesses.json").write_text('{"a": 1, "b": ["right"]}')
    for odd in (b"\xff", b"two\nlines"):  # the judge is told one path a line
        lesson = os.fsdecode(os.fsencode(folder / "names") + b"/" + odd)
        os.makedirs(lesson)
        with open(f"{lesson}/lesson.ipynb", "wb") as file:
            file.write(notebook())
    rows = {row.name: row for row in module.grade(folder, tmp_path / "to")}
    assert rows.keys() == {"guesses", name, "names"}
    assert "a cost that is none" in rows[name].why
    assert not rows["names"].notes
    for path in module.write(list(rows.values()), tmp_path / "to")[:3]:
        with open(path, encoding="utf-8-sig") as file:
            cells = [cell for line in csv.reader(file) for cell in line]
        assert not [c for c in cells if c[:1] in "=+-@" and c[1:2] and "cmd" in c]


def test_what_everybody_has_is_neither_read_nor_counted(fake, tmp_path, monkeypatch):
    monkeypatch.setattr(handins, "MAX_FILES", 3)
    for place in (".venv/lib", "notebooks/solutions", "notebooks"):
        (tmp_path / "class" / "ada" / place).mkdir(parents=True, exist_ok=True)
    for i in range(9):
        (tmp_path / "class" / "ada" / ".venv" / "lib" / f"{i}.py").touch()
    for place, answers in {"solutions/": SOLVED, "": ()}.items():
        path = tmp_path / "class" / "ada" / "notebooks" / f"{place}lesson.ipynb"
        path.write_bytes(notebook(answers))
    taken = handins.Intake(tmp_path / "taken")
    taken.take([tmp_path / "class" / "ada"])
    assert not taken.notes
    found = handins.walk(tmp_path / "taken", "", ".ipynb")
    assert [path.parent.name for path in found] == ["notebooks"]


def test_a_zip_cannot_hide_how_many_files_it_lists(tmp_path):
    entry = b"PK\x01\x02" + bytes(42)
    count = 4 * handins.MAX_FILES + 1
    size = struct.pack("<I", len(entry) * count)
    (tmp_path / "a.zip").write_bytes(
        entry * count + b"PK\5\6" + b"PK\5\6" + bytes(4) + size + bytes(6)
    )
    taken = handins.Intake(tmp_path / "taken")
    taken.take([tmp_path / "a.zip"])
    assert "too many files" in taken.notes[0]


def test_a_gain_over_a_start_of_ones_own_is_not_ranked(honest, fake, tmp_path, monkeypatch):
    certificate(shutil.copytree(honest, tmp_path / "class" / "ada"))
    part = SimpleNamespace(gain=0.1)
    real = SimpleNamespace(certified=True, sentence="Real", pruned=part)
    monkeypatch.setattr(module, "make_certificate", lambda *a, **k: real)
    (row,) = module.grade(tmp_path / "class", tmp_path / "to")
    assert "another program" in row.why
    assert row.certified == 0
    task = SimpleNamespace(folder=None, ref="heart", start=lambda: (START,))
    monkeypatch.setattr(module, "find_task", lambda path: task)
    (row,) = module.grade(tmp_path / "class", tmp_path / "again")
    assert row.certified == 0.1


def test_a_hand_in_cannot_take_all_the_time_or_the_whole_picture():
    scorer = module._Remembering(FakeScorer())
    scorer.until = 0
    with pytest.raises(RunError, match="are over"):
        scorer.score(program(0.9, "x"))
    ada = module.Row("ada", verified=module.VERIFIED, steps=[(0, 0.8), (1, 0.9)], rows=2)
    bob = module.Row("bob", verified=module.PROBLEMS, steps=[(0, 1e300)], rows=1)
    assert module.steps(ada, [ada, bob]) == module.steps(ada, [ada])
