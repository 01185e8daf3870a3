"""Draw how the error of EF falls as clips of low quality are left out: `python docs/risk_coverage.py SCORES.csv`.

The table has the columns ``score`` (quality, 0-1) and ``error`` (points of EF, measured minus true), a row a study.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

OUT = Path(__file__).parent / "images" / "risk-coverage.png"


def main(table: Path) -> None:
    with table.open(newline="", encoding="utf-8") as file:
        rows = [(float(row["score"]), abs(float(row["error"]))) for row in csv.DictReader(file)]
    score, error = np.array(rows).T
    ranked = error[np.argsort(-score, kind="stable")]
    coverage = np.arange(1, len(ranked) + 1) / len(ranked)
    risk = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    rng = np.random.default_rng(0)
    grid, drawn = np.linspace(0.1, 1, 91), []
    for _ in range(1000):
        picked = rng.integers(0, len(error), len(error))
        again = error[picked][np.argsort(-score[picked], kind="stable")]
        drawn.append(np.interp(grid, coverage, np.cumsum(again) / np.arange(1, len(again) + 1)))
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
    axes.fill_between(100 * grid, low, high, color="#9ecae1", alpha=0.5, lw=0, label="95 % bootstrap interval")
    shown = coverage >= 0.1
    axes.plot(100 * coverage[shown], risk[shown], color="#08519c", label=f"{len(error)} phantom studies")
    axes.axvline(80, color="#888", lw=0.8, ls=":")
    axes.set(xlabel="studies kept, best quality first (%)", ylabel="mean absolute error of EF (points)", ylim=(0, None))
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(OUT, dpi=130)
    at = {share: float(np.interp(share, coverage, risk)) for share in (0.5, 0.8, 0.9, 1.0)}
    ratios = [np.interp(0.8, grid, d) / d[-1] for d in drawn]
    print(at, "ratio at 80 %:", at[0.8] / at[1.0], "95 %:", np.percentile(ratios, [2.5, 97.5]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
