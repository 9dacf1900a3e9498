"""Build the read-only website of the executed lessons in site/ (Sphinx, MyST-NB, Furo).

    python tools/build_site.py                    run the learner's notebooks, then build
    python tools/build_site.py --executed FOLDER  build from notebooks that were run before

Lessons run in a copy of the course, so that no run of yours is touched. What was run is kept in
build/site/executed under a name that holds its content: only a lesson that changed runs again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = Path(__file__).resolve().parent / "site_pages"  # conf.py, the first page, the style
WORK = ROOT / "build" / "site"
SITE = ROOT / "site"
# What a lesson can read: a change in any of it runs all lessons again.
RESULTS = "benchmarks/results/transfer_heart_20s.jsonl"  # what lesson 05 quotes
COURSE = ("harness", "tests/museum", RESULTS, "train.py", "program.md", "pyproject.toml")


class SiteError(Exception):
    """The website was not built; the message is one line that says what to do."""


def shown(path: Path) -> str:
    """Path as a person would type it from the checkout."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def course_files() -> list[Path]:
    """List the files that lessons depend on."""
    found: list[Path] = []
    for name in COURSE:
        path = ROOT / name
        inside = [path] if path.is_file() else sorted(path.rglob("*"))
        found += [p for p in inside if p.is_file() and "__pycache__" not in p.parts]
    return found


def digest(notebook: Path, files: list[Path]) -> str:
    """Name what running this notebook depends on."""
    whole = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for path in (notebook, ROOT / "requirements.txt", *files):
        name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
        whole.update(f"{name}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:16]


def copy_course(files: list[Path], to: Path) -> None:
    """Copy what lessons need to a fresh folder."""
    shutil.rmtree(to, ignore_errors=True)
    for path in files:
        target = to / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def execute(notebook: Path, course: Path, out: Path) -> None:
    """Run a notebook in the copy of the course.

    Raises
    ------
    SiteError
        If a cell fails.
    """
    partial = out.with_suffix(".partial.ipynb")
    command = [sys.executable, "-m", "papermill", str(notebook), str(partial)]
    command += ["--kernel", "python3", "--language", "python", "--no-progress-bar"]
    env = os.environ | {
        "AUTORESEARCH_WIDGETS": "0",
        "JUPYTER_PREFER_ENV_PATH": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # whatever is set outside
        "PYTHONPATH": str(course),
        "PYTHONUTF8": "1",
    }
    words = [*command, "--cwd", str(course)]
    done = subprocess.run(words, cwd=course, env=env, capture_output=True, encoding="utf-8")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise SiteError(f"{notebook.name} failed ({last}); its cells are in {shown(partial)}")
    partial.replace(out)


def run_lessons(notebooks: list[Path]) -> dict[str, Path]:
    """Run what is not in the cache; return the executed notebooks by name."""
    cache, course, files = WORK / "executed", WORK / "course", course_files()
    cache.mkdir(parents=True, exist_ok=True)
    found = {path.name: cache / f"{path.stem}-{digest(path, files)}.ipynb" for path in notebooks}
    missing = [path for path in notebooks if not found[path.name].exists()]
    if missing:
        copy_course(files, course)
    for path in missing:
        print(f"site: running {path.name}", flush=True)
        execute(path, course, found[path.name])
    for old in set(cache.glob("*.ipynb")) - set(found.values()):
        old.unlink()
    shutil.rmtree(course, ignore_errors=True)
    return found


def given(folder: Path, notebooks: list[Path]) -> dict[str, Path]:
    """Return notebooks that were run before, by name.

    Raises
    ------
    SiteError
        If one is missing or was not run.
    """
    found = {}
    for path in notebooks:
        there = folder / path.name
        if not there.is_file():
            raise SiteError(f"{there} is missing: --executed needs every lesson")
        cells = json.loads(there.read_text(encoding="utf-8"))["cells"]
        if not any(cell.get("outputs") for cell in cells):
            raise SiteError(f"{there} has no outputs: run it first")
        found[path.name] = there
    return found


def plain(notebook: Path) -> bytes:
    """Take out of an executed notebook what a page has no use for: papermill's notes, widgets."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    content["metadata"] = {k: content["metadata"][k] for k in ("kernelspec", "language_info")}
    for cell in content["cells"]:
        cell["metadata"].pop("papermill", None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    return json.dumps(content).encode()


def build(executed: dict[str, Path], site: Path) -> None:
    """Make the pages; the old site stays until the new one is whole.

    Raises
    ------
    SiteError
        If Sphinx finds fault, a broken link between pages included.
    """
    source, html = WORK / "source", WORK / "html"
    for folder in (source, html):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(PAGES, source)
    for name, path in executed.items():
        (source / name).write_bytes(plain(path))
    for page in ("GLOSSARY.md", "SERVERS.md"):
        shutil.copyfile(ROOT / "notebooks" / page, source / page)
    words = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    done = subprocess.run([*words, str(source), str(html)], capture_output=True, encoding="utf-8")
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        raise SiteError("Sphinx found fault with the pages, see above")
    shutil.rmtree(html / ".doctrees", ignore_errors=True)
    old = site.with_name(f".{site.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if site.exists():
        site.replace(old)
    shutil.move(html, site)
    shutil.rmtree(old, ignore_errors=True)


def main(argv: list[str] | None = None) -> int:
    """Build the website; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--executed", type=Path, metavar="FOLDER", help="lessons run before")
    parser.add_argument("--out", type=Path, default=SITE, metavar="FOLDER", help="default: site/")
    args = parser.parse_args(argv)
    notebooks = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    try:
        build(
            given(args.executed, notebooks) if args.executed else run_lessons(notebooks), args.out
        )
    except SiteError as error:
        print(f"site: {error}", file=sys.stderr)
        return 1
    print(f"site: open {shown(args.out / 'index.html')} in a browser")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
