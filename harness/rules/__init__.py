"""Keep or discard: pure functions of paired fold scores, and the statistics under them.

A rule reads no file and keeps no state, so that a run can be judged again from its ledger. A new
rule is one function and one entry in `RULES`; its false keeps and its power belong into
`benchmarks/false_keeps.py`. Never may a rule see a test figure or the seeds of the audit.
"""

from harness import face

__getattr__, __all__ = face(
    __name__,
    certificate="CANNOT_TELL CERTIFICATE_SEEDS LUCK PRIOR REAL Test Tries prune test verdict",
    rules="CONFIRM_SEEDS RULES STOP_AT Evidence Rule Verdict get_rule",
    guards="check_guards measure objection",
    judging="Best Judged decide judge too_good",
    stats="stats Interval",
)
