"""Folds out, numbers in: a candidate becomes a score, and what is about to be kept is probed.

The trusted side: it holds the labels, cuts the folds, sends jobs to `sealing/` and computes the
metric from the plain numbers that come back. Thresholds of the probes come from
`benchmarks/probes.py`: measure before you move one. Never believe anything that a candidate says
of itself.
"""

from harness import face

__getattr__, __all__ = face(
    __name__,
    probes="probe_sealed",
    score="Probe Score number plain_values signed",
    scorer="Scorer evaluate",
)
