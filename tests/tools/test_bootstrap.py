"""Setting up .venv: when it is done again, and what a person is told when it cannot be done."""

import importlib.util
import os
import subprocess
import sys
from types import ModuleType

import pytest


@pytest.fixture
def bootstrap(repo, tmp_path, monkeypatch) -> ModuleType:
    """Load tools/bootstrap.py with a checkout of its own that holds only what it reads."""
    spec = importlib.util.spec_from_file_location("bootstrap", repo / "tools" / "bootstrap.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    root = tmp_path / "tests" / "checkout"  # people keep things where they like
    root.mkdir(parents=True)
    for name in ("requirements.txt", "requirements/dev.txt", "pyproject.toml"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(f"# {name}\n", encoding="utf-8")
    monkeypatch.setattr(module, "ROOT", root)
    monkeypatch.setattr(module, "VENV", root / ".venv")
    monkeypatch.setattr(module, "BIN", root / ".venv" / "bin")
    monkeypatch.setattr(module, "PYTHON", root / ".venv" / "bin" / "python")
    return module


@pytest.fixture
def steps(bootstrap, monkeypatch) -> list[str]:
    """Record the costly steps instead of taking them."""
    taken = []

    def create():
        taken.append("create")
        bootstrap.VENV.mkdir(exist_ok=True)
        monkeypatch.setattr(bootstrap, "venv_works", lambda: True)

    def install(kind):
        taken.append(f"install {kind}")

    monkeypatch.setattr(bootstrap, "venv_works", lambda: False)
    monkeypatch.setattr(bootstrap, "create_venv", create)
    monkeypatch.setattr(bootstrap, "install", install)
    monkeypatch.setattr(bootstrap, "check_imports", lambda: taken.append("check"))
    return taken


def test_second_call_does_nothing(bootstrap, steps):
    assert bootstrap.main(["run"]) == 0
    assert steps == ["create", "install run", "check"]
    assert bootstrap.main(["run"]) == 0
    assert steps == ["create", "install run", "check"]


def test_changed_pins_are_installed_again(bootstrap, steps):
    bootstrap.main(["run"])
    steps.clear()
    (bootstrap.ROOT / "requirements.txt").write_text("# other\n", encoding="utf-8")
    assert bootstrap.main(["run"]) == 0
    assert steps == ["install run", "check"]


def test_dev_is_enough_for_run_but_not_the_other_way(bootstrap, steps):
    bootstrap.main(["run"])
    steps.clear()
    bootstrap.main(["dev"])
    assert steps == ["install dev", "check"]
    steps.clear()
    bootstrap.stamp("run").unlink()
    bootstrap.main(["run"])
    assert steps == []


def test_interrupted_install_is_done_again(bootstrap, steps, monkeypatch, capsys):
    def interrupted(kind):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "install", interrupted)
        assert bootstrap.main(["run"]) == 130
    assert "run the same command to continue" in capsys.readouterr().err
    steps.clear()
    assert bootstrap.main(["run"]) == 0
    assert steps == ["install run", "check"]


def test_real_install_takes_the_stamps_away_first(bootstrap, monkeypatch):
    bootstrap.VENV.mkdir()
    for kind in ("run", "dev"):
        bootstrap.stamp(kind).write_text("old\n", encoding="utf-8")
    seen = []

    def pip_install(arguments, failure, total=0):
        seen.append([bootstrap.stamp(kind).exists() for kind in ("run", "dev")])

    monkeypatch.setattr(bootstrap, "pip_install", pip_install)
    monkeypatch.setattr(bootstrap, "compile_packages", lambda: None)
    bootstrap.install("run")
    assert seen == [[False, False], [False, False]]


def test_packages_are_compiled_but_not_their_tests(bootstrap, capfd):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bootstrap.VENV], check=True)
    packages = next(bootstrap.VENV.glob("[Ll]ib/**/site-packages"))
    for name in ("one/__init__.py", "one/tests/test_it.py"):
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text("x = 1\n", encoding="ascii")
    (packages / "one" / "of_another_version.py").write_text("print 1\n", encoding="ascii")
    bootstrap.compile_packages()
    assert [path.name.split(".")[0] for path in packages.rglob("*.pyc")] == ["__init__"]
    assert capfd.readouterr().out.splitlines() == ["setup: compiling the packages, on all cores"]


def test_moved_checkout_gets_a_new_venv(bootstrap, steps):
    bootstrap.main(["run"])
    steps.clear()
    fingerprint, _ = bootstrap.stamp("run").read_text(encoding="utf-8").splitlines()
    bootstrap.stamp("run").write_text(f"{fingerprint}\n/elsewhere\n", encoding="utf-8")
    assert bootstrap.main(["run"]) == 0
    assert steps == ["create", "install run", "check"]


def test_venv_without_python_does_not_work(bootstrap):
    assert not bootstrap.venv_works()
    bootstrap.BIN.mkdir(parents=True)
    bootstrap.PYTHON.symlink_to(bootstrap.ROOT / "gone")
    assert not bootstrap.venv_works()


def test_old_python_is_told_what_to_do(bootstrap, steps, monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    assert bootstrap.main(["run"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "Python 3.9" in error
    assert "make run PYTHON=" in error
    assert steps == []


def test_missing_git_is_told_what_to_do(bootstrap, steps, monkeypatch, capsys):
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    assert bootstrap.main(["run"]) == 1
    assert capsys.readouterr().err == (
        "setup: git is missing and every run needs it: install git and try again\n"
    )


@pytest.mark.skipif(os.name == "nt", reason="needs a shell script as a Python")
@pytest.mark.parametrize("debian", [True, False])
def test_python_without_ensurepip_is_told_what_to_do(
    bootstrap, tmp_path, monkeypatch, capsys, debian
):
    broken = tmp_path / "python3"
    broken.write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    which = {"git": "/usr/bin/git", "apt-get": "/usr/bin/apt-get" if debian else None}
    monkeypatch.setattr(bootstrap.shutil, "which", which.get)
    assert bootstrap.main(["run"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    assert (f"apt-get install {version}" in error) == debian
    assert not bootstrap.VENV.exists()


@pytest.mark.parametrize(
    ("trouble", "remedy"),
    [
        ("OSError: libgomp.so.1: cannot open shared object file", "apt-get install libgomp1"),
        ("OSError: Library not loaded: @rpath/libomp.dylib", "brew install libomp"),
        ("ImportError: something else", "ImportError: something else"),
    ],
)
def test_packages_that_do_not_load(bootstrap, monkeypatch, trouble, remedy):
    def fails(*args, **kwargs):
        return subprocess.CompletedProcess(args, 1, stdout="", stderr=f"Traceback\n{trouble}\n")

    monkeypatch.setattr(bootstrap.subprocess, "run", fails)
    with pytest.raises(bootstrap.SetupError, match="[^\n]+") as caught:
        bootstrap.check_imports()
    assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pip_failure_is_one_line_and_keeps_the_stamp_away(bootstrap, monkeypatch, capsys):
    bootstrap.BIN.mkdir(parents=True)
    bootstrap.PYTHON.symlink_to(sys.executable)
    (bootstrap.ROOT / "requirements.txt").write_text("no_such_file.whl\n", encoding="utf-8")
    monkeypatch.setattr(bootstrap, "venv_works", lambda: True)
    assert bootstrap.main(["run"]) == 1
    assert "setup: pip could not install requirements.txt" in capsys.readouterr().err
    assert not bootstrap.stamp("run").exists()
