"""pyproject.toml, environment.yml and the pinned requirements say the same thing."""

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

PINNED = ("requirements.txt", "requirements/dev.txt", "requirements/site.txt")

# What conda-forge calls differently, and what only conda has to bring.
CONDA_NAMES = {"py-xgboost-cpu": ("xgboost-cpu", "xgboost")}
CONDA_ONLY = {"python", "git", "pip"}
# What is imported under another name, or comes with a package that is asked for.
IMPORTED_AS = {
    "sklearn": "scikit-learn",
    "IPython": "ipywidgets",
    "pygments": "ipywidgets",  # through IPython
    "dask": "distributed",
    "nbformat": "papermill",
    "charset_normalizer": "charset-normalizer",
}
# The packages that the course promises to conda users by name.
PROMISED = {
    "jupyterlab",
    "scikit-learn",
    "pandas",
    "numpy",
    "lightgbm",
    "flaml",
    "matplotlib",
    "ipywidgets",
    "papermill",
}
SYSTEMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "darwin": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "win32": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
}


@pytest.fixture(scope="module")
def pyproject(repo) -> dict:
    return tomllib.loads((repo / "pyproject.toml").read_text(encoding="utf-8"))


def named(lines: list[str]) -> dict[str, Requirement]:
    parsed = [Requirement(line) for line in lines]
    return {canonicalize_name(each.name): each for each in parsed}


@pytest.fixture(scope="module")
def runtime(pyproject) -> dict[str, Requirement]:
    return named(pyproject["project"]["dependencies"])


@pytest.fixture(scope="module")
def lock_group(pyproject) -> dict[str, Requirement]:
    return named(pyproject["dependency-groups"]["lock"])


@pytest.fixture(scope="module")
def conda(repo) -> dict[str, SpecifierSet]:
    """Name -> versions in environment.yml, conda's single `=` read as `==X.*`."""
    listed = yaml.safe_load((repo / "environment.yml").read_text(encoding="utf-8"))
    specs = {}
    for line in listed["dependencies"]:
        assert isinstance(line, str), f"environment.yml holds a {type(line).__name__}: {line}"
        name, spec = re.fullmatch(r"([a-z0-9-]+)(.*)", line).groups()
        assert name not in specs, f"{name} stands twice in environment.yml"
        specs[name] = SpecifierSet(re.sub(r"^=(\d[\d.]*)$", r"==\1.*", spec))
    return specs


class Pin:
    """One pinned package: its requirement, its hashes and who asked for it."""

    def __init__(self, block: str):
        first = block.splitlines()[0]
        self.requirement = Requirement(first.split(" \\")[0])
        self.hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})\b", block)
        self.direct = "autoresearch-course (pyproject.toml" in block

    @property
    def version(self) -> Version:
        (only,) = self.requirement.specifier
        assert only.operator == "==", f"{self.requirement} is not pinned"
        return Version(only.version)

    def on(self, system: str, python: str = "3.12") -> bool:
        environment = {
            **SYSTEMS[system],
            "python_version": python,
            "python_full_version": f"{python}.1",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
            "platform_machine": "x86_64",
            "extra": "",
        }
        return self.requirement.marker is None or self.requirement.marker.evaluate(environment)


@pytest.fixture(scope="module")
def pins(repo) -> dict[str, dict[str, Pin]]:
    found = {}
    for file in PINNED:
        text = (repo / file).read_text(encoding="utf-8")
        blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
        listed = [Pin(block) for block in blocks]
        found[file] = {canonicalize_name(pin.requirement.name): pin for pin in listed}
        assert len(found[file]) == len(listed), f"{file} pins a package twice"
    return found


# ---------------------------------------------------------------- the three lists agree


def test_conda_lists_what_pip_installs(conda, runtime, lock_group):
    as_pypi = set()
    for name in conda.keys() - CONDA_ONLY:
        as_pypi.update(CONDA_NAMES.get(name, (name,)))
    assert as_pypi - {"setuptools"} == set(runtime)
    assert conda["setuptools"] == lock_group["setuptools"].specifier


def test_conda_asks_for_the_same_versions(conda, runtime):
    for name, spec in conda.items():
        for pypi_name in CONDA_NAMES.get(name, (name,)):
            if pypi_name in runtime:
                assert spec == runtime[pypi_name].specifier, name


def test_conda_promises(repo, conda, pyproject):
    assert conda.keys() >= PROMISED
    text = (repo / "environment.yml").read_text(encoding="utf-8")
    for line in re.findall(r"^  - .*$", text, re.MULTILINE):
        uncommented = line.strip() == "- conda-forge"
        assert uncommented or re.search(r" # \S", line), f"no comment on {line!r}"
    listed = yaml.safe_load(text)
    assert listed["channels"][0] == "conda-forge"
    # Binder reads the Python version with this pattern and falls back to 3.10 where it fails
    (python,) = (line for line in listed["dependencies"] if re.match(r"python\b", line))
    version = re.match(r"python\s*=+\s*(\d+\.\d+)$", python).group(1)
    assert f"{version}.0" in SpecifierSet(pyproject["project"]["requires-python"])


def test_every_direct_package_is_bounded(runtime):
    for name, requirement in runtime.items():
        operators = {spec.operator for spec in requirement.specifier}
        assert operators == {">=", "<"}, f"{name}: a lower and an upper bound, no more"


def test_pins_fit_what_pyproject_asks(pins, runtime, lock_group, pyproject):
    extras = dict(pyproject["project"]["optional-dependencies"])
    site = named(extras.pop("site"))
    dev = named([line for group in extras.values() for line in group])
    del dev["autoresearch-course"]
    for file, asked in (
        ("requirements.txt", runtime | lock_group),
        ("requirements/dev.txt", runtime | lock_group | dev),
        ("requirements/site.txt", runtime | lock_group | site),
    ):
        direct = {name for name, pin in pins[file].items() if pin.direct}
        assert direct == set(asked), f"{file} is stale: run `make lock`"
        for name, requirement in asked.items():
            pin = pins[file][name]
            assert pin.version in requirement.specifier, f"{file}: {name} {pin.version}"


def test_what_the_package_imports_is_asked_for(repo, runtime, pyproject):
    extras = pyproject["project"]["optional-dependencies"]
    asked = {*runtime, *named(extras["cluster"])}
    for path in (repo / "harness").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module]
            else:
                continue
            for top in {module.split(".")[0] for module in modules}:
                known = top == "harness" or top in sys.stdlib_module_names
                assert known or IMPORTED_AS.get(top, top) in asked, f"{path.name} imports {top}"


@pytest.mark.parametrize("file", PINNED[1:])
def test_other_pins_hold_all_runtime_pins(pins, file):
    # tools/bootstrap.py counts on it: what `dev` installs is enough for `run`
    for name, pin in pins["requirements.txt"].items():
        other = pins[file].get(name)
        assert other is not None, f"{name} is missing in {file}"
        assert other.version == pin.version, name
        for system in SYSTEMS:
            for python in ("3.11", "3.12", "3.13", "3.14"):
                assert other.on(system, python) or not pin.on(system, python), name


def test_building_the_site_changes_nothing_that_tests_use(pins):
    dev = pins["requirements/dev.txt"]
    for name, pin in pins["requirements/site.txt"].items():
        assert name not in dev or dev[name].version == pin.version, name


@pytest.mark.parametrize("file", PINNED)
def test_pins_have_hashes_and_name_no_machine(repo, pins, file):
    assert len(pins[file]) > 50
    for name, pin in pins[file].items():
        assert pin.hashes, f"{name} has no hash"
    path = repo / file
    assert path.stat().st_size < 2**20
    text = path.read_text(encoding="utf-8")
    for what, pattern in {
        "an address": r"[a-z+]+://|www\.",
        "a host name": r"\b[a-z0-9-]+\.(?:org|com|net|io|dev|local|internal|example)\b",
        "an option that names an index": r"--(?:extra-)?index-url|--find-links|--trusted-host",
        "an absolute path": r"(?:^|[\s=\"'])(?:/[A-Za-z]|[A-Za-z]:\\|~/)",
        "a local or direct reference": r" @ |^-e |^\.",
    }.items():
        found = re.search(pattern, text, re.MULTILINE)
        assert not found, f"{file} holds {what}: {found.group()!r}"


@pytest.mark.parametrize("system", list(SYSTEMS))
def test_one_xgboost_per_system_and_never_the_cuda_build(pins, runtime, system):
    for file in PINNED:
        chosen = {n for n in ("xgboost", "xgboost-cpu") if pins[file][n].on(system)}
        assert chosen == ({"xgboost"} if system == "darwin" else {"xgboost-cpu"})
        assert not [name for name in pins[file] if name.startswith("nvidia")]
    assert "automl" not in runtime["flaml"].extras


# ---------------------------------------------------------------- what is shipped


@pytest.fixture(scope="module")
def wheel(repo, tmp_path_factory) -> list[str]:
    """Names of the files in a wheel built from a copy of the tracked and new files."""
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(
        repo / "harness", source / "harness", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(repo / name, source)
    (source / "README.md").write_text("# copy for a test\n", encoding="utf-8")
    out = source / "out"
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
        + ["--no-index", "--wheel-dir", str(out), str(source)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return archive.namelist()


def test_wheel_has_all_modules_and_data(repo, wheel):
    harness = repo / "harness"
    files = [path for path in harness.rglob("*") if path.is_file()]
    wanted = [p.relative_to(repo).as_posix() for p in files if "__pycache__" not in p.parts]
    assert "harness/data/heart_cleveland.csv" in wanted
    assert "harness/data/README.md" in wanted
    missing = sorted(set(wanted) - set(wheel))
    assert not missing, (
        f"not in the wheel (no __init__.py beside it, or not in package-data?): {missing}"
    )


def test_wheel_has_nothing_else(wheel):
    tops = {name.split("/")[0] for name in wheel}
    assert tops == {"harness", "autoresearch_course-0.1.0.dist-info"}


@pytest.fixture(scope="module")
def installed(repo, tmp_path_factory):
    """A Python outside any checkout that has the wheel, and what the wheel needs."""
    top = tmp_path_factory.mktemp("installed")
    source, place = top / "source", top / "place"
    names = ["harness", "notebooks", ".claude", "pyproject.toml", "setup.py", "LICENSE"]
    names += ["README.md", "program.md", "train.py", "AGENTS.md"]
    for name in names:
        (source / name).parent.mkdir(exist_ok=True)
        if (repo / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
            shutil.copytree(repo / name, source / name, ignore=ignored)
        else:
            shutil.copy(repo / name, source)
    words = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(top)]
    pip = [sys.executable, "-m", "pip", "wheel", *words, str(source)]
    done = subprocess.run(pip, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    venv.create(place, with_pip=False)
    (packages,) = place.glob("lib/python*/site-packages")
    with zipfile.ZipFile(next(top.glob("*.whl"))) as archive:
        archive.extractall(packages)
    (packages / "needs.pth").write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")
    return packages, place / "bin" / "python"


def type_command(python, folder, *words):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}
    return subprocess.run(
        [python, "-m", "harness", *words], cwd=folder, env=env, capture_output=True, text=True
    )


POSIX = pytest.mark.skipif(os.name == "nt", reason="another layout of virtual environments")


@POSIX
def test_the_installed_package_says_what_to_do_where_there_is_nothing(installed, tmp_path):
    packages, python = installed
    for words in (["run", "--tag", "t"], ["step", "--tag", "t"], ["evaluate"]):
        done = type_command(python, tmp_path, *words)
        assert done.returncode in (1, 64), words
        assert done.stderr.count("\n") == 1
        assert "ratchet init" in done.stderr
    assert list(tmp_path.iterdir()) == []


@POSIX
def test_init_makes_a_working_copy_of_the_installed_package(repo, installed, tmp_path):
    packages, python = installed
    done = type_command(python, tmp_path, "init", "my folder")
    assert done.returncode == 0, done.stderr
    made = tmp_path / "my folder"
    for name in ("program.md", "train.py", "AGENTS.md", ".claude/commands/autoresearch.md"):
        assert (made / name).read_bytes() == (repo / name).read_bytes()
    lessons = {p.relative_to(repo) for p in (repo / "notebooks").rglob("*.ipynb")}
    assert {p.relative_to(made) for p in made.rglob("*.ipynb")} >= lessons
    again = type_command(python, tmp_path, "init", "my folder")
    assert (again.returncode, again.stderr.count("\n")) == (64, 1)
    assert [p.name for p in tmp_path.iterdir()] == ["my folder"]
    show = "from harness.run import RUNS; from harness.task.task import TASKS; print(RUNS, TASKS)"
    words = [python, "-c", show]
    below = subprocess.run(words, cwd=made / "notebooks", capture_output=True, text=True)
    assert below.stdout == f"{made / 'runs'} {made / 'tasks'}\n", below.stderr


@POSIX
@pytest.mark.heavy
def test_a_run_of_the_installed_package_lies_in_its_folder(installed, tmp_path):
    packages, python = installed
    assert type_command(python, tmp_path, "init", "work").returncode == 0
    words = [tmp_path / "work" / "ratchet", "run", "--tag", "t", "--iterations", "1"]
    done = subprocess.run(words, cwd=tmp_path / "work", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "work" / "runs" / "t" / "results.tsv").read_text().count("\n") == 3
    assert not (packages / "runs").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["work"]


def test_a_folder_made_from_a_checkout_is_where_its_runs_go(repo, tmp_path):
    done = type_command(sys.executable, tmp_path, "init", "work")
    assert done.returncode == 0, done.stderr
    show = "from harness.run import RUNS; print(RUNS)"
    for folder, runs in ((tmp_path / "work", tmp_path / "work"), (tmp_path, repo), (repo, repo)):
        words = [sys.executable, "-c", show]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        assert done.stdout == f"{runs / 'runs'}\n"


def test_console_command_exists(pyproject):
    assert pyproject["project"]["name"] == "autoresearch-course"
    module, function = pyproject["project"]["scripts"]["ratchet"].split(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_version_is_one(pyproject):
    assert importlib.import_module("harness").__version__ == pyproject["project"]["version"]


def test_git_leaves_the_data_files_alone(repo):
    files = [f"harness/data/{name}" for name in ("heart_cleveland.csv", "heart_hungary.csv")]
    if not (repo / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    done = subprocess.run(
        ["git", "-c", f"safe.directory={repo}", "check-attr", "text", "--", *files],
        cwd=repo,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [f"{file}: text: unset" for file in files]
    for file in files:
        assert b"\r" not in (repo / file).read_bytes()


# ---------------------------------------------------------------- the commands


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_lists_its_commands(repo):
    done = subprocess.run(["make"], cwd=repo, capture_output=True, text=True, check=True)
    listed = {line.split()[1] for line in done.stdout.splitlines()}
    assert listed >= {"run", "test", "lab", "lint", "format", "lock", "clean", "help"}


def test_ci_calls_the_documented_test_command(repo):
    script = (repo / ".ci" / "run").read_text(encoding="utf-8")
    assert script.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in script
    assert script.rstrip().endswith("exec make test")


def test_binder_installs_without_a_second_xgboost(repo):
    script = (repo / "postBuild").read_text(encoding="utf-8")
    assert "pip install --no-deps --no-build-isolation -e ." in script
