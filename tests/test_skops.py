"""Files that readers open which take nothing they were not told of."""

import numpy as np
import pytest

import skebm
from skebm.units import Categorical, Composite

from .test_estimator_contract import ESTIMATORS, fitted, rows

sio = pytest.importorskip("skops.io")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(53, 4))
B = (X > 0).astype(float)
H = np.hstack([np.eye(3)[RNG.integers(3, size=53)], X])
OTHERS = {
    "imputer": (skebm.EnergyImputer(random_state=0), X),
    "imputer, categories": (skebm.EnergyImputer(categorical_features=[0], random_state=0), B),
    "detector": (skebm.EnergyOutlierDetector(), X),
    "auto units": (skebm.RBM(3, visible="auto", max_iter=3), H),
    "counts": (skebm.RBM(3, visible="poisson", hidden=Categorical(3), max_iter=3), B),
    "mixed": (skebm.RBM(3, visible=Composite([("spin", 2), ("relu", 2)]), max_iter=3), 2 * B - 1),
    "trained classifier": (skebm.HopfieldClassifier(3, max_iter=3, random_state=0), X),
    "scored": (skebm.RBM(29, max_iter=300, random_state=0), B),
}


def check(estimator, X):
    data = sio.dumps(estimator)
    assert set(sio.get_untrusted_types(data=data)) <= set(skebm.TRUSTED_TYPES)
    copy = sio.loads(data, trusted=skebm.TRUSTED_TYPES)
    method = "transform" if hasattr(estimator, "transform") else "predict"
    np.testing.assert_array_equal(getattr(copy, method)(X), getattr(estimator, method)(X))
    return copy


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator(name):
    check(fitted(name), rows(name))


@pytest.mark.parametrize("name", OTHERS)
def test_more_estimators(name):
    estimator, X = OTHERS[name]
    estimator.fit(X, B[:, 0])
    if name == "scored":
        estimator.log_partition(method="ais", n_temperatures=50)
    copy = check(estimator, X)
    if hasattr(estimator, "score_samples"):
        np.testing.assert_array_equal(copy.score_samples(X), estimator.score_samples(X))


def test_every_trusted_type_exists():
    from importlib import import_module

    for path in skebm.TRUSTED_TYPES:
        module, _, name = path.rpartition(".")
        assert hasattr(import_module(module), name)
