"""The encoder problem of 1985, as in its example: how many runs solve it, and how fast.

4-2-4 with the paper's procedure. 8-3-8 with eight anneals of every row instead of two, twice as
slow, and half of the noise, which flips about as many units a row as in 4-2-4: with the numbers of
4-2-4 few runs end solved.
"""

import runpy
import time
from pathlib import Path

import matplotlib as mpl
import numpy as np

EXAMPLE = Path(__file__).parents[1] / "examples" / "plot_encoder.py"


def main(options):
    """Print a line for each size."""
    mpl.use("Agg")
    example = runpy.run_path(str(EXAMPLE))
    solve = example["solve"]
    slow = {"n_anneals": 8, "noise": 0.5, "schedule": np.repeat(example["SCHEDULE"], 2)}
    for n_patterns, n_hidden, n_runs, most, procedure in (
        (4, 2, options.runs, 2500, {}),
        (8, 3, 20, 4000, slow),
    ):
        begin = time.perf_counter()
        cycles = [solve(n_patterns, n_hidden, seed, most, **procedure)[1] for seed in range(n_runs)]
        solved = [c for c in cycles if c is not None]
        print(
            f"{n_patterns}-{n_hidden}-{n_patterns}: {len(solved)} of {n_runs} runs solved within "
            f"{most} cycles, median {np.median(solved):.0f}, longest {max(solved)}, "
            f"{time.perf_counter() - begin:.0f} s",
            flush=True,
        )
