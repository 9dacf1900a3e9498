"""`ratchet init`: a folder to work in, for who has the package and no checkout."""

import os
import shlex
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path

from harness.commands.options import OK, Usage

NOTE = "Made by the command init: what is typed below this folder keeps runs/ and tasks/ here.\n"


def main(args) -> int:
    from harness import MARK

    folder = Path(args.folder).absolute()
    if os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise Usage(f"{args.folder} is there already: name a new or an empty folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    half_made = Path(tempfile.mkdtemp(prefix=".ratchet-init-", dir=folder.parent))
    try:
        for source, name in _start():
            (half_made / name).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, half_made / name)
        (half_made / MARK).write_text(NOTE, "utf-8")
        _launcher(half_made)
        half_made.chmod(0o755)
        if folder.is_dir():
            folder.rmdir()
        half_made.rename(folder)
    except BaseException:
        shutil.rmtree(half_made, ignore_errors=True)
        raise
    print(f"made: {folder}\nnext: cd {shlex.quote(args.folder)}, then ./ratchet run --tag first")
    print("or open the lessons: python -m jupyterlab notebooks/00_twenty_lines.ipynb")
    return OK


def _start() -> list[tuple[Path, str]]:
    """List what is copied: from the installed package, or from the checkout that it is."""
    from harness import CODE

    packed, checkout = CODE / "start", CODE.parent
    if packed.is_dir():
        return [(path, path.name) for path in packed.iterdir()]
    said = tomllib.loads((checkout / "pyproject.toml").read_text("utf-8"))
    return [(checkout / name, name) for name in said["tool"]["ratchet"]["start"]]


def _launcher(folder: Path) -> None:
    """Let `./ratchet` start this very Python, as AGENTS.md and program.md have it."""
    if os.name == "nt":
        text, name = f'@"{sys.executable}" -m harness %*\r\n', "ratchet.cmd"
    else:
        text, name = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m harness "$@"\n', "ratchet"
    (folder / name).write_text(text, "utf-8")
    (folder / name).chmod(0o755)
