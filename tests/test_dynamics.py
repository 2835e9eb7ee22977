import numpy as np
import pytest
from scipy.stats import chisquare, kstest, norm

from skebm._dynamics import gibbs
from skebm._energies import Bipartite

from . import oracle

TEMPERATURE = 1.3
N_CHAINS = 20_011
N_SWEEPS = 40
ALPHA = 1e-4  # a correct sampler fails this rarely


def make(visible, hidden, scale=0.8):
    parameters = oracle.small_parameters(2, 3, scale, seed=7)
    units = oracle.UNITS[visible], oracle.UNITS[hidden]
    return Bipartite(*parameters, *units, TEMPERATURE), parameters


def counts(samples, states):
    hits = (samples[:, np.newaxis] == states).all(axis=2)
    assert hits.any(axis=1).all()
    return hits.sum(axis=0)


def distribution_fits(model, visible, hidden, parameters, clamped=None):
    rng = np.random.default_rng(0)
    start, _ = model.independent(np.zeros(3), N_CHAINS, rng)
    given = None if clamped is None else np.tile(clamped, (N_CHAINS, 1))
    samples = gibbs(model, start, N_SWEEPS, rng, given)
    v, p = oracle.visible_distribution(parameters, visible, hidden, TEMPERATURE)
    if clamped is not None:
        held = ~np.isnan(clamped)
        keep = (v[:, held] == clamped[held]).all(axis=1)
        v, p = v[keep], p[keep] / p[keep].sum()
    return chisquare(counts(samples, v), N_CHAINS * p).pvalue > ALPHA


@pytest.mark.parametrize("visible", ["bernoulli", "spin"])
@pytest.mark.parametrize("hidden", list(oracle.UNITS))
@pytest.mark.parametrize("clamped", [None, [1.0, np.nan, np.nan], [np.nan, 1.0, np.nan]])
def test_samples_follow_the_exact_distribution(visible, hidden, clamped):
    model, parameters = make(visible, hidden)
    clamped = None if clamped is None else np.array(clamped)
    assert distribution_fits(model, visible, hidden, parameters, clamped)


@pytest.mark.parametrize("visible", ["bernoulli", "spin"])
def test_the_check_sees_planted_bugs(visible):
    model, (weights, a, b) = make(visible, "bernoulli")
    doubled = (2 * weights, 2 * a, 2 * b)
    swapped = (weights, a[[1, 0, 2]], b)
    for wrong in (doubled, swapped, (weights, a, b[::-1])):
        assert not distribution_fits(model, visible, "bernoulli", wrong)
        assert not distribution_fits(
            model, visible, "bernoulli", wrong, np.array([1.0, np.nan, np.nan])
        )


def test_gaussian_visible_given_one_value():
    # a free Gaussian unit is a mixture of normals, one for each hidden state
    model, (weights, a, b) = make("gaussian", "bernoulli")
    clamped = np.array([0.7, np.nan, -0.4])
    rng = np.random.default_rng(0)
    start, _ = model.independent(np.zeros(3), N_CHAINS, rng)
    samples = gibbs(model, start, N_SWEEPS, rng, np.tile(clamped, (N_CHAINS, 1)))
    h, _ = oracle.side("bernoulli", 2, TEMPERATURE)
    center = a[1] + h @ weights[:, 1]
    # integrating the free unit out leaves exp(center^2 / 2T) for every hidden state
    log_weight = (h @ b + h @ weights[:, [0, 2]] @ clamped[[0, 2]] + center**2 / 2) / TEMPERATURE
    p = np.exp(log_weight - np.logaddexp.reduce(log_weight))

    def cdf(x):
        return norm.cdf(np.subtract.outer(x, center) / np.sqrt(TEMPERATURE)) @ p

    assert kstest(samples[:, 1], cdf).pvalue > ALPHA
    assert kstest(samples[:, 1] * np.sqrt(2), cdf).pvalue < ALPHA


def test_clamped_units_come_back_unchanged():
    model, _ = make("bernoulli", "bernoulli")
    given = np.array([[0.3, np.nan, 1.0], [np.nan, np.nan, np.nan]])
    start = np.zeros((2, 3))
    states = gibbs(model, start, 3, np.random.default_rng(0), given)
    np.testing.assert_array_equal(states[0, [0, 2]], [0.3, 1.0])
    assert not start.any()


def test_no_sweeps_change_nothing():
    model, _ = make("bernoulli", "bernoulli")
    start = np.eye(3)
    np.testing.assert_array_equal(gibbs(model, start, 0, np.random.default_rng(0)), start)
