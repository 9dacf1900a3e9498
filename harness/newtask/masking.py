"""A table that says the same and names nothing: what does an agent know from reading alone?"""

from pathlib import Path

import numpy as np
import pandas as pd

from harness.task import DataError

FEW = 10  # values of a column up to which they are codes


def mask(csv: Path | str, target: str, positive: list[str], folder: Path, seed: int) -> Path:
    """Write a copy with columns renamed, recoded and in another order, and rows in another order.

    Codes are exchanged for other codes, numbers moved and stretched, upwards or downwards: what can
    be learned stays, up to a model's taste for units. Gaps stay gaps; the target becomes `outcome`,
    1 for the `positive` values if any are named.
    """
    table = pd.read_csv(csv)
    if target not in table:
        raise DataError(f"there is no column {target!r} in {csv}")
    rng = np.random.default_rng(seed)
    table = table.iloc[rng.permutation(len(table))]
    masked = {}
    for place, name in enumerate(rng.permutation(table.columns.drop(target)), 1):
        column = table[name]
        values = rng.permutation(column.dropna().unique())
        if len(values) > FEW and pd.api.types.is_numeric_dtype(column):
            spread = column.std() or 1.0
            numbers = (column - column.median()) / spread * rng.choice([-1, 1])
            masked[f"x{place}"] = (numbers * rng.uniform(5, 50) + rng.uniform(50, 500)).round(3)
        else:
            masked[f"x{place}"] = column.map({value: code for code, value in enumerate(values, 1)})
    masked["outcome"] = table[target]
    if positive:
        masked["outcome"] = table[target].astype(str).isin(positive).astype(int)
    path = folder / "masked.csv"
    pd.DataFrame(masked).to_csv(path, index=False)
    return path
