import numpy as np
import pytest
from scipy.signal import lfilter

from skebm import RBM
from skebm.metrics import (
    free_energy_gap,
    integrated_autocorrelation_time,
    nearest_neighbor_adversarial_accuracy,
)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_gap_is_the_difference_of_the_scores(temperature):
    rng = np.random.default_rng(0)
    rbm = RBM.from_parameters(
        rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=3), temperature=temperature
    )
    train, held_out = np.split((rng.random((18, 5)) < 0.5).astype(float), [11])
    expected = rbm.score(train) - rbm.score(held_out)
    np.testing.assert_allclose(free_energy_gap(rbm, train, held_out), expected)


def test_gap_grows_with_overfitting():
    rng = np.random.default_rng(0)
    X = (rng.random((60, 11)) < 0.3).astype(float)
    rbm = RBM(40, random_state=0, learning_rate_schedule="constant", max_iter=400, n_chains=20)
    gaps = [free_energy_gap(rbm.partial_fit(X[:20]), X[:20], X[20:])]
    gaps.append(free_energy_gap(rbm.fit(X[:20]), X[:20], X[20:]))
    assert gaps[1] > gaps[0] + 1


@pytest.mark.parametrize("persistence", [0.0, 0.5, 0.9])
def test_autocorrelation_time_of_an_autoregression(persistence):
    noise = np.random.default_rng(0).normal(size=(20_011, 7))
    chains = lfilter([1], [1, -persistence], noise, axis=0)
    time = (1 + persistence) / (1 - persistence)
    # 4 standard errors of the sum up to lag 5 * time (Madras and Sokal 1988)
    bound = 4 * np.sqrt(2 * (10 * time + 1) / chains.size)
    assert abs(integrated_autocorrelation_time(chains + 5) / time - 1) < bound


def test_chains_stuck_in_two_modes_take_long():
    modes = np.repeat([[-3.0, 3.0]], 1000, axis=0)
    chains = modes + np.random.default_rng(0).normal(size=modes.shape)
    assert integrated_autocorrelation_time(chains[:, 0]) < 2
    assert integrated_autocorrelation_time(chains) > 100


def test_autocorrelation_time_of_bad_input():
    assert np.isnan(integrated_autocorrelation_time(np.ones(10)))
    with pytest.raises(ValueError, match="at least 2 sweeps"):
        integrated_autocorrelation_time([1.0])


def test_adversarial_accuracy_by_brute_force():
    rng = np.random.default_rng(0)
    real, generated = (rng.random((2, 23, 5)) < 0.5).astype(float)  # ties abound
    distance = np.linalg.norm(real[:, np.newaxis] - generated, axis=2)
    expected = []
    for rows, others in ((real, distance), (generated, distance.T)):
        own = np.linalg.norm(rows[:, np.newaxis] - rows, axis=2)
        np.fill_diagonal(own, np.inf)
        nearer = [np.sign(o.min() - s.min()) for s, o in zip(own, others, strict=True)]
        expected.append(np.mean((np.array(nearer) + 1) / 2))
    np.testing.assert_allclose(nearest_neighbor_adversarial_accuracy(real, generated), expected)


def test_copies_and_collapse_are_told_apart():
    real = np.random.default_rng(0).normal(size=(101, 3))
    copies = nearest_neighbor_adversarial_accuracy(real, real + 1e-6)
    assert copies.real == copies.generated == 0
    collapsed = nearest_neighbor_adversarial_accuracy(real, real[:1] + 1e-6 * real)
    assert collapsed.generated > 0.95
    with pytest.raises(ValueError, match=r"\(101, 3\).*\(100, 3\)"):
        nearest_neighbor_adversarial_accuracy(real, real[1:])


def test_alternating_series_have_a_time_of_at_least_0():
    assert 0 <= integrated_autocorrelation_time((-1.0) ** np.arange(1000)) < 0.1
