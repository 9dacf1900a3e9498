"""One run: the step (`ratchet.py`), the loop around it, the ledger, what is frozen at the start.

The order in which a step writes is what makes it safe to kill anywhere: commit, log, row,
reference. Keep that order. The ledger is append-only and is right where git and ledger disagree.
Never show a test figure to an agent, and never let two processes own a run.
"""

from harness import face

__getattr__, __all__ = face(
    __name__,
    ratchet="Run",
    loop="loop ENDED Outcome",
    duration="parse_duration",
    pace="OutOfTime",
    ledger="BASELINE DISCARDED KEPT Ledger Row clean describe describe_best told",
    record="Record read_record",
    settings="DEFAULTS RECORD RUNS differences find_run now read_settings recorded_agent rule_of "
    "take_fingerprint",
    workspace="DISCARDED_REFS SHORT Workspace check_tag",
    git="Commit",
    lock="owner",
    steering="read_progress steering",
    notes="one_line_hypothesis",
    status="CERTIFICATE adopt read_certificate read_status",
    repair="TOLERANCE rebuild_ledger",
    cluster="Cluster ClusterScorer",
)
