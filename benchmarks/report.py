"""Tables of README.md and docs/, written from `results.json`.

Every table stands between two comments, ``<!-- results: NAME -->`` and ``<!-- end -->``.
``python -m benchmarks report`` writes them again; a test fails where they say something else than
the results.
"""

import json
import re
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("results.json")
CURVES = ROOT / "docs" / "images" / "curves.png"
KINDS = {"0.2": "20 %", "0.4": "40 %", "depends": "more where the first column is high"}
IMPUTERS = "skebm", "mean, mode", "neighbours", "iterative", "forests", "miceforest"


def table(header, rows):
    """Markdown of a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value, digits=3):
    """A number as it is written: no 0 before the point."""
    text = f"{value:.{digits}f}"
    return re.sub(r"^(-?)0\.", r"\1.", text)


def marked(values, best, digits=3):
    """Numbers, the best one in bold."""
    at = best(values)
    return [f"**{number(v, digits)}**" if v == at else number(v, digits) for v in values]


def imputation(results):
    """Errors of all tables."""
    rows = []
    for kind, by_table in results["tables"].items():
        for name, found in by_table.items():
            peers = [key for key in IMPUTERS if key in found]
            errors = marked([found[key] for key in peers], min)
            rows.append([KINDS[kind], name, *errors, number(found["seconds"], 1)])
    header = ["missing", "table", *peers, "seconds"]
    return table(header, rows)


def imputation_summary(results):
    """How often each has the lowest error of the fast imputers, and two of the tables."""
    cases = [found for by_table in results["tables"].values() for found in by_table.values()]
    keys = ["skebm", "iterative", "neighbours", "mean, mode"]
    winners = [min(keys, key=case.get) for case in cases]
    rows = [[f"lowest error of {len(cases)}", *(str(winners.count(key)) for key in keys)]]
    for name in ("cancer", "digits"):
        errors = marked([results["tables"]["0.2"][name][key] for key in keys], min, 2)
        rows.append([f"{name}, 20 % missing: error in standard deviations", *errors])
    areas = {
        key: np.mean([case[key] for case in results["novelty"].values()])
        for key in ("skebm", "forest", "factor")
    }
    rows.append(
        [
            "novelty: mean area under the curve, four tables",
            f"**{number(areas['skebm'], 2)}**",
            f"`IsolationForest` {number(areas['forest'], 2)}",
            f"`LocalOutlierFactor` {number(areas['factor'], 2)}",
            "",
        ]
    )
    header = ["", "`EnergyImputer`", "`IterativeImputer`", "`KNNImputer`", "mean, mode"]
    return table(header, rows)


def novelty(results):
    """Areas under the curve."""
    keys = ["skebm", "memory", "forest", "factor"]
    cases = results["novelty"]
    rows = [[name, *marked([case[key] for key in keys], max)] for name, case in cases.items()]
    means = [np.mean([case[key] for case in cases.values()]) for key in keys]
    rows.append(["mean", *marked(means, max)])
    header = ["", "`EnergyOutlierDetector`", "of a `ModernHopfieldMemory`"]
    return table([*header, "`IsolationForest`", "`LocalOutlierFactor`"], rows)


def synthesis(results):
    """New rows beside real ones."""
    rows = []
    titles = {"skebm": "skebm", "ctgan": "CTGAN", "copula": "normal copula"}
    for name, makers in results["synthesis"].items():
        for maker, (adversarial, real, new, seconds) in makers.items():
            values = number(adversarial), number(real), number(new), number(seconds, 1)
            rows.append([name, titles[maker], *values])
    header = ["", "new rows by", "neighbours", "real rows", "new rows", "seconds"]
    return table(header, rows)


def speed(results):
    """Ratios of time."""
    rbm, recall = results["rbm"], results["hopfield"]["200 rows"]
    wide = results["small"]["CSR, 20000 columns"]["an epoch"]
    rows = [
        [
            "an update of 784-500, 128 rows, single precision, over its five matrix products",
            f"{rbm['skebm PCD-1, centred']:.1f} (without numba "
            f"{rbm['skebm PCD-1, without numba']:.1f})",
            f"BernoulliRBM {rbm['BernoulliRBM PCD-1, float32']:.1f}, "
            f"rbms {rbm['rbms PCD-1, centred']:.1f}",
        ],
        [
            "a step of annealing of 784-500, 100 chains, over its two matrix products",
            f"{results['annealing']['to the model']:.1f}",
            "",
        ],
        [
            "an epoch of CD-1 on 2000 sparse rows of 20 000 columns, 1 % of them 1, 64 units",
            "1",
            f"BernoulliRBM {1 / wide['skebm CD-1']:.1f}",
        ],
        [
            "softmax recall of 1000 rows among 60 000 of 784 columns, over its two products",
            f"{results['modern']['1000 x 60000 x 784']['skebm']:.1f}",
            f"torch {number(results['modern']['1000 x 60000 x 784']['torch, attention'], 1)}",
        ],
        [
            "the same among 10 000 of 64 columns",
            f"{results['modern']['1000 x 10000 x 64']['skebm']:.1f}",
            f"torch {number(results['modern']['1000 x 10000 x 64']['torch, attention'], 1)}",
        ],
        [
            "recall of 200 rows of 1000 features, 100 patterns, 10 % flips",
            "1",
            f"hopfieldkit {recall['hopfieldkit']:.0f}, hopfieldnetwork "
            f"{recall['hopfieldnetwork']:.0f}",
        ],
    ]
    for n_chains in (64, 512):
        times = results["boltzmann"][f"512 units, {n_chains} chains"]
        ratio = times["dwave-samplers"] / times["numpy"]
        rows.append(
            [
                f"an update of a spin glass of 512 units at T = 1, {n_chains} chains",
                f"1 (numba: {number(times['fast'] / times['numpy'], 1)})",
                f"dwave-samplers {ratio:.1f}",
            ]
        )
    return table(["time of", "skebm", "others"], rows)


def growth(results):
    """Exponents."""
    rows = [
        [name, number(measured, 2), f"{expected:.0f}"]
        for name, (measured, expected) in results["growth"].items()
    ]
    return table(["time of, in numbers of", "measured", "theory"], rows)


def quality(results):
    """Likelihoods and features beside BernoulliRBM."""
    digits, bars = results["digits"], results["bars"]
    small, features = digits["16 hidden units"], digits["features"]
    tempering, pcd, peer = (
        bars[name]["30000"]
        for name in ("skebm tempering, rate 0.1", "skebm pcd, rate 0.1", "BernoulliRBM, rate .1")
    )
    ours, theirs = (features[n][0] for n in ("skebm, defaults", "BernoulliRBM, rate .06"))
    rows = [
        [
            "binarised digits, 16 hidden units, defaults: test log-likelihood, nats",
            number(small["skebm, defaults"][0], 1),
            number(small["BernoulliRBM, defaults"][0], 1),
        ],
        [
            "4x4 bars and stripes, 16 hidden units, 30 000 updates at a fixed rate of .1: sum of "
            "log-likelihoods, nats (the best possible is -108)",
            f"{tempering:.0f} by tempering, {pcd:.0f} by PCD-1",
            f"{peer:.0f}",
        ],
        [
            "nudged digits, 100 hidden units, 10 epochs: accuracy of a linear classifier on the "
            f"features (raw pixels: {number(features['raw pixels'][0])})",
            number(ours),
            number(theirs),
        ],
    ]
    return table(["", "skebm", "BernoulliRBM"], rows)


def curves(results):
    """Held-out likelihood against seconds."""
    rows = []
    for data, contestants in results["curves"].items():
        for name, points in contestants.items():
            text = ", ".join(
                f"{nats:.1f} in {number(s, 2 if s < 1 else 0)} s" for s, nats in points
            )
            rows.append([data, name, text])
    return table(["", "", "nats a test row, in seconds of training"], rows)


def draw_curves(results):
    """The same as a figure."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(results["curves"]), figsize=(9, 3.4), layout="constrained")
    for axis, (data, contestants) in zip(axes, results["curves"].items(), strict=True):
        for name, points in contestants.items():
            axis.plot(*np.transpose(points), "o-", label=name, markersize=4)
        axis.set(xscale="log", title=data, xlabel="seconds of training")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("log-likelihood of test rows (nats)")
    lines = axes[0].get_lines()
    figure.legend(lines, [line.get_label() for line in lines], loc="outside lower center", ncols=4)
    figure.savefig(CURVES, dpi=110)


BLOCKS = {
    "imputation": imputation,
    "imputation_summary": imputation_summary,
    "novelty": novelty,
    "synthesis": synthesis,
    "speed": speed,
    "growth": growth,
    "quality": quality,
    "curves": curves,
}


def render(text, results):
    """The text with all marked tables as the results have them."""

    def write(match):
        return f"{match[1]}\n\n{BLOCKS[match[2]](results)}\n\n<!-- end -->"

    return re.sub(r"(<!-- results: (\w+) -->).*?<!-- end -->", write, text, flags=re.DOTALL)


def documents():
    """Files that may hold tables."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def main(options):
    """Write all tables again."""
    results = json.loads(RESULTS.read_text())
    draw_curves(results)
    for path in documents():
        text = path.read_text()
        new = render(text, results)
        if new != text:
            path.write_text(new)
            print(f"wrote {path.relative_to(ROOT)}")
