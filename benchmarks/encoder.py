"""The encoder problem of 1985, as in its example: how many runs solve it, and how fast."""

import runpy
import time
from pathlib import Path

import matplotlib as mpl
import numpy as np

EXAMPLE = Path(__file__).parents[1] / "examples" / "plot_encoder.py"


def main(options):
    """Print a line for each size."""
    mpl.use("Agg")
    solve = runpy.run_path(str(EXAMPLE))["solve"]
    for n_patterns, n_hidden, n_runs, most in ((4, 2, options.runs, 2500), (8, 3, 20, 4000)):
        begin = time.perf_counter()
        cycles = [solve(n_patterns, n_hidden, seed, most)[1] for seed in range(n_runs)]
        solved = [c for c in cycles if c is not None]
        print(
            f"{n_patterns}-{n_hidden}-{n_patterns}: {len(solved)} of {n_runs} runs solved within "
            f"{most} cycles, median {np.median(solved):.0f}, longest {max(solved)}, "
            f"{time.perf_counter() - begin:.0f} s",
            flush=True,
        )
