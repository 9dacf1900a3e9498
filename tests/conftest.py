"""What every test session gets: one thread per process, a home of its own, a browser or a skip."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

# Before numpy is imported: a test machine has two cores and several workers, and figures that
# tests compare must not depend on how many threads a sum was split over.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ["MPLBACKEND"] = "Agg"
# A kernel that a notebook starts must be this environment's, whatever else the user has.
os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"


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


@pytest.fixture(scope="session")
def repo() -> Path:
    """Path of the repository's root."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium-like browser, or a skip that says how to get one."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    for name in (os.environ.get("CHROMIUM", ""), *names):
        path = name and shutil.which(name)
        if path:
            return path
    pytest.skip("no Chromium found: `apt-get install chromium`, or set CHROMIUM to its path")
