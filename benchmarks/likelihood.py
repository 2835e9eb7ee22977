"""Log-likelihoods on binary tables of density estimation, by one recipe for all.

``--tables FILE`` is an npz archive with, for every table NAME, bits packed along rows by
``numpy.packbits(rows, axis=1)``: ``NAME_train``, ``NAME_valid``, ``NAME_test``; and
``NAME_n_columns``. The tables are those of Lowd and Davis (2010), Van Haaren and Davis (2012), and
Larochelle and Murray (2011), which papers on density estimation share as text files.

The recipe tries a few machines, keeps the one that scores best on the valid rows, and scores the
test rows once. Nothing is chosen by table, and nothing by test rows.
"""

import time
import warnings

import numpy as np

from skebm import RBM

# what is tried: updates, hidden units, L2; the rest is the same for all
MACHINES = (
    (2_500, 800, 2e-3),
    (4_000, 200, 1e-3),
    (16_000, 100, 3e-4),
    (16_000, 200, 1e-3),
    (20_000, 100, 3e-4),
    (20_000, 200, 3e-4),
    (30_000, 200, 1e-4),
)
BATCH, CHAINS, RATE = 100, 200, 0.3


def unpack(archive, name):
    """Train, valid and test rows."""
    width = int(archive[f"{name}_n_columns"])
    return [
        np.unpackbits(archive[f"{name}_{part}"], axis=1)[:, :width].astype(np.float32)
        for part in ("train", "valid", "test")
    ]


def fit(rows, updates, **options):
    """A machine of the recipe, and what training it said."""
    n_batches = -(-len(rows) // BATCH)
    rbm = RBM(
        algorithm="tempering",
        batch_size=BATCH,
        n_chains=CHAINS,
        learning_rate=RATE,
        max_iter=-(-updates // n_batches),
        early_stopping=False,
        random_state=0,
        **options,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rbm.fit(rows)
    return rbm, [str(warning.message) for warning in caught]


def measure(train, valid, test):
    """One row of the table."""
    tried = []
    begin = time.process_time()
    for updates, n_components, alpha in MACHINES:
        options = {"updates": updates, "n_components": n_components, "alpha": alpha}
        started = time.process_time()
        rbm, messages = fit(train, **options)
        seconds = time.process_time() - started
        tried.append((rbm.score(valid), seconds, options, rbm, messages))
    everything = time.process_time() - begin
    _, seconds, options, rbm, messages = max(tried, key=lambda found: found[0])
    # a longer look than the one that chose
    partition = rbm.log_partition(n_chains=1000)
    free = [-rbm.free_energy(rows).mean() for rows in (train, valid, test)]
    train_score, valid_score, test_score = (value - partition.value for value in free)
    return {
        "train": train_score,
        "valid": valid_score,
        "test": test_score,
        "bound": free[2] - partition.upper,
        "method": partition.method,
        "seconds": seconds,
        "all": everything,
        "options": options,
        "messages": messages,
    }


def main(options):
    """Measure every table of the archive."""
    if options.tables is None:
        raise SystemExit("likelihood needs --tables FILE; benchmarks/likelihood.py says what of.")
    archive = np.load(options.tables)
    suffix = "_n_columns"
    names = [name[: -len(suffix)] for name in archive.files if name.endswith(suffix)]
    for name in names:
        found = measure(*unpack(archive, name))
        print(
            f"{name:10} train {found['train']:8.2f} valid {found['valid']:8.2f} "
            f"test {found['test']:8.2f} (at least {found['bound']:.2f}, {found['method']}) "
            f"{found['seconds']:6.1f} s of {found['all']:.0f}  {found['options']} "
            + " ".join(found["messages"]),
            flush=True,
        )
