"""New rows of `EnergyImputer` in the place of real ones, at defaults.

Half of the rows train, the other half judges: how often a held-out or a new row has its nearest
neighbour in its own half (.5 is best), and the accuracy of gradient boosting that learned from new
rows, beside one that learned from the rows trained on. The class is a column like the others.
``--slow-peers`` adds CTGAN at its defaults, and a normal copula, if they are installed.
"""

import time
import warnings

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skebm import EnergyImputer
from skebm.metrics import nearest_neighbor_adversarial_accuracy

from .tables import mixed

try:
    from ctgan import CTGAN
except ImportError:
    CTGAN = None
try:
    from sdv.metadata import Metadata
    from sdv.single_table import GaussianCopulaSynthesizer
except ImportError:
    GaussianCopulaSynthesizer = None


def tables():
    """Frames whose last column is the class."""
    found = {}
    loads = {
        "iris": load_iris,
        "wine": load_wine,
        "cancer": load_breast_cancer,
        "digits": load_digits,
    }
    for name, load in loads.items():
        X, y = load(return_X_y=True, as_frame=True)
        found[name] = X.assign(label=[f"class {value}" for value in y])
    digits = (load_digits(as_frame=True).data >= 8).loc[:, lambda X: X.mean().between(0.02, 0.98)]
    found["digits, binary"] = digits.assign(label=found["digits"].label)
    for seed, n_rows in enumerate((500, 2000)):
        frame = mixed(n_rows, seed)
        found[f"mixed {seed + 1}"] = frame.assign(label=frame.pop("job"))
    return found


def numbers(*frames):
    """Standardised numbers and one-hot columns of frames with the same columns."""
    together = pd.get_dummies(pd.concat(frames, keys=range(len(frames))), dtype=float)
    scaled = StandardScaler().fit_transform(together.astype(float))
    stops = np.cumsum([len(frame) for frame in frames])[:-1]
    return np.split(scaled, stops)


def by_imputer(train, seed):
    """New rows of `EnergyImputer`."""
    return EnergyImputer(random_state=seed).fit(train).sample(len(train), random_state=seed)


def by_network(train, seed):
    """New rows of CTGAN."""
    kinds = train.dtypes
    discrete = [name for name in train if kinds[name].kind in "bO"]
    network = CTGAN(enable_gpu=False, verbose=False)
    network.set_random_state(seed)
    network.fit(train, discrete)
    return network.sample(len(train)).astype(kinds)


def by_copula(train, seed):
    """New rows of a normal copula."""
    copula = GaussianCopulaSynthesizer(Metadata.detect_from_dataframes({"table": train}))
    copula.fit({"table": train})
    return copula.sample(len(train))["table"].astype(train.dtypes)


def accuracy(source, test):
    """Of gradient boosting that learned from one table, on another."""
    inside, outside = numbers(source.drop(columns="label"), test.drop(columns="label"))
    model = HistGradientBoostingClassifier(random_state=0).fit(inside, source.label)
    return model.score(outside, test.label)


def main(options):
    """Print both judgements."""
    warnings.filterwarnings("ignore")
    makers = {"skebm": by_imputer}
    if options.slow_peers and CTGAN is not None:
        makers["ctgan"] = by_network
    if options.slow_peers and GaussianCopulaSynthesizer is not None:
        makers["copula"] = by_copula
    print(f"{'':26}{'adversarial':>14}{'real rows':>12}{'new rows':>12}{'seconds':>9}")
    results = {}
    for name, frame in tables().items():
        rows = {maker: [] for maker in makers}
        for seed in range(options.seeds):
            train, test = train_test_split(
                frame, test_size=0.5, random_state=seed, stratify=frame.label
            )
            real = accuracy(train, test)
            for maker, make in makers.items():
                begin = time.perf_counter()
                new = make(train, seed)
                seconds = time.perf_counter() - begin
                n_rows = min(len(test), len(new))
                adversary = nearest_neighbor_adversarial_accuracy(
                    *numbers(test[:n_rows], new[:n_rows])
                )
                rows[maker].append([np.mean(adversary), real, accuracy(new, test), seconds])
        results[name] = {maker: np.median(found, axis=0).tolist() for maker, found in rows.items()}
        for maker, values in results[name].items():
            print(f"{name}, {maker}".ljust(26) + f"{values[0]:14.3f}", end="")
            print(f"{values[1]:12.3f}{values[2]:12.3f}{values[3]:9.1f}", flush=True)
    return results
