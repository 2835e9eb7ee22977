"""Outliers by the density of a model: thresholds that hold for rows trained on and for new ones."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skebm import RBM, EnergyImputer, EnergyOutlierDetector, ModernHopfieldMemory
from skebm._energies.kernel import Kernel

ESTIMATORS = {
    "default": None,
    "full": EnergyImputer(random_state=0),
    "memory": ModernHopfieldMemory(similarity="euclidean"),
    "manhattan": ModernHopfieldMemory(similarity="manhattan"),
    "pipeline": make_pipeline(StandardScaler(), ModernHopfieldMemory(similarity="euclidean")),
    "rbm": RBM(11, visible="gaussian", learning_rate=0.1, max_iter=50, random_state=0),
}


@pytest.mark.parametrize("load", [load_breast_cancer, load_digits])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_new_rows_are_outliers_as_often_as_rows_trained_on(name, load):
    train, test = train_test_split(load().data, test_size=0.5, random_state=0)
    detector = EnergyOutlierDetector(ESTIMATORS[name], contamination=0.1).fit(train)
    assert (detector.predict(train) < 0).mean() == pytest.approx(0.1, abs=0.01)
    assert (detector.predict(test) < 0).mean() == pytest.approx(0.1, abs=0.06)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("similarity", ["dot", "euclidean", "manhattan"])
def test_stored_rows_are_judged_by_the_others(similarity, container):
    X = np.random.default_rng(0).normal(size=(17, 3)) + 100
    X[5] = X[2]  # of copies one is left out
    if container is sparse.csr_array and similarity == "manhattan":
        pytest.skip("manhattan distances take dense rows")
    memory = ModernHopfieldMemory(similarity=similarity, temperature=0.3)
    detector = EnergyOutlierDetector(memory).fit(container(X))
    new = X[:4] + 0.1
    scores = detector.score_samples(container(np.vstack([X, new])))
    left_out = [memory.fit(np.delete(X, k, axis=0)).score_samples(X[[k]])[0] for k in range(17)]
    np.testing.assert_allclose(scores[:17], left_out, atol=1e-6)
    np.testing.assert_allclose(scores[17:], memory.fit(X).score_samples(new), atol=1e-6)
    alone = EnergyOutlierDetector(memory).fit(X[:1])
    assert np.isfinite(alone.score_samples(X)).all()


def test_rows_of_zeros_are_stored_rows_too():
    X = np.random.default_rng(0).integers(2, size=(41, 23)).astype(np.float32)
    X[3] = 0
    memory = ModernHopfieldMemory(similarity="euclidean", temperature=0.7)
    detector = EnergyOutlierDetector(memory).fit(X)
    left_out = memory.fit(np.delete(X, 3, axis=0)).score_samples(X[[3]])
    np.testing.assert_allclose(detector.score_samples(X[[3]]), left_out, rtol=1e-5)


def test_stored_rows_with_holes_are_judged_by_the_others():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(19, 4))
    kernel = Kernel.of(X, np.cov(X.T), 0.4)
    rows = X.copy()
    rows[rng.random(X.shape) < 0.3] = np.nan
    rows[3], rows[7] = np.nan, X[7]
    got = kernel.log_density(rows, without_self=True)
    for k, row in enumerate(rows):
        others = Kernel(np.delete(X, k, axis=0), kernel.precision, kernel.log_determinant, 0.4)
        assert got[k] == pytest.approx(others.log_density(row[np.newaxis])[0], abs=1e-9)
    np.testing.assert_allclose(
        kernel.log_density(rows + 0.1, without_self=True), kernel.log_density(rows + 0.1)
    )


def test_frames_in_single_rows():
    frame = pd.DataFrame({"size": [1.0, 1.1, 0.9, 1.2, 9.0] * 10, "kind": list("aabab") * 10})
    detector = EnergyOutlierDetector().fit(frame)
    single = [detector.score_samples(frame[k : k + 1])[0] for k in range(7)]
    np.testing.assert_allclose(single, detector.score_samples(frame)[:7], atol=1e-9)
