import numpy as np
import pytest

from skebm import RBM
from skebm.theory import marchenko_pastur_edge, rbm_phase, universal_parameters
from skebm.theory._rbm import _median_of_bulk


@pytest.mark.parametrize("shape", [(300, 300), (200, 700)])
def test_spectrum_of_random_matrices(shape):
    matrix = 0.3 * np.random.default_rng(0).standard_normal(shape)
    values = np.linalg.svd(matrix, compute_uv=False)
    assert values[0] == pytest.approx(marchenko_pastur_edge(*shape, 0.3), rel=0.03)
    assert np.median(values) == pytest.approx(0.3 * _median_of_bulk(*shape), rel=0.03)


@pytest.mark.parametrize("seed", range(20))
def test_universal_parameters_approximate_any_distribution(seed):
    rng = np.random.default_rng(seed)
    n_features, n_points = rng.integers(5, 9), rng.integers(1, 7)
    numbers = rng.choice(2**n_features, n_points, replace=False)
    support = numbers[:, np.newaxis] >> np.arange(n_features) & 1
    probabilities = rng.dirichlet(np.full(n_points, 0.5)) if seed % 2 else rng.random(n_points)
    probabilities = np.maximum(probabilities, 1e-4)
    probabilities /= probabilities.sum()
    for kl in (0.01, 1e-6):
        parameters = universal_parameters(support, probabilities, kl=kl)
        assert parameters[0].shape == (n_points, n_features)
        rbm = RBM.from_parameters(*parameters)
        assert rbm.log_partition().method == "exact"
        divergence = probabilities @ (np.log(probabilities) - rbm.score_samples(support))
        assert -1e-9 < divergence < kl


@pytest.mark.parametrize(
    ("support", "probabilities", "kl", "message"),
    [
        ([[0, 2]], [1.0], 0.1, "a table of 0 and 1"),
        ([[0, 1], [0, 1]], [0.5, 0.5], 0.1, "must differ from each other"),
        ([[0, 1], [1, 1]], [1.0], 0.1, r"shape \(2,\)"),
        ([[0, 1], [1, 1]], [1.0, 0.0], 0.1, "above 0 and have the sum 1"),
        ([[0, 1], [1, 1]], [0.6, 0.6], 0.1, "above 0 and have the sum 1"),
        ([[0, 1]], [1.0], 0.0, "kl must be a number above 0"),
    ],
)
def test_what_is_no_distribution_is_refused(support, probabilities, kl, message):
    with pytest.raises(ValueError, match=message):
        universal_parameters(support, probabilities, kl=kl)


def test_phases():
    weights = np.random.default_rng(0).standard_normal((97, 131)) / np.sqrt(131)
    edge = marchenko_pastur_edge(97, 131, 1 / np.sqrt(131))
    one = np.ones(131), np.ones(97)
    below = rbm_phase(0.9 / edge * weights, *one)
    assert below.name == "paramagnetic"
    assert below.largest == pytest.approx(0.9, rel=0.05)
    assert below.bulk_edge == pytest.approx(0.9, rel=0.05)
    assert rbm_phase(1.2 / edge * weights, *one).name == "spin-glass-like"
    assert rbm_phase(1.2 / edge * weights, *one, temperature=2.0).name == "paramagnetic"
    # variances of 1/4, as Bernoulli units have, on both sides
    assert rbm_phase(1.2 / edge * weights, one[0] / 4, one[1] / 4).name == "paramagnetic"
    direction = np.outer(np.ones(97), np.ones(131)) / np.sqrt(97 * 131)
    assert rbm_phase(0.5 / edge * weights + 1.5 * direction, *one).name == "ferromagnetic"
    unequal = np.linspace(0.1, 1, 131), np.linspace(0.2, 2, 97)
    scaled = np.diag(unequal[1] ** 0.5) @ weights @ np.diag(unequal[0] ** 0.5) / 1.7
    largest = rbm_phase(weights, *unequal, temperature=1.7).largest
    assert largest == pytest.approx(np.linalg.norm(scaled, 2))
