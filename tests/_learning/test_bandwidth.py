import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.datasets import load_breast_cancer, load_iris

from skebm import HopfieldClassifier, ModernHopfieldMemory
from skebm._energies.attention import Attention
from skebm._learning import bandwidth
from skebm.interactions import as_interaction


def attention(rows, similarity, interaction="softmax"):
    return Attention.of(rows, similarity, as_interaction(interaction))


def left_out_log_density(rows, temperature, similarity):
    """Mean over rows of the log-density of the mixture of all other, different rows."""
    total = []
    for row in rows:
        others = rows[(rows != row).any(axis=1)]
        differences = others - row
        if similarity == "manhattan":
            cost = np.abs(differences).sum(axis=1) / temperature
            volume = rows.shape[1] * np.log(2 * temperature)
        else:
            cost = (differences**2).sum(axis=1) / (2 * temperature)
            volume = rows.shape[1] / 2 * np.log(2 * np.pi * temperature)
        total.append(logsumexp(-cost) - np.log(len(others)) - volume)
    return np.mean(total)


@pytest.mark.parametrize("similarity", ["euclidean", "manhattan", "cosine"])
def test_left_out_rows_are_most_probable(similarity):
    rows = 7 + np.random.default_rng(0).normal(size=(61, 3)) * [1, 2, 3]
    found = bandwidth.density_temperature(attention(rows, similarity))
    if similarity == "cosine":
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    temperatures = found * np.exp(np.arange(-1, 1.01, 0.05))
    scores = [left_out_log_density(rows, t, similarity) for t in temperatures]
    assert abs(np.argmax(scores) - 20) <= 1


def test_copies_are_left_out_together_and_the_scale_goes_along():
    rows = np.random.default_rng(1).normal(size=(43, 5))
    once = bandwidth.density_temperature(attention(rows, "euclidean"))
    twice = bandwidth.density_temperature(attention(np.repeat(rows, 2, axis=0), "euclidean"))
    scaled = bandwidth.density_temperature(attention(1e6 + 30 * rows, "euclidean"))
    np.testing.assert_allclose([twice, scaled], [once, 900 * once], rtol=0.03)
    same = np.repeat(rows[:1], 7, axis=0)
    assert bandwidth.density_temperature(attention(same, "euclidean")) == 1
    assert bandwidth.density_temperature(attention(rows[:1], "dot")) == 1


def test_many_rows_are_judged_by_some_of_them(monkeypatch):
    rows = np.random.default_rng(2).normal(size=(997, 3)).astype(np.float32)
    whole = bandwidth.density_temperature(attention(rows, "euclidean"))
    monkeypatch.setattr(bandwidth, "LARGEST_TABLE", 1)
    some = bandwidth.density_temperature(attention(rows, "euclidean"))
    assert some != whole
    assert abs(np.log(some / whole)) < 0.3


@pytest.mark.parametrize("similarity", ["euclidean", "dot", "cosine", "manhattan"])
@pytest.mark.parametrize("interaction", ["softmax", "sparsemax"])
def test_classes_of_left_out_rows_come_out_right(similarity, interaction):
    X, y = load_iris(return_X_y=True)
    X, y = X[::2], y[::2]
    options = {"similarity": similarity, "interaction": interaction}
    chosen = HopfieldClassifier(**options).fit(X, y)
    first = bandwidth.density_temperature(attention(X, similarity))
    merits = {}
    for temperature in first * bandwidth.FACTORS:
        right, log_likelihood = 0, 0.0
        for i in range(len(X)):
            rest = np.arange(len(X)) != i
            one = HopfieldClassifier(temperature=temperature, **options).fit(X[rest], y[rest])
            shares = one.predict_proba(X[i : i + 1])[0]
            right += shares.argmax() == y[i]
            log_likelihood += np.log(max(shares[y[i]], np.finfo(np.float32).tiny))
        merits[temperature] = right, log_likelihood
    # a row on the border between classes may fall on either side
    assert merits[chosen.temperature_][0] >= max(merits.values())[0] - 1
    best = max(right for right, _ in merits.values())
    likely = max(value for right, value in merits.values() if right == best)
    if merits[chosen.temperature_][0] == best:
        assert merits[chosen.temperature_][1] >= likely - 1e-2 * abs(likely)


def test_a_density_with_one_mode_is_cooled_until_recall_tells_rows_apart():
    rows = np.random.default_rng(0).normal(size=(101, 2))
    energy = attention(rows, "euclidean")
    memory = ModernHopfieldMemory(similarity="euclidean").fit(rows)
    first = bandwidth.density_temperature(energy)
    warm = ModernHopfieldMemory(similarity="euclidean", temperature=30 * first).fit(rows)
    with pytest.warns(match="All 101 rows end in one state"):
        warm.transform(rows)
    assert len(np.unique(memory.transform(rows).round(3), axis=0)) > 1
    assert memory.temperature_ in first * 0.5 ** np.arange(bandwidth.HALVINGS)


def test_a_column_on_another_scale_is_named():
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X = X[["mean radius", "worst area", "mean smoothness"]]
    for model in (HopfieldClassifier(), ModernHopfieldMemory(similarity="euclidean")):
        with pytest.warns(UserWarning, match=r"100\.0% column 'worst area'"):
            model.fit(X, y)
