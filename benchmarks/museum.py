"""Count what the museum's exhibits come to: with all locks, with some, and the naive way.

    python benchmarks/museum.py                  # as `make test` runs it
    python benchmarks/museum.py --no-landlock    # as on an old kernel; lists what differs
    python benchmarks/museum.py --no-landlock --no-seccomp --force
    python benchmarks/museum.py --naive          # harmless cheats in one process with the evaluator

`--json FILE` keeps every outcome; `--compare FILE` lists differences to an earlier one.
"""

import argparse
import json
import sys
import time
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPO), str(REPO / "tests")]

from museum import gallery, surroundings  # noqa: E402

from harness.task.task import BASELINE_VAL_AUC  # noqa: E402
from harness.teaching import naive  # noqa: E402

TOLERANCE = 0.005  # above the baseline: what a naive ratchet would surely keep

# Without seccomp these could reach other processes and the settings of the machine.
UNSAFE = "marked `Naive: skip`, and seccomp is off"


def parse(args):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--no-landlock", action="store_true", help="leave Landlock off")
    parser.add_argument("--no-seccomp", action="store_true", help="leave seccomp off")
    parser.add_argument("--force", action="store_true", help="also run exhibits that need seccomp")
    parser.add_argument(
        "--naive", action="store_true", help="cheats inside the evaluator's process"
    )
    parser.add_argument("--only", default="", help="part of the names to run")
    parser.add_argument("--json", type=Path, help="write every outcome to this file")
    parser.add_argument("--compare", type=Path, help="list what differs from this file")
    return parser.parse_args(args)


def run_naive(exhibits) -> int:
    """Run harmless cheats the naive way and count how many win."""
    cheats = [e for e in exhibits if e.room == "cheats"]
    safe = [e for e in cheats if e.naive]
    won, left = [], []
    for exhibit in safe:
        value = naive.score(exhibit.source)
        left += surroundings.sweep()
        won += [exhibit] if value > BASELINE_VAL_AUC + TOLERANCE else []
        word = "WINS" if exhibit in won else "-"
        print(f"{word:5} {exhibit.name:32} val_auc {value:.6f}", flush=True)
    print(f"\nnaive harness: {len(won)} of {len(safe)} cheats win, {len(left)} things left behind")
    print(f"not tried, since they could hurt the machine: {len(cheats) - len(safe)}")
    for family in dict.fromkeys(e.family for e in safe):
        mine = [e for e in safe if e.family == family]
        print(f"  {family}: {sum(e in won for e in mine)} of {len(mine)}")
    return 0


def run_guarded(exhibits, args) -> int:
    """Run exhibits under the locks that are on and print the counts."""
    options = {"landlock": not args.no_landlock, "seccomp": not args.no_seccomp}
    fewer = args.no_landlock or args.no_seccomp
    careful = args.no_seccomp and not args.force
    chosen = [e for e in exhibits if e.naive or e.room != "cheats" or not careful]
    outcomes, start = [], time.monotonic()
    with gallery.Guards(**options) as guards:
        print(f"isolation: {guards.for_exhibit(chosen[0]).isolation}", flush=True)
        for exhibit in chosen:
            outcome = guards.run(exhibit)
            surroundings.sweep()
            outcomes.append(outcome)
            if outcome.why or outcome.left:
                said = " ".join(f"{outcome.why} {'; '.join(outcome.left)}".split())
                print(f"{exhibit.room}/{exhibit.name}: {said}", flush=True)
    print(f"\n{gallery.summary(outcomes)}")
    remains = [o for o in outcomes if o.exhibit.room == "remains"]
    print(f"known limits shown: {len(remains)}; {time.monotonic() - start:.0f} s")
    if len(chosen) < len(exhibits):
        print(f"left out: {len(exhibits) - len(chosen)} ({UNSAFE}; --force runs them)")
    table = {
        f"{o.exhibit.room}/{o.exhibit.name}": {
            "status": o.status,
            "val_auc": None if o.val_auc != o.val_auc else round(o.val_auc, 6),
            "as_expected": o.as_expected,
            "contained": o.contained,
        }
        for o in outcomes
    }
    if args.json:
        args.json.write_text(json.dumps(table, indent=1) + "\n")
    if args.compare:
        compare(json.loads(args.compare.read_text()), table)
    return int(not fewer and not all(o.as_expected and o.contained for o in outcomes))


def compare(before, after) -> None:
    """Print every exhibit that came out differently."""
    differing = [name for name in after if name in before and before[name] != after[name]]
    print(f"different: {len(differing)} of {len(before.keys() & after.keys())}")
    for name in differing:
        print(f"  {name}\n    before {before[name]}\n    now    {after[name]}")


def main(argv=None) -> int:
    args = parse(argv)
    exhibits = [e for e in gallery.load_gallery() if args.only in f"{e.room}/{e.name}"]
    return run_naive(exhibits) if args.naive else run_guarded(exhibits, args)


if __name__ == "__main__":
    raise SystemExit(main())
