"""Puts what `ratchet init` copies into a wheel, too; all else is said in pyproject.toml."""

import shutil
import tomllib
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
NAMES = tomllib.loads((HERE / "pyproject.toml").read_text("utf-8"))["tool"]["ratchet"]["start"]


class BuildWithStart(build_py):
    def run(self):
        super().run()
        if self.editable_mode:  # the checkout itself is the start
            return
        start = Path(self.build_lib, "harness", "start")
        shutil.rmtree(start, ignore_errors=True)
        for name in NAMES:
            (start / name).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (HERE / name).is_dir() else shutil.copy
            copy(HERE / name, start / name)


setup(cmdclass={"build_py": BuildWithStart})
