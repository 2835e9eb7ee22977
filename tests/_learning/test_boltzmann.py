"""Gradients of a Boltzmann machine against plain sums over states and finite differences."""

import itertools

import numpy as np
import pytest
from scipy.special import expit, logsumexp

from skebm._energies.coupled import Coupled, arrange
from skebm._energies.sums import mean_states
from skebm._inference.mean_field import coupled_means
from skebm._learning.boltzmann import clamped_states, epoch, sampled_gradient
from skebm._learning.climb import exact_gradient, maximize, pseudo_gradient
from skebm._learning.optimizer import State

N_VISIBLE, N_HIDDEN = 3, 2
N_UNITS = N_VISIBLE + N_HIDDEN


def problem(coupled_hidden=True, scale=0.8, seed=0):
    rng = np.random.default_rng(seed)
    coupling = np.triu(scale * rng.normal(size=(N_UNITS, N_UNITS)), 1)
    if not coupled_hidden:
        coupling[N_VISIBLE:, N_VISIBLE:] = 0
    v = (rng.random((7, N_VISIBLE)) < 0.6).astype(float)
    weights = rng.random(7)
    model = Coupled(coupling + coupling.T, scale * rng.normal(size=N_UNITS)).arranged()
    return model, v, weights / weights.sum()


def all_states(n_units):
    return np.array(list(itertools.product([0.0, 1.0], repeat=n_units)))


def log_likelihood(coupling, intercept, v, weights):
    states = all_states(N_UNITS)
    log_weight = np.einsum("si,ij,sj->s", states, coupling, states) / 2 + states @ intercept
    rows = [logsumexp(log_weight[(states[:, :N_VISIBLE] == row).all(axis=1)]) for row in v]
    return weights @ rows - logsumexp(log_weight)


def pseudo_likelihood(coupling, intercept, v, weights):
    total = 0
    for row, weight in zip(v, weights, strict=True):
        for i in range(len(row)):
            p = expit(row @ coupling[i] + intercept[i])
            total += weight * np.log(p if row[i] else 1 - p)
    return total


def assert_gradient(function, contrast, model, v, weights):
    value, second, mean = contrast(model, v, weights)
    coupling, intercept = model.coupling, model.intercept
    assert value == pytest.approx(function(coupling, intercept, v, weights))
    step = 1e-5
    for i, j in itertools.combinations(range(len(coupling)), 2):
        change = np.zeros_like(coupling)
        change[i, j] = change[j, i] = step
        up, down = (function(coupling + d, intercept, v, weights) for d in (change, -change))
        expected = pytest.approx((up - down) / (2 * step), abs=1e-7)
        assert second[i, j] == expected
        assert second[j, i] == expected
    for i in range(len(coupling)):
        change = step * np.eye(len(coupling))[i]
        up, down = (function(coupling, intercept + d, v, weights) for d in (change, -change))
        assert mean[i] == pytest.approx((up - down) / (2 * step), abs=1e-7)


@pytest.mark.parametrize("coupled_hidden", [True, False])
def test_exact_gradient_is_the_gradient(coupled_hidden):
    assert_gradient(log_likelihood, exact_gradient, *problem(coupled_hidden))


def test_pseudo_gradient_is_the_gradient():
    model, v, weights = problem()
    model = Coupled(model.coupling[:3, :3], model.intercept[:3]).arranged()
    assert_gradient(pseudo_likelihood, pseudo_gradient, model, v, weights)


@pytest.mark.parametrize("annealed", [False, True])
@pytest.mark.parametrize("coupled_hidden", [True, False])
def test_sampled_contrast_has_the_mean_of_the_gradient(coupled_hidden, annealed):
    model, v, _ = problem(coupled_hidden)
    rng = np.random.default_rng(0)
    n = 30_011
    _, second, mean = exact_gradient(model, v, np.full(len(v), 1 / len(v)))
    betas = [0.3, 0.6, *[1.0] * 20] if annealed else None
    chains, _ = model.independent(n, rng)
    got_second, got_mean, chains, _ = sampled_gradient(
        model, chains, np.repeat(v, n // 7, axis=0), rng, algorithm="gibbs", n_steps=20, betas=betas
    )
    assert set(np.unique(chains)) == {0, 1}
    # a difference of means of n values within [0, 1]: at most sqrt(2 / 4 n)
    bound = 4 * np.sqrt(0.5 / n)
    np.testing.assert_allclose(got_mean, mean, atol=bound)
    pairs = model.coupling != 0
    np.testing.assert_allclose(got_second[pairs], second[pairs], atol=bound)


def test_clamped_hidden_units_follow_their_conditional():
    model, v, _ = problem(scale=1.5)
    hidden = model.given(v)
    exact = mean_states(hidden.coupling, hidden.intercept)
    n, rng = 20_011, np.random.default_rng(0)
    rows = np.repeat(v, n, axis=0)
    states = clamped_states(model, rows, rng, algorithm="gibbs", n_steps=30, betas=None)
    np.testing.assert_array_equal(states[:, :N_VISIBLE], rows)
    means = states[:, N_VISIBLE:].reshape(len(v), n, N_HIDDEN).mean(axis=1)
    np.testing.assert_allclose(means, exact, atol=4 * 0.5 / np.sqrt(n))


def test_mean_field_solves_its_equations_and_is_exact_without_couplings():
    model, v, _ = problem(scale=1.5)
    hidden = model.given(v)
    m = coupled_means(hidden)
    np.testing.assert_allclose(m, expit(m @ hidden.coupling + hidden.intercept), atol=1e-4)
    states = clamped_states(model, v, None, algorithm="mean_field", n_steps=1, betas=None)
    np.testing.assert_array_equal(states[:, N_VISIBLE:], m)
    free = hidden.replace(coupling=np.zeros((2, 2)))
    np.testing.assert_allclose(coupled_means(free), expit(hidden.intercept), atol=1e-4)


@pytest.mark.parametrize("gradient", [exact_gradient, pseudo_gradient])
def test_maximize_ends_where_the_gradient_is_0(gradient):
    v = (np.random.default_rng(0).random((101, 4)) < 0.4).astype(float)
    mask = np.ones((4, 4), bool) ^ np.eye(4, dtype=bool)
    mask[0, 1] = mask[1, 0] = False
    start = Coupled(np.zeros((4, 4)), np.zeros(4)).arranged()
    coupling, intercept, losses, converged = maximize(
        gradient, start, v, mask, l2=0.0, l1=0.0, smallest_gain=1e-15
    )
    assert converged
    assert losses[-1] < losses[0]
    assert coupling[0, 1] == 0
    end = Coupled(coupling, intercept).arranged()
    value, second, mean = gradient(end, v, np.full(101, 1 / 101))
    assert value == pytest.approx(-losses[-1])
    assert np.abs(second[mask]).max() < 1e-7
    assert np.abs(mean).max() < 1e-7


def test_lasso_meets_its_conditions_and_drops_couplings():
    v = (np.random.default_rng(0).random((101, 5)) < 0.4).astype(float)
    mask = ~np.eye(5, dtype=bool)
    start = Coupled(np.zeros((5, 5)), np.zeros(5)).arranged()
    coupling, intercept, _, _ = maximize(
        exact_gradient, start, v, mask, l2=0.0, l1=0.02, smallest_gain=1e-15
    )
    _, second, _ = exact_gradient(Coupled(coupling, intercept), v, np.full(101, 1 / 101))
    kept = (coupling != 0) & mask
    assert 0 < kept.sum() < mask.sum()
    np.testing.assert_allclose(second[kept], 0.02 * np.sign(coupling[kept]), atol=1e-6)
    assert np.abs(second[~kept & mask]).max() <= 0.02


def test_a_step_on_a_restricted_mask_is_that_of_an_rbm(monkeypatch):
    # free states stay, so that both sides see the same statistics
    monkeypatch.setattr(Coupled, "sweeps", lambda model, states, *_, **__: states)
    rng = np.random.default_rng(0)
    w, b, a = rng.normal(size=(2, 3)), rng.normal(size=2), rng.normal(size=3)
    coupling = np.zeros((5, 5))
    coupling[3:, :3], coupling[:3, 3:] = w, w.T
    v = (rng.random((11, 3)) < 0.5).astype(float)
    chains = (rng.random((7, 5)) < 0.5).astype(float)
    offset = rng.random(5)

    def gradient(model, chains, rows, offset):
        return sampled_gradient(model, chains, rows, rng, algorithm="gibbs", n_steps=1, betas=None)

    rate = 0.3
    state = State((coupling, np.append(a, b)), (offset,), None, chains).copy()
    epoch(
        state,
        coupling != 0,
        arrange(coupling),
        v,
        rng,
        rates=[rate],
        gradient=gradient,
        momentum=0.0,
        l2=0.0,
        l1=0.0,
    )
    h_data, h_model = expit(v @ w.T + b), expit(chains[:, :3] @ w.T + b)
    mean = np.append(v.mean(axis=0), h_data.mean(axis=0))
    mu, lam = np.split(offset + 0.05 * (mean - offset), [3])
    dw = (h_data - lam).T @ (v - mu) / 11 - (h_model - lam).T @ (chains[:, :3] - mu) / 7
    da = v.mean(axis=0) - chains[:, :3].mean(axis=0) - dw.T @ lam
    db = h_data.mean(axis=0) - h_model.mean(axis=0) - dw @ mu
    np.testing.assert_allclose(state.parameters[0][3:, :3], w + rate * dw)
    np.testing.assert_allclose(state.parameters[1], np.append(a + rate * da, b + rate * db))
    np.testing.assert_array_equal(state.parameters[0][coupling == 0], 0)
    np.testing.assert_array_equal(state.parameters[0], state.parameters[0].T)
