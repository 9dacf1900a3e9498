"""Where a candidate runs, and nowhere else: worker, locks, pools, limits.

`worker.py` is the only file that ever runs a candidate's code, as a process of its own that knows
nothing of this package; the other files start, lock, feed and end it. Change a lock only together
with the museum (`tests/museum`), which shows what it stops. Never import a candidate, never
unpickle what a worker sent, never let a label that scores reach this room.
"""

from harness import face

__getattr__, __all__ = face(
    __name__,
    jobs="Job Packed Reply SandboxError",
    sandbox="Sandbox isolation_name usable_cpus",
    seal="seal",
    forking="head_start",
    folders="OwnFolder remove_tree",
    reach="readable_roots",
)
