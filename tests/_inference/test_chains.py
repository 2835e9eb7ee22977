import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import chisquare, kstest, norm, truncnorm

from skebm._energies.bipartite import Bipartite
from skebm._inference.chains import place, temper
from skebm.units import Bernoulli

from .. import oracle

TEMPERATURE = 1.3
N_CHAINS = 20_011
N_SWEEPS = 40
ALPHA = 1e-4  # a correct sampler fails this rarely


def make(visible, hidden, scale=0.8):
    parameters = oracle.small_parameters(2, 3, scale, seed=7)
    units = oracle.UNITS[visible], oracle.UNITS[hidden]
    return Bipartite(*parameters, *units, TEMPERATURE), parameters


def gibbs(model, start, n_sweeps, rng, given=None):
    """Sweeps from a start, with the values given held."""
    if given is None:
        return model.sweeps(start, [1.0] * n_sweeps, rng)
    held = ~np.isnan(given)
    return model.sweeps(np.where(held, given, start), [1.0] * n_sweeps, rng, held)


def counts(samples, states):
    hits = (samples[:, np.newaxis] == states).all(axis=2)
    assert hits.any(axis=1).all()
    return hits.sum(axis=0)


def distribution_fits(model, visible, hidden, parameters, clamped=None):
    rng = np.random.default_rng(0)
    start, _ = model.independent(N_CHAINS, rng)
    given = None if clamped is None else np.tile(clamped, (N_CHAINS, 1))
    samples = gibbs(model, start, N_SWEEPS, rng, given)
    v, p = oracle.visible_distribution(parameters, visible, hidden, TEMPERATURE)
    if clamped is not None:
        held = ~np.isnan(clamped)
        keep = (v[:, held] == clamped[held]).all(axis=1)
        v, p = v[keep], p[keep] / p[keep].sum()
    return chisquare(counts(samples, v), N_CHAINS * p).pvalue > ALPHA


@pytest.mark.parametrize("visible", ["bernoulli", "spin"])
@pytest.mark.parametrize("hidden", oracle.SCALAR)
@pytest.mark.parametrize("clamped", [None, [1.0, np.nan, np.nan], [np.nan, 1.0, np.nan]])
def test_samples_follow_the_exact_distribution(visible, hidden, clamped):
    model, parameters = make(visible, hidden)
    clamped = None if clamped is None else np.array(clamped)
    assert distribution_fits(model, visible, hidden, parameters, clamped)


def mixed_model():
    parameters = oracle.small_parameters(2, 6, 0.8, seed=3)
    units = oracle.UNITS["mixed"], oracle.UNITS["bernoulli"]
    return Bipartite(*parameters, *units, TEMPERATURE), parameters


def mixed_samples(clamped):
    model, parameters = mixed_model()
    rng = np.random.default_rng(0)
    start, _ = model.independent(N_CHAINS, rng)
    return gibbs(model, start, N_SWEEPS, rng, np.tile(clamped, (N_CHAINS, 1))), parameters


def test_discrete_columns_of_a_mixed_row_given_the_continuous_ones():
    clamped = np.array([np.nan, 0.7, 0.4, np.nan, np.nan, np.nan])
    samples, (weights, a, b) = mixed_samples(clamped)
    np.testing.assert_array_equal(samples[:, 1:3], clamped[np.newaxis, 1:3].repeat(N_CHAINS, 0))
    states = np.array([[x, 0.7, 0.4, *group] for x in (0.0, 1.0) for group in np.eye(3)])
    p = np.zeros(6)
    for h in np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]):
        p += np.exp((states @ weights.T @ h + states @ a + b @ h) / TEMPERATURE)
    p /= p.sum()
    observed = counts(samples, states)
    assert chisquare(observed, N_CHAINS * p).pvalue > ALPHA
    assert chisquare(observed, N_CHAINS * p[::-1]).pvalue < ALPHA


@pytest.mark.parametrize("column", [1, 2])
def test_continuous_columns_of_a_mixed_row_given_the_discrete_ones(column):
    clamped = np.array([1.0, np.nan, np.nan, 0, 0, 1])
    samples, (weights, a, b) = mixed_samples(clamped)
    v, h, log_joint = oracle.joint((weights, a, b), "mixed", "bernoulli", TEMPERATURE)
    keep = (v[:, [0, 3, 4, 5]] == clamped[[0, 3, 4, 5]]).all(axis=1)
    p_hidden = np.exp(logsumexp(log_joint[keep], axis=0))
    p_hidden /= p_hidden.sum()
    scale = np.sqrt(TEMPERATURE)

    def cdf(x, shift=0.0):
        total = 0.0
        for p, field in zip(p_hidden, h @ weights[:, column] + a[column] + shift, strict=True):
            lowest = -np.inf if column == 1 else -field / scale
            total = total + p * truncnorm(lowest, np.inf, field, scale).cdf(x)
        return total

    assert kstest(samples[:, column], cdf).pvalue > ALPHA
    assert kstest(samples[:, column], lambda x: cdf(x, 0.2)).pvalue < ALPHA


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
    start, _ = model.independent(N_CHAINS, rng)
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


BETAS = np.array([0.0, 0.4, 1.0])
BASE = np.array([0.3, -0.5, 0.2])


def tempered(model, n_sweeps=30):
    """Visible states of all rungs, and the swap rates."""
    rng = np.random.default_rng(0)
    model = model.replace(base_visible=BASE)
    states, _ = model.independent(len(BETAS) * N_CHAINS, rng)
    for _ in range(n_sweeps):
        states, rates = temper(model, states, BETAS, rng)
    return states, rates


def rung_fits(parameters, states, rung):
    """Whether the states of a rung follow the marginal of its model, hidden units summed out."""
    weights, a, b = parameters
    beta = BETAS[rung]
    between = (beta * weights, beta * a + (1 - beta) * BASE, beta * b)
    v, p = oracle.visible_distribution(between, "bernoulli", "bernoulli", TEMPERATURE)
    rows = states[rung * N_CHAINS : (rung + 1) * N_CHAINS]
    return chisquare(counts(rows, v), N_CHAINS * p).pvalue > ALPHA


def test_tempering_keeps_the_law_of_every_rung():
    model, parameters = make("bernoulli", "bernoulli", scale=1.5)
    states, rates = tempered(model)
    assert rates.shape == (2,)
    assert ((rates > 0.1) & (rates < 1)).all()
    for rung in range(3):
        assert rung_fits(parameters, states, rung)
    # rungs are independent of each other: no state is in two places
    top, below = states[-N_CHAINS:, 0], states[:N_CHAINS, 0]
    assert abs(np.corrcoef(top, below)[0, 1]) < 4.5 / np.sqrt(N_CHAINS)


@pytest.mark.parametrize("bug", ["sign", "half", "no bias"])
def test_tempering_with_the_wrong_swap_energy_is_seen(bug, monkeypatch):
    model, parameters = make("bernoulli", "bernoulli", scale=1.5)
    right = Bipartite.sweep_and_slope

    def wrong(model, v, beta, rng, held=None):
        v, slope = right(model, v, beta, rng, held)
        if bug == "no bias":
            return v, slope - v @ (model.intercept_visible - BASE) / TEMPERATURE
        return v, slope * {"sign": -1, "half": 0.5}[bug]

    monkeypatch.setattr(Bipartite, "sweep_and_slope", wrong)
    states, _ = tempered(model)
    assert not all(rung_fits(parameters, states, rung) for rung in range(3))


def test_tempering_of_hidden_states_is_that_of_the_swapped_machine():
    # what training does: the base belongs to the side that is summed out
    model, (weights, a, b) = make("bernoulli", "spin", scale=1.5)
    swapped = model.replace(base_visible=BASE).swapped()
    rng = np.random.default_rng(0)
    states, _ = swapped.independent(len(BETAS) * N_CHAINS, rng)
    for _ in range(30):
        states, _ = temper(swapped, states, BETAS, rng)
    for rung, beta in enumerate(BETAS):
        between = beta * weights.T, beta * b, beta * a + (1 - beta) * BASE
        h, p = oracle.visible_distribution(between, "spin", "bernoulli", TEMPERATURE)
        rows = states[rung * N_CHAINS : (rung + 1) * N_CHAINS]
        assert chisquare(counts(rows, h), N_CHAINS * p).pvalue > ALPHA


def test_tempering_with_clamped_units():
    model, parameters = make("bernoulli", "spin", scale=1.1)
    model = model.replace(base_visible=BASE)
    rng = np.random.default_rng(0)
    states, _ = model.independent(3 * N_CHAINS, rng)
    states[:, 0] = 1
    held = np.tile(np.arange(3) == 0, (len(states), 1))
    for _ in range(30):
        states, _ = temper(model, states, BETAS, rng, held)
    v, p = oracle.visible_distribution(parameters, "bernoulli", "spin", TEMPERATURE)
    keep = v[:, 0] == 1
    expected = N_CHAINS * p[keep] / p[keep].sum()
    assert chisquare(counts(states[-N_CHAINS:], v[keep]), expected).pvalue > ALPHA


def test_rungs_go_where_exchanges_are_refused():
    betas = np.linspace(0, 1, 6)
    np.testing.assert_allclose(place(betas, np.full(5, 0.3)), betas)
    np.testing.assert_allclose(place(betas, np.ones(5)), betas)  # nothing is refused
    moved = place(betas, np.array([0.9, 0.9, 0.1, 0.9, 0.9]))
    assert moved[0] == 0
    assert moved[-1] == 1
    assert (np.diff(moved) > 0).all()
    # of 1.3 that is refused in all, .9 lie between .4 and .6, and so do most rungs
    assert ((moved >= 0.4) & (moved <= 0.6)).sum() == 4


def test_placed_rungs_refuse_alike():
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 1.2, (11, 13))
    model = Bipartite(weights, np.zeros(13), np.zeros(11), Bernoulli(), Bernoulli())
    betas, spread = np.array([0, 0.02, 0.04, 0.06, 0.08, 1.0]), []
    states, _ = model.independent(6 * 200, rng)
    for _ in range(6):
        rates = np.zeros(5)
        for _ in range(40):
            states, swap_rates = temper(model, states, betas, rng)
            rates += swap_rates / 40
        spread.append(np.ptp(rates))
        betas = place(betas, rates)
    assert spread[0] > 0.5
    assert spread[-1] < 0.1
