"""Who proposes the next `train.py`: a function from what may be seen to a text and its cost.

`agent.py` is the contract and `kinds.py` finds an agent by name; `playbook/` is offline,
`programs/` are coding CLIs, `chat/` are model servers. A new agent is one class with `propose` and
one line in `KINDS`; what is data stands beside its module, as a TOML file of its name. Never may
an agent see a test figure, never does it score anything, and never is a key written down.
"""

from harness import face

__getattr__, __all__ = face(
    __name__,
    agent="Agent Past Proposal View",
    kinds="KINDS add_kind get_agent",
    errors="AgentDone AgentError",
    cost="at_most calls totals",
    prompt="build_prompt",
    secrets="redact",
)
