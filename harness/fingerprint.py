"""What a score depends on: the harness's own source, the data, the interpreter, the packages."""

import contextlib
import hashlib
import json
import os
import platform
import sysconfig
from importlib import metadata
from pathlib import Path

HARNESS = Path(__file__).resolve().parent
# Versions that can change a score; others are recorded nowhere because nothing hangs on them.
PACKAGES = ("numpy", "scipy", "scikit-learn", "pandas", "lightgbm", "flaml", "xgboost")
# What only shows or teaches: a better sentence in a hint must not end a run that is under way.
SHOWING = (
    "commands/doctor.py",
    "evidence/audit_report.py",
    "evidence/report.py",
    "evidence/watch.py",
    "plots.py",
    "run/status.py",
    "teaching",
)


def source_files() -> list[Path]:
    """List the files that are frozen during a run: all that measures or decides, and the tables."""
    files = [path for kind in ("py", "toml", "csv") for path in HARNESS.rglob(f"*.{kind}")]
    shown = [HARNESS / name for name in SHOWING]
    return sorted(f for f in files if not any(f.is_relative_to(place) for place in shown))


def package_version(name: str) -> str | None:
    """Return an installed package's version, or None."""
    for candidate in (name, f"{name}-cpu"):  # xgboost comes in two packages
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.version(candidate)
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
    paths = {path.relative_to(HARNESS.parent).as_posix(): path for path in source_files()}
    paths |= {path.name: path for path in extra}
    files = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in paths.items()}
    parts = {
        "files": files,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: package_version(name) for name in PACKAGES},
    }
    whole = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return {"sha256": whole, **parts}


def places(extra: tuple[Path, ...] = ()) -> list[Path]:
    """List what `take` reads, and the folders where something could be added or exchanged."""
    files = [*source_files(), *extra]
    packages = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
    return [*files, *sorted({file.parent for file in files} | packages)]


def glance(paths: list[Path]) -> list[tuple]:
    """Look at files and folders without reading them: equal looks mean that nothing changed."""
    found = []
    for path in paths:
        with contextlib.suppress(OSError):
            told = os.stat(path)
            found.append((path, told.st_size, told.st_mtime_ns, told.st_ctime_ns, told.st_ino))
    return found


def changes(then: dict, now: dict) -> list[str]:
    """Say in words what differs between two fingerprints; empty if nothing does."""
    said = []
    for name, old, new in _differing(then.get("files", {}), now["files"]):
        state = "is gone" if new is None else "is new" if old is None else "changed"
        said.append(f"{name} {state}")
    if then.get("python") != now["python"]:
        said.append(f"{then.get('python')} became {now['python']}")
    packages = _differing(then.get("packages", {}), now["packages"])
    return said + [f"{name} {old} became {new}" for name, old, new in packages]


def _differing(old: dict, new: dict) -> list[tuple]:
    both = ((name, old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys()))
    return [(name, before, after) for name, before, after in both if before != after]
