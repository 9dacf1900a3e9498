"""What a score depends on: the harness's own source, the data, the interpreter, the packages."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib import metadata
from pathlib import Path

HARNESS = Path(__file__).resolve().parent
# Versions that can change a score; others are recorded nowhere because nothing hangs on them.
PACKAGES = ("numpy", "scipy", "scikit-learn", "pandas", "lightgbm", "flaml", "xgboost")
# What only shows or teaches: a better sentence in a hint must not end a run that is under way.
SHOWING = (
    "commands/doctor.py",
    "evidence/audit_report.py",
    "evidence/page.py",
    "evidence/report.py",
    "evidence/report_facts.py",
    "plots.py",
    "run/status.py",
    "teaching",
)


def source_files() -> list[Path]:
    """List the files that are frozen during a run: all that measures or decides, and the data."""
    files = [*HARNESS.rglob("*.py"), *HARNESS.rglob("*.csv")]
    shown = tuple(HARNESS / name for name in SHOWING)
    return sorted(f for f in files if f not in shown and not f.is_relative_to(HARNESS / "teaching"))


def package_version(name: str) -> str | None:
    """Return an installed package's version, or None."""
    for candidate in (name, f"{name}-cpu"):  # xgboost comes in two packages
        try:
            return metadata.version(candidate)
        except metadata.PackageNotFoundError:
            continue
    return None


def take(extra: tuple[Path, ...] = ()) -> dict:
    """Take the fingerprint.

    Parameters
    ----------
    extra : tuple of Path
        More files that decide a score, such as a task's own data.

    Returns
    -------
    dict
        `sha256` over everything, and the parts it was made of, so that a change has a name.
    """
    files = {
        path.relative_to(HARNESS.parent).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in source_files()
    }
    files |= {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in extra}
    parts = {
        "files": files,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: package_version(name) for name in PACKAGES},
    }
    whole = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return {"sha256": whole, **parts}


def changes(then: dict, now: dict) -> list[str]:
    """Say in words what differs between two fingerprints; empty if nothing does."""
    said = []
    old, new = then.get("files", {}), now["files"]
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            state = "is gone" if name not in new else "is new" if name not in old else "changed"
            said.append(f"{name} {state}")
    if then.get("python") != now["python"]:
        said.append(f"{then.get('python')} became {now['python']}")
    old, new = then.get("packages", {}), now["packages"]
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            said.append(f"{name} {old.get(name)} became {new.get(name)}")
    return said
