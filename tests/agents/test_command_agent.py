"""Outside programs as agents: each preset's real arguments against a stand-in of every temper."""

import json
import os
import re
import stat
import sys
import threading
import time
import zlib
from pathlib import Path

import pytest

from harness.agents import Past, View, get_agent
from harness.agents.errors import (
    AgentError,
    AgentMissing,
    AgentTimeout,
    AuthError,
    InvalidFile,
    NoChange,
    RateLimited,
)
from harness.cli import main

STANDIN = Path(__file__).parents[1] / "cli_standin.py"
CLIS = ("claude", "codex", "gemini", "aider", "opencode")
MISSING = [["claude"], ["codex"], ["gemini"], ["aider", "--model", "m"], ["opencode"]]
MISSING += [["chat", "--model", "gpt-5"], ["command", "--agent-command", "no-such-program"]]
CANARY = "canary-5f0c9e1d77aa41d2"
SOURCE = (Path(__file__).parents[2] / "train.py").read_text()

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script with a #! line")


@pytest.fixture
def view(tmp_path):
    """The view of a run that has just begun."""
    baseline = Past(0, 0.895971, 0.03, "ok", "baseline", 0.0, "baseline", SOURCE)
    state = tmp_path / "state"
    return View("# Be bold.\n", SOURCE, 0.895971, 0, [baseline], None, 1, 0, None, state)


@pytest.fixture
def standin(tmp_path, monkeypatch):
    """Install the stand-in under a name and tell it what to do; gives back how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, f"{CANARY}-{name[:4]}")
    monkeypatch.setenv("UNRELATED_TOKEN", f"{CANARY}-none")

    def install(name, behaviour):
        program = folder / name
        program.write_text(f"#!{sys.executable} -IS\n{STANDIN.read_text()}")
        program.chmod(0o755)
        (folder / "behaviour.txt").write_text(behaviour)
        return program

    install.started = (folder / "seen.json").exists
    install.seen = lambda: json.loads((folder / "seen.json").read_text())
    return install


def agent(name, **options):
    return get_agent(name, **{"model": "openai/test", "timeout": 20, "grace": 0.2, **options})


def time_out(name, view, standin, error=AgentTimeout):
    """Let the deadline end a call; give back the error.

    On a busy machine the program may not even have started by then: it gets more time.
    """
    for timeout in (0.6, 3, 15):
        with pytest.raises(AgentError) as caught:
            agent(name, timeout=timeout).propose(view)
        if isinstance(caught.value, error) and standin.started():
            return caught.value
    raise AssertionError(f"{name} ended in {caught.value!r}")


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def assert_nothing_left(view):
    """No scratch folder is left in the temporary folder by this process's calls."""
    lines = (view.state_dir / "calls.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["iteration"] == view.iteration


@pytest.mark.parametrize("name", CLIS)
class TestEachPreset:
    def test_behaves_well(self, name, view, standin):
        standin(name, "good")
        proposal = agent(name).propose(view)
        assert "C=0.5" in proposal.source
        assert proposal.outcome == "ok"
        assert proposal.note == ""
        assert proposal.tokens == 1500
        if name in ("claude", "aider", "opencode"):
            assert (proposal.cost_usd, proposal.cost_source) == (0.0123, "reported")
        else:
            assert (proposal.cost_usd, proposal.cost_source) == (None, "unknown")
        seen = standin.seen()
        assert "# Be bold." in seen["prompt"]
        assert not seen["tty"]
        assert seen["leads_session"]
        assert seen["files"] == [".git", "history.md", "program.md", "train.py"]
        assert not Path(seen["cwd"]).exists()
        assert seen["env"]["TMPDIR"].startswith(str(Path(seen["cwd"]).parent))
        assert seen["env"]["HOME"] == os.environ["HOME"]
        assert "UNRELATED_TOKEN" not in seen["env"]
        assert_nothing_left(view)

    def test_changes_other_files(self, name, view, standin):
        standin(name, "others")
        proposal = agent(name).propose(view)
        assert "C=0.5" in proposal.source
        for what in ("changed program.md", "new notes.txt", "deleted history.md", "post-checkout"):
            assert what in proposal.note

    def test_changes_nothing(self, name, view, standin):
        standin(name, "nothing")
        with pytest.raises(NoChange) as caught:
            agent(name).propose(view)
        assert caught.value.tokens == 1500

    def test_writes_rubbish(self, name, view, standin):
        standin(name, "rubbish")
        with pytest.raises(InvalidFile, match="not UTF-8"):
            agent(name).propose(view)

    def test_hangs(self, name, view, standin):
        standin(name, "hang")
        error = time_out(name, view, standin)  # although the file is good by then
        assert (error.tokens, error.cost_source) == (None, "unknown")
        assert not alive(standin.seen()["pid"])

    def test_ignores_sigterm(self, name, view, standin):
        standin(name, "stubborn")
        time_out(name, view, standin)
        assert not alive(standin.seen()["pid"])

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="orphans are adopted on Linux")
    def test_leaves_children(self, name, view, standin):
        standin(name, "children")
        proposal = agent(name).propose(view)
        assert "that were ended: 3" in proposal.note
        assert not [pid for pid in standin.seen()["children"] if alive(pid)]

    def test_exits_with_an_error(self, name, view, standin):
        standin(name, "exit3")
        with pytest.raises(AgentError, match="something broke") as caught:
            agent(name).propose(view)
        assert caught.value.outcome == "agent error"
        assert not caught.value.fatal

    def test_says_429(self, name, view, standin):
        standin(name, "429")
        with pytest.raises(RateLimited) as caught:
            agent(name).propose(view)
        assert caught.value.retry_after == 7
        assert not caught.value.uses_iteration
        assert caught.value.cost_source == "none"  # refused: the next row's cost stays known

    def test_says_401(self, name, view, standin):
        standin(name, "401")
        with pytest.raises(AuthError) as caught:
            agent(name).propose(view)
        assert caught.value.fatal

    def test_keys_stay_out_of_all_that_is_kept(self, name, view, standin, tmp_path):
        standin(name, "leak")
        proposal = agent(name).propose(view)
        env = standin.seen()["env"]
        assert CANARY in json.dumps(env)  # it had its own key, or this test shows nothing
        (tmp_path / "bin" / "seen.json").unlink()
        written = [p for p in tmp_path.rglob("*") if p.is_file()]
        assert any(p.name == "0001.log" for p in written)
        assert not [p.name for p in written if CANARY.encode() in p.read_bytes()]
        assert CANARY not in repr(proposal)


@pytest.mark.parametrize("name", ["aider", "opencode"])
def test_a_429_that_ends_in_a_timeout_is_a_429(name, view, standin):
    standin(name, "slow429")
    time_out(name, view, standin, RateLimited)


def test_a_key_in_the_source_is_refused(view, standin):
    standin("claude", "leak-in-source")
    with pytest.raises(InvalidFile, match="value of ANTHROPIC_API_KEY") as caught:
        agent("claude").propose(view)
    assert CANARY not in str(caught.value)


def test_price_table_beats_what_is_reported(view, standin):
    standin("claude", "good")
    prices = {"openai/*": {"input": 1.0, "output": 10.0, "cached_input": 0.1}}
    proposal = agent("claude", prices=prices).propose(view)
    assert proposal.cost_source == "computed"
    assert proposal.cost_usd == pytest.approx((300 + 1000 * 0.1 + 200 * 10) / 1e6)


def test_another_server_makes_the_reported_price_unknown(view, standin):
    standin("claude", "good")
    proposal = agent("claude", base_url="http://127.0.0.1:9").propose(view)
    assert (proposal.tokens, proposal.cost_source) == (1500, "unknown")
    assert standin.seen()["env"]["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:9"


def test_codex_gets_another_server_by_its_settings(view, standin):
    standin("codex", "good")
    agent("codex", base_url="http://127.0.0.1:9/v1", key_env="MY_KEY").propose(view)
    given = " ".join(standin.seen()["argv"])
    assert 'base_url="http://127.0.0.1:9/v1",env_key="MY_KEY",wire_api="responses"' in given


# -- any program --------------------------------------------------------------------------------


def command(code, **options):
    """A `command` agent that runs a line of Python."""
    argv = [sys.executable, "-IS", "-c", "import os, sys\n" + code]
    return get_agent("command", **{"command": argv, "timeout": 20, "grace": 0.2, **options})


EDIT = "s = open('train.py').read(); open('train.py','w').write(s.replace('C=1.0', 'C=2.0'))\n"


def test_placeholders_and_no_shell(view, tmp_path):
    code = EDIT + f"open({str(tmp_path / 'argv')!r}, 'w').write('\\n'.join(sys.argv[1:]))"
    words = ["{workspace}", "{prompt_file}", "{model}", "{state_dir}", "a;b $HOME {other}", "*"]
    argv = [sys.executable, "-c", "import sys\n" + code, *words]
    get_agent("command", command=argv, model="m 1").propose(view)
    workspace, prompt_file, *rest = (tmp_path / "argv").read_text().split("\n")
    assert rest == ["m 1", str(view.state_dir), "a;b $HOME {other}", "*"]
    assert Path(prompt_file).parent == Path(workspace).parent
    assert get_agent("command", command="prog 'a b' c").argv == ("prog", "a b", "c")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("os.remove('train.py')", "gone"),
        ("os.remove('train.py'); os.symlink('program.md', 'train.py')", "cannot be read"),
        ("os.remove('train.py'); os.symlink('/dev/zero', 'train.py')", "cannot be read"),
        ("os.remove('train.py'); os.mkfifo('train.py')", "not a regular file"),
        ("os.remove('train.py'); os.mkdir('train.py')", "not a regular file"),
        ("os.link('train.py', 'other.py')", "hard link"),
        ("open('train.py', 'w').write('#' * 262145)", "larger than 256 KiB"),
        ("open('train.py', 'wb').write(b'HYPOTHESIS = \\xe9')", "not UTF-8"),
        ("open('train.py', 'w').write('')", "empty"),
        ("open('train.py', 'w').write('a\\0b')", "NUL"),
    ],
)
def test_only_a_regular_file_is_taken(view, code, message):
    with pytest.raises(InvalidFile, match=message):
        command(code).propose(view)


def test_folder_swapped_for_another_does_not_fool_it(view, tmp_path):
    secret = tmp_path / "elsewhere"
    secret.mkdir()
    (secret / "train.py").write_text("SECRET = 1\n")
    code = f"w = os.getcwd(); os.rename(w, w + '-moved'); os.symlink({str(secret)!r}, w)"
    with pytest.raises(NoChange):
        command(code).propose(view)
    assert (secret / "train.py").exists()


def test_windows_newlines_and_byte_order_mark_are_normal(view):
    code = "s = open('train.py').read().replace('C=1.0', 'C=3.0').replace('\\n', '\\r\\n')\n"
    code += "open('train.py', 'wb').write(b'\\xef\\xbb\\xbf' + s.encode())"
    proposal = command(code).propose(view)
    assert proposal.outcome == "ok"
    assert "\r" not in proposal.source


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def feature_fn(X:\\n", "SyntaxError"),
        ("x = 1\\n", "does not define HYPOTHESIS, feature_fn, build_pipeline"),
        ("(" * 5000, "cannot be compiled|SyntaxError"),
    ],
)
def test_broken_code_is_handed_on_as_such(view, source, why):
    proposal = command(f"open('train.py', 'w').write('{source}')").propose(view)
    assert proposal.outcome == "invalid code"
    assert re.search(why, proposal.note)


def test_output_is_bounded(view):
    code = EDIT + "for _ in range(300): sys.stdout.write('x' * 100_000)"
    assert command(code).propose(view).outcome == "ok"
    log = view.state_dir / "0001.log"
    assert log.stat().st_size < 100_000


def test_locked_folders_are_deleted(view, tmp_path):
    code = EDIT + f"open({str(tmp_path / 'cwd')!r}, 'w').write(os.getcwd())\n"
    code += "os.mkdir('a'); open('a/b', 'w').close(); os.chmod('a', 0)"
    command(code).propose(view)
    assert not Path((tmp_path / "cwd").read_text()).parent.exists()


def test_folders_within_folders_are_no_end_of_it(view, tmp_path):
    """Deeper than Python recurses, and than a path may be long."""
    code = EDIT + f"open({str(tmp_path / 'cwd')!r}, 'w').write(os.getcwd())\n"
    code += "for _ in range(3000): os.mkdir('d'); os.chdir('d')"
    assert re.search(r"and \d{4} more", command(code).propose(view).note)
    assert not Path((tmp_path / "cwd").read_text()).parent.exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="found by /proc")
def test_killing_its_supervisor_does_not_free_it(view, tmp_path):
    code = f"import signal, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
    code += "os.kill(os.getppid(), signal.SIGKILL); time.sleep(60)"
    with pytest.raises(AgentError, match="ended before"):
        command(code).propose(view)
    assert not alive(int((tmp_path / "pid").read_text()))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="PR_SET_PDEATHSIG is Linux's")
def test_nothing_survives_a_killed_harness(tmp_path):
    import signal
    import subprocess

    pid = tmp_path / "pid"
    child = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    harness = (
        "import sys; from pathlib import Path; from harness.processes import Runner\n"
        f"Runner().run([sys.executable, '-c', {child!r}], cwd=Path('.'), env={{}}, stdin='', "
        "timeout=60, grace=0.2)"
    )
    # What a killed process leaves in its temporary folder goes with the test's.
    env = os.environ | {"TMPDIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", harness], env=env)
    deadline = time.monotonic() + 60
    while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    while alive(int(pid.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(int(pid.read_text()))


def test_close_ends_a_running_program(view, tmp_path):
    busy = command(f"import time; open({str(tmp_path / 'up')!r}, 'w').close(); time.sleep(60)")

    def close_when_up():
        while not (tmp_path / "up").exists():
            time.sleep(0.02)
        busy.close()

    closer = threading.Thread(target=close_when_up, daemon=True)
    closer.start()
    with pytest.raises(AgentError, match="ended before it had finished"):
        busy.propose(view)
    closer.join()


def test_missing_program_says_how_to_get_it(view, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AgentMissing, match="npm install -g @openai/codex") as caught:
        agent("codex").propose(view)
    assert caught.value.fatal
    with pytest.raises(AgentMissing, match="cannot start"):
        get_agent("command", command=["./no-such-program-here"]).propose(view)
    for command in ("{workspace}/mine", "./mine"):  # where that is, the call decides
        assert get_agent("command", command=command).ready() == command


@pytest.mark.parametrize("words", MISSING, ids=" ".join)
def test_what_cannot_be_asked_leaves_no_run_behind(words, monkeypatch, tmp_path, capsys):
    """The tag stays free for another agent, and nothing was scored."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in (*(f"AUTORESEARCH_{name.upper()}" for name in CLIS), "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    runs = tmp_path / "runs"
    assert main(["run", "--tag", "t", "--runs", str(runs), "--agent", *words]) == 64
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), runs.exists()) == ("", 1, False)
    assert re.search("is not installed: (npm|pip|install)|set the environment variable", err)


def test_a_timeout_repeats_what_the_program_said(view, standin):
    """Codex without a network waits for it and says so; the deadline alone explains nothing."""
    standin("codex", "offline")
    assert "waiting for network" in str(time_out("codex", view, standin))


def test_program_can_be_named_by_a_variable(view, standin, monkeypatch):
    program = standin("claude", "good")
    moved = program.with_name("claude")
    monkeypatch.setenv("AUTORESEARCH_CLAUDE", str(moved))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert "C=0.5" in agent("claude").propose(view).source


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("command", {}, "needs a command"),
        ("command", {"command": "x {model}"}, "give a model"),
        ("command", {"command": "x", "timeout": 0}, "timeout"),
        ("command", {"command": "x --key sk-0123456789abcdef0123"}, "has a key in it"),
        ("claude", {"command": "x"}, "has its own command"),
        ("aider", {}, "needs a model"),
        ("claude", {"nonsense": 1}, "nonsense"),
        ("claude", {"prices": {"m": {"input": -1, "output": 1}}}, "price table"),
    ],
)
def test_wrong_options_are_told(name, options, message):
    with pytest.raises(ValueError, match=message):
        get_agent(name, **options)


def test_the_workspace_of_the_run_is_not_where_it_works(view, tmp_path):
    from dataclasses import replace

    run = tmp_path / "workspace"
    run.mkdir()
    (run / "train.py").write_text(SOURCE)
    before = os.stat(run / "train.py")
    command(EDIT).propose(replace(view, workspace=run))
    assert (run / "train.py").read_text() == SOURCE
    assert stat.S_IMODE(os.stat(run / "train.py").st_mode) == stat.S_IMODE(before.st_mode)
    assert os.listdir(run) == ["train.py"]


# -- in a run -------------------------------------------------------------------------------------


class Scorer:
    """Scores without running anything: these tests are about agents."""

    class Score:
        status, ok, val_sd, test_auc, wall_time_s = "ok", True, 0.02, 0.8, 0.1
        fold_scores, log, isolation, probes = (0.9,) * 5, "", "none", ()

        def __init__(self, source):
            self.val_auc = 0.9 + source.count("C=2.0") / 1000

    def score(self, source, **_):
        return self.Score(source)

    def score_many(self, sources):
        return [self.Score(source) for source in sources]

    def probe(self, source, score):
        return score

    def close(self):
        pass


def run_with(agent, root, **limits):
    from harness.run import loop
    from harness.run.ratchet import Run

    said, slept = [], []
    with Run.open("r", root=root, agent=agent.name, rule="strict", seed=0, scorer=Scorer()) as run:
        outcome = loop.run(run, agent, say=said.append, sleep=slept.append, **limits)
        return outcome, run.ledger.rows, said, slept


def test_no_key_in_anything_that_a_run_writes(tmp_path, monkeypatch):
    """The program gets a key and puts it wherever it can; a search of the whole run finds none."""
    monkeypatch.setenv("MY_API_KEY", CANARY)
    code = """
key, n = os.environ["MY_API_KEY"], len(open("history.md").read().split("| iter"))
print(key); print(key, file=sys.stderr); open("notes.txt", "w").write(key)
source = open("train.py").read()
if n == 2: source = source.replace("C=1.0", "C=2.0")
if n == 3: open("train.py", "w").write(source + f"# {key}\\n"); sys.exit(0)
if n == 4: sys.exit(f"broke with {key}")
if n == 5: source = "def " + source
open("train.py", "w").write(source)
"""
    agent = command(code, env="MY_API_KEY")
    outcome, rows, said, _ = run_with(agent, tmp_path, iterations=4)
    assert not outcome.failed
    for row, word in zip(
        rows[1:], ("ok", "value of MY_API_KEY", "[MY_API_KEY]", "SyntaxError"), strict=True
    ):
        assert word in row.status
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    logs = [path.read_bytes() for path in written if path.parent.name == "agent"]
    assert any(b"[MY_API_KEY]" in log for log in logs)  # or this test shows nothing
    for path in written:
        data = path.read_bytes()
        if "objects" in path.parts:
            data = zlib.decompress(data)
        assert CANARY.encode() not in data, path
    assert CANARY not in repr(rows) + repr(said)


def test_a_rate_limit_waits_and_uses_no_iteration(tmp_path):
    flag = tmp_path / "flag"
    code = f"flag = {str(flag)!r}\nif not os.path.exists(flag):\n"
    code += "    open(flag, 'w').close(); sys.exit('429 too many requests, retry after 9')\n" + EDIT
    outcome, rows, said, slept = run_with(command(code), tmp_path / "runs", iterations=1)
    assert slept == [9]
    assert [row.decision for row in rows] == ["baseline", "kept"]
    assert rows[1].cost_usd is None  # a command says nothing about its cost
    assert "rate limited" in said[0]


def test_a_wrong_key_ends_the_run_at_once(tmp_path):
    outcome, rows, *_ = run_with(command("sys.exit('401 Unauthorized')"), tmp_path, iterations=5)
    assert outcome.failed
    assert len(rows) == 1
