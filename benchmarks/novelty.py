"""Novelty detection with one class left out of training, all at defaults.

Half of the rows of the other classes train; the other half and the class left out are scored. Mean
area under the curve over classes and seeds.
"""

import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import LocalOutlierFactor

from skebm import EnergyOutlierDetector, ModernHopfieldMemory

TABLES = {
    "digits": load_digits,
    "wine": load_wine,
    "cancer": load_breast_cancer,
    "iris": load_iris,
}


def main(options):
    """Print the areas."""
    warnings.filterwarnings("ignore")
    models = {
        "skebm": EnergyOutlierDetector,
        "memory": lambda: EnergyOutlierDetector(ModernHopfieldMemory(similarity="euclidean")),
        "forest": lambda: IsolationForest(random_state=0),
        "factor": lambda: LocalOutlierFactor(novelty=True),
    }
    print(f"{'':12}" + "".join(f"{name:>10}" for name in models))
    areas = {}
    for table, load in TABLES.items():
        X, y = load(return_X_y=True)
        rows = []
        for label in np.unique(y):
            for seed in range(options.seeds):
                inside, outside = X[y != label], X[y == label]
                train, rest = train_test_split(inside, test_size=0.5, random_state=seed)
                test = np.concatenate([rest, outside])
                truth = np.repeat([1, 0], [len(rest), len(outside)])
                fitted = [make().fit(train) for make in models.values()]
                rows.append([roc_auc_score(truth, m.score_samples(test)) for m in fitted])
        areas[table] = dict(zip(models, np.mean(rows, axis=0), strict=True))
        print(table.ljust(12) + "".join(f"{value:10.3f}" for value in areas[table].values()))
    return areas
