"""Set up .venv with the pinned packages: `python3 tools/bootstrap.py run` (or `dev`).

Runs on a bare Python 3.11 or newer, needs nothing installed, and does nothing when all is in place.
"""

import argparse
import contextlib
import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")

OLDEST, NEWEST = (3, 11), (3, 14)  # the pins have wheels for these on every platform
REQUIREMENTS = {"run": "requirements.txt", "dev": "requirements/dev.txt"}

# LightGBM's wheel leaves the OpenMP library to the system; xgboost's does so on macOS.
IMPORTS = "import lightgbm, matplotlib, numpy, pandas, scipy, sklearn; from flaml import AutoML"


@contextlib.contextmanager
def alone():
    """Wait for another setup of this checkout: two agents may start on a fresh clone at once.

    The lock is on this file and dies with its owner.
    """
    with open(__file__, "rb") as file:
        try:
            import fcntl
        except ImportError:  # Windows: a byte far behind the end
            import msvcrt

            def lock():
                file.seek(1 << 30)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:

            def lock():
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

        told = False
        while True:
            try:
                lock()
                break
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                    break  # a file system without locks: as before
                if not told:
                    say("waiting for another setup of this folder")
                told = True
                time.sleep(0.5)
        yield


class SetupError(Exception):
    """Setting up failed; the message is one line that says what to do."""


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


def check_python() -> None:
    version = sys.version_info[:2]
    if version < OLDEST:
        raise SetupError(
            f"this is Python {version[0]}.{version[1]}, the course needs 3.11 or newer: "
            "install one and run again, for example with `make run PYTHON=python3.12`"
        )
    if version > NEWEST:
        say(
            f"Python {version[0]}.{version[1]} is newer than the pinned packages know; "
            f"if the install fails, use 3.{NEWEST[1]}: `make run PYTHON=python3.{NEWEST[1]}`"
        )


def stamp(kind: str) -> Path:
    return VENV / f".installed-{kind}"


def read_stamp(kind: str) -> list[str]:
    """Read what was installed: a fingerprint and the folder it was installed for, or nothing."""
    try:
        return stamp(kind).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []


def fingerprint(kind: str) -> str:
    """Hash what decides the content of .venv: the pins and the package's own metadata."""
    parts = [(ROOT / name).read_bytes() for name in (REQUIREMENTS[kind], "pyproject.toml")]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def in_place(kind: str) -> bool:
    return read_stamp(kind) == [fingerprint(kind), str(ROOT)] and venv_works()


def venv_moved() -> bool:
    """Tell whether the checkout was moved: the commands in .venv still name the old place."""
    return any(read_stamp(kind)[1:] not in ([], [str(ROOT)]) for kind in REQUIREMENTS)


def venv_works() -> bool:
    """Tell whether .venv has a Python of a version we know, with pip (an old one can be gone)."""
    check = (
        "import importlib.util, sys; "
        f"sys.exit(sys.version_info < {OLDEST} or importlib.util.find_spec('pip') is None)"
    )
    try:
        return subprocess.run([PYTHON, "-c", check], capture_output=True).returncode == 0
    except OSError:
        return False


def create_venv() -> None:
    """Create .venv; where Debian left out ensurepip, try the two other ways that need no download.

    Raises
    ------
    SetupError
        If no way works.
    """
    say(f"creating .venv with Python {sys.version.split()[0]} ({sys.executable})")
    ways = (
        [[sys.executable, "-m", "venv", "--clear", VENV]],
        [[sys.executable, "-m", "virtualenv", "--quiet", "--clear", VENV]],
        # the system's own pip can fill a venv that was made without one
        [
            [sys.executable, "-m", "venv", "--clear", "--without-pip", VENV],
            [sys.executable, "-m", "pip", "--python", PYTHON, "install", "--quiet", "pip"],
        ],
    )
    for commands in ways:
        done = [subprocess.run(list(map(str, c)), capture_output=True, cwd=ROOT) for c in commands]
        if not any(each.returncode for each in done) and venv_works():
            return
    shutil.rmtree(VENV, ignore_errors=True)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if shutil.which("apt-get"):
        sudo = "" if os.geteuid() == 0 else "sudo "
        raise SetupError(
            f"{sys.executable} cannot create a virtual environment: "
            f"run `{sudo}apt-get install {version}-venv` and try again"
        )
    raise SetupError(
        f"{sys.executable} cannot create a virtual environment (its venv or ensurepip is missing): "
        "install a complete Python from python.org or your system's packages and try again"
    )


def pip_install(arguments: list, failure: str, total: int = 0) -> None:
    """Run pip and turn its hundreds of lines into a count of packages out of `total`."""
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    done = 0
    with subprocess.Popen(
        list(map(str, command)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as pip:
        for line in pip.stdout:
            if line.startswith(("Collecting ", "Requirement already satisfied: ")):
                done += 1
                if total and done % 20 == 0:
                    say(f"  {done} of about {total} packages")
            elif line.startswith("Installing collected packages") and total:
                say("  all here, unpacking them")
    if pip.returncode:
        raise SetupError(failure)


def install(kind: str) -> None:
    name = REQUIREMENTS[kind]
    for other in REQUIREMENTS:
        stamp(other).unlink(missing_ok=True)  # an interrupted install must be seen as one
    say(f"installing the packages of {name} (a few minutes the first time)")
    pins = re.findall(r"^[\w.\[\]-]+==", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    pip_install(
        ["--no-warn-script-location", "--no-compile", "--require-hashes", "-r", ROOT / name],
        f"pip could not install {name} (its message stands above): "
        "check the network and the free disk space, then run the same command again",
        total=len(pins),
    )
    compile_packages()
    say("installing the course itself: the `ratchet` command and the harness")
    pip_install(
        ["--no-deps", "--no-build-isolation", "--editable", ROOT],
        "pip could not install the course itself (its message stands above)",
    )


def compile_packages() -> None:
    """Compile what was installed: pip would do it on one core, and their tests too.

    A worker of the sandbox can write no cache, so what is not compiled here it compiles anew at
    every start.
    """
    say("compiling the packages, on all cores")
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    folder = subprocess.run([PYTHON, "-c", where], capture_output=True, text=True).stdout.strip()
    tests = r"site-packages[\\/].*[\\/]tests?[\\/]"  # the course itself may lie in a folder `tests`
    # Some packages carry files that are no Python of this version: not our concern.
    subprocess.run([PYTHON, "-m", "compileall", "-qq", "-j0", "-x", tests, folder])


def check_imports() -> None:
    say("checking that the packages load")
    environment = {**os.environ, "MPLCONFIGDIR": str(VENV / "state" / "matplotlib")}
    done = subprocess.run(
        [PYTHON, "-c", IMPORTS], capture_output=True, text=True, cwd=ROOT, env=environment
    )
    if done.returncode == 0:
        return
    message = (done.stderr.strip().splitlines() or ["no message"])[-1]
    if "libgomp" in done.stderr:
        raise SetupError(
            "LightGBM needs the system library libgomp.so.1: install it "
            "(Debian, Ubuntu: `apt-get install libgomp1`; Fedora: `dnf install libgomp`), "
            "then try again"
        )
    if "libomp" in done.stderr:
        raise SetupError("LightGBM needs OpenMP: run `brew install libomp` and try again")
    raise SetupError(f"the installed packages do not load: {message}")


def main(argv: list[str] | None = None) -> int:
    """Set up what `kind` needs; return 0 when it is in place, 1 when it is not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", nargs="?", choices=list(REQUIREMENTS), default="run")
    kind = parser.parse_args(argv).kind
    try:
        if shutil.which("git") is None:
            raise SetupError("git is missing and every run needs it: install git and try again")
        with alone():
            # what `dev` installs holds all that `run` needs
            if any(in_place(each) for each in ("dev", kind)):
                return 0
            check_python()
            if venv_moved() or not venv_works():
                create_venv()
            install(kind)
            check_imports()
            stamp(kind).write_text(f"{fingerprint(kind)}\n{ROOT}\n", encoding="utf-8")
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; run the same command to continue", file=sys.stderr)
        return 130
    say(f"ready: {BIN.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
