"""The random-proposal agent: the playbook's moves, each as likely as any other, nothing learned.

It is the yardstick for the playbook. Both write the same kind of source from the
same catalogue and never repeat a program; what differs is judgement alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.agents.playbook.playbook import Memory, Option, Playbook


class RandomProposals(Playbook):
    """Uniform choice among the moves that lead to a program not seen before."""

    def order(
        self,
        options: dict[str, list[Option]],
        totals: dict[str, float],
        priors: dict[str, float],
        memory: Memory,
        rng: np.random.Generator,
    ) -> Iterator[Option]:
        """All moves in one shuffled line. Pairs are left out: they draw on past failures."""
        line = [o for family, found in options.items() if family != "combine" for o in found]
        yield from (line[i] for i in rng.permutation(len(line)))


def make(name: str = "random", **options) -> RandomProposals:
    """Make the random-proposal agent; it has no options."""
    if options:
        raise ValueError(f"agent {name!r} takes no options, got: {', '.join(sorted(options))}")
    return RandomProposals(name)
