"""What every test session gets: one thread per process, a home of its own, warm workers or a skip.

Tests are light or `heavy`: heavy is what starts a sealed worker, a Jupyter kernel or a browser.
`make check` runs the light ones. Nobody has to remember which is which: what uses `warm` or
`chromium` is marked here, and a test without the mark that starts one of the three fails
(`guard/sitecustomize.py`).
"""

import os
import runpy
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# Under `nohup`, or behind a shell's `&`, some signals are ignored, and children inherit that: tests
# that send them would wait for ever.
for _name in ("SIGHUP", "SIGQUIT", "SIGINT"):
    _signal = getattr(signal, _name, None)
    if _signal and signal.getsignal(_signal) == signal.SIG_IGN:
        signal.signal(_signal, signal.SIG_DFL)

HERE = Path(__file__).resolve().parent
HEAVY_FIXTURES = {"warm_box", "chromium", "site"}
# Whole files go to one worker, so that what they share is built once; these go one by one.
ONE_BY_ONE = tuple(
    f"tests/notebooks/test_lessons.py::{name}" for name in ("TestOneRun", "test_lesson_runs")
)
# The longest start first, so that the workers end together.
LONGEST = (
    "tests/museum/",
    *ONE_BY_ONE,
    "tests/run/test_cluster.py",
    "tests/agents/test_command_agent.py",
    "tests/run/test_kill.py",
    "tests/agents/",
    "tests/scoring/",
    "tests/teaching/",
    "tests/run/",
    "tests/commands/",
    "tests/newtask/",
    "tests/evidence/",
    "tests/sealing/",
)

# Before numpy is imported: a test machine has two cores and several workers, and figures that
# tests compare must not depend on how many threads a sum was split over.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["MPLBACKEND"] = "Agg"
# Test modules and the package are compiled once, not by every process anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# A kernel that a notebook starts must be this environment's, whatever else the user has.
os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"


settings.register_profile("steady", deadline=None)  # a busy machine is no failure
settings.load_profile("steady")


def pytest_configure(config):
    """Give the session an empty home, so that no test reads or writes the user's settings."""
    home = Path(tempfile.mkdtemp(prefix="autoresearch-home-"))
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    os.environ.update(
        HOME=str(home),
        USERPROFILE=str(home),
        XDG_CONFIG_HOME=str(home / ".config"),
        XDG_CACHE_HOME=str(home / ".cache"),
        XDG_DATA_HOME=str(home / ".local" / "share"),
        IPYTHONDIR=str(home / ".ipython"),
        JUPYTER_CONFIG_DIR=str(home / ".jupyter"),
        JUPYTER_DATA_DIR=str(home / ".local" / "share" / "jupyter"),
        JUPYTER_RUNTIME_DIR=str(home / ".jupyter-runtime"),
        MPLCONFIGDIR=str(home / ".matplotlib"),
        # Tests must pass where git knows no user and no system-wide settings.
        GIT_CONFIG_NOSYSTEM="1",
    )
    config.stash[NOTE] = home / "refused"
    guard = str(HERE / "guard")
    if guard not in sys.path:  # a worker of xdist was born with it
        runpy.run_path(f"{guard}/sitecustomize.py")
        path = [guard, *filter(None, [os.environ.get("PYTHONPATH")])]
        os.environ["PYTHONPATH"] = os.pathsep.join(path)


# -- light and heavy ------------------------------------------------------------------------

NOTE = pytest.StashKey[Path]()


def pytest_itemcollected(item):
    if HEAVY_FIXTURES.intersection(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.heavy)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Tell the guard whether the test may start what is heavy; its fixtures come after this."""
    note = item.config.stash[NOTE]
    note.unlink(missing_ok=True)
    if item.get_closest_marker("heavy") is None:
        os.environ["LIGHT_TEST"] = str(note)
    try:
        return (yield)
    finally:
        os.environ.pop("LIGHT_TEST", None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    yield
    note = item.config.stash[NOTE]
    if note.exists():
        pytest.fail(note.read_text(encoding="utf-8"), pytrace=False)


# -- who runs what --------------------------------------------------------------------------


def _place(nodeid: str) -> int:
    return next((n for n, start in enumerate(LONGEST) if nodeid.startswith(start)), len(LONGEST))


def pytest_collection_modifyitems(config, items):
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _place(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from xdist.scheduler import LoadScopeScheduling

    class Scheduler(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file, name = nodeid.split("::")[:2]  # a test, or the class that it belongs to
            return f"{file}::{name}" if nodeid.startswith(ONE_BY_ONE) else file

    config.option.loadscopereorder = False
    return Scheduler(config, log)


# -- what tests share -----------------------------------------------------------------------


@pytest.fixture(scope="session")
def repo() -> Path:
    """Path of the repository's root."""
    return HERE.parent


class Lent:
    """The session's sandbox, lent to one more scorer: closing it ends nothing."""

    def __init__(self, box):
        self._box = box

    def __getattr__(self, name):
        return getattr(self._box, name)

    def close(self):
        pass


@pytest.fixture(scope="session")
def warm_box():
    """A sandbox whose workers have imported everything, for all tests of this process.

    A worker serves one job and knows nothing of tasks, so scorers can share them.
    """
    from harness.sealing import Sandbox

    box = Sandbox()
    yield box
    box.close()


@pytest.fixture(scope="session")
def lend(warm_box):
    """Let every `Scorer` that is made within ``with lend():`` use the session's warm workers."""
    from contextlib import contextmanager

    from harness.sealing import Sandbox

    def lent(workers=None, *, landlock=True, seccomp=True, method=None, hidden=()):
        if landlock and seccomp and method is None:
            return Lent(warm_box)
        return Sandbox(workers, landlock=landlock, seccomp=seccomp, method=method, hidden=hidden)

    @contextmanager
    def lending():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("harness.scoring.scorer.Sandbox", lent)
            yield

    return lending


@pytest.fixture
def warm(lend):
    """Every `Scorer` that this test makes uses workers that are warm already."""
    with lend():
        yield


@pytest.fixture(scope="session")
def heart(lend):
    """The scorer of the HEART task."""
    from harness.scoring.scorer import Scorer

    with lend():
        scorer = Scorer()
    return scorer


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium-like browser, or a skip that says how to get one."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    for name in (os.environ.get("CHROMIUM", ""), *names):
        path = name and shutil.which(name)
        if path:
            return path
    pytest.skip("no Chromium found: `apt-get install chromium`, or set CHROMIUM to its path")
