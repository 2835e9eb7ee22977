from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import chisquare, kstest, norm, truncnorm

from skebm import _energies
from skebm._dynamics import gibbs, heat_bath, mean_field, recall, recall_at_once, temper
from skebm._energies import Bipartite, Pairwise, Path

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
    start, _ = model.independent(np.zeros(6), N_CHAINS, rng)
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


BETAS = np.array([0.0, 0.4, 1.0])
BASE = np.array([0.3, -0.5, 0.2])


def tempered_pairs(model, n_sweeps=30):
    """Indices of the joint states of all rungs, and the swap rates."""
    rng = np.random.default_rng(0)
    h = np.zeros((len(BETAS) * N_CHAINS, 2))
    for _ in range(n_sweeps):
        v, h, rates = temper(model, BASE, BETAS, h, rng)
    return v, h, rates


def joint_probabilities(parameters, beta):
    """Probabilities of the 32 pairs of 3 + 2 binary units at a place on the path."""
    weights, a, b = parameters
    between = (beta * weights, beta * a + (1 - beta) * BASE, beta * b)
    _, _, log_joint = oracle.joint(between, "bernoulli", "bernoulli", TEMPERATURE)
    return np.exp(log_joint - np.logaddexp.reduce(log_joint.ravel())).ravel()


def rung_fits(parameters, v, h, rung):
    rows = slice(rung * N_CHAINS, (rung + 1) * N_CHAINS)
    index = (v[rows] @ [4, 2, 1] * 4 + h[rows] @ [2, 1]).astype(int)
    expected = N_CHAINS * joint_probabilities(parameters, BETAS[rung])
    return chisquare(np.bincount(index, minlength=32), expected).pvalue > ALPHA


def test_tempering_keeps_the_law_of_every_rung():
    model, parameters = make("bernoulli", "bernoulli", scale=1.5)
    v, h, rates = tempered_pairs(model)
    assert rates.shape == (2,)
    assert ((rates > 0.1) & (rates < 1)).all()
    for rung in range(3):
        assert rung_fits(parameters, v, h, rung)
    # rungs are independent of each other: no state is in two places
    top, below = h[-N_CHAINS:, 0], h[:N_CHAINS, 0]
    assert abs(np.corrcoef(top, below)[0, 1]) < 4.5 / np.sqrt(N_CHAINS)


@pytest.mark.parametrize("bug", ["sign", "half", "no bias"])
def test_tempering_with_the_wrong_swap_energy_is_seen(bug, monkeypatch):
    model, parameters = make("bernoulli", "bernoulli", scale=1.5)
    right = Path.sample_hidden

    def wrong(path, v, rng):
        h, slope = right(path, v, rng)
        if bug == "no bias":
            return h, slope - v @ (model.intercept_visible - BASE) / TEMPERATURE
        return h, slope * {"sign": -1, "half": 0.5}[bug]

    monkeypatch.setattr(Path, "sample_hidden", wrong)
    v, h, _ = tempered_pairs(model)
    assert not all(rung_fits(parameters, v, h, rung) for rung in range(3))


def test_tempering_with_clamped_units():
    model, parameters = make("bernoulli", "spin", scale=1.1)
    clamped = np.tile([1.0, np.nan, np.nan], (N_CHAINS, 1))
    rng = np.random.default_rng(0)
    h = np.ones((3 * N_CHAINS, 2))
    for _ in range(30):
        v, h, _ = temper(model, BASE, BETAS, h, rng, clamped)
    states, p = oracle.visible_distribution(parameters, "bernoulli", "spin", TEMPERATURE)
    keep = states[:, 0] == 1
    expected = N_CHAINS * p[keep] / p[keep].sum()
    assert chisquare(counts(v[-N_CHAINS:], states[keep]), expected).pvalue > ALPHA


# ---------------------------------------------------------------- pairwise


def random_pairwise(n_units, seed=0, integers=False, scale=1.0):
    rng = np.random.default_rng(seed)
    if integers:
        coupling, bias = rng.integers(-2, 3, (n_units, n_units)), rng.integers(-1, 2, n_units)
    else:
        coupling, bias = rng.normal(size=(n_units, n_units)), rng.normal(size=n_units)
    coupling = np.triu(coupling, 1)
    coupling = coupling + coupling.T
    eye = np.eye(n_units, dtype=coupling.dtype)
    return Pairwise.from_factors(eye, coupling, scale, bias=bias)


def random_spins(n_rows, n_units, seed=0):
    return np.where(np.random.default_rng(seed).random((n_rows, n_units)) < 0.5, -1.0, 1.0)


def in_turn(model, row, thresholds=None):
    """One sweep over one row by definition."""
    coupling, row = model.coupling() * model.scale, row.copy()
    for i in range(len(row)):
        field = coupling[i] @ row + model.bias[i]
        if thresholds is not None:
            row[i] = 1 if field > thresholds[i] else -1
        elif abs(field) > 1e-9:
            row[i] = np.sign(field)
    return row


@pytest.fixture(params=[3, 256])
def block(request, monkeypatch):
    monkeypatch.setattr(_energies, "BLOCK", request.param)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("integers", [True, False])
def test_recall_visits_the_units_in_turn(integers):
    for seed in range(5):
        model = random_pairwise(11, seed, integers)
        starts = random_spins(40, 11, seed)
        for max_sweeps in (1, 2, 100):
            states, settled = recall(model, starts, max_sweeps)
            for start, state, done in zip(starts, states, settled, strict=True):
                row, stopped = start, False
                for _ in range(max_sweeps):
                    before, row = row, in_turn(model, row)
                    if (before == row).all():
                        stopped = True
                        break
                np.testing.assert_array_equal(state, row)
                assert done == stopped
        assert settled.all()


@pytest.mark.usefixtures("block")
def test_energy_never_rises_and_ties_stay():
    model = random_pairwise(23, integers=True)
    states = random_spins(50, 23)
    before = model.energy(states)
    for _ in range(20):
        new, _ = recall(model, states, 1)
        after = model.energy(new)
        moved = (new != states).any(axis=1)
        assert (after[moved] <= before[moved]).all()
        states, before = new, after
    free = Pairwise.from_factors(np.zeros((7, 1), int), np.zeros((7, 1), int), 1.0)
    start = random_spins(9, 7)
    for settled_states, settled in (recall(free, start, 5), recall_at_once(free, start, 5)):
        np.testing.assert_array_equal(settled_states, start)
        assert settled.all()


def test_synchronous_updates_end_in_fixed_points_or_cycles_of_two():
    # two spins that avoid each other, updated at once, alternate between ++ and --
    model = Pairwise.from_factors(np.eye(2, dtype=int), np.array([[0, -1], [-1, 0]]), 1.0)
    states, settled = recall_at_once(model, np.array([[1.0, 1], [1, -1]]), 50)
    np.testing.assert_array_equal(settled, [False, True])
    assert states[0, 0] == states[0, 1]
    np.testing.assert_array_equal(states[1], [1, -1])
    model = random_pairwise(13)
    coupling = model.coupling()
    states, settled = recall_at_once(model, random_spins(30, 13), 200)
    assert 0 < settled.sum() < 30
    for row, done in zip(states, settled, strict=True):
        once = np.sign(coupling @ row + model.bias)
        twice = np.sign(coupling @ once + model.bias)
        assert (once == row).all() == done
        np.testing.assert_array_equal(twice, row)
        assert model.energy(row[np.newaxis]) <= model.energy(once[np.newaxis])


class Replay:
    """A generator that repeats given uniform numbers."""

    def __init__(self, uniform):
        self.uniform = uniform

    def random(self, shape, dtype):
        now, self.uniform = self.uniform[:, : shape[1]], self.uniform[:, shape[1] :]
        return now.astype(dtype)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_heat_bath_visits_the_units_in_turn(scale):
    model = random_pairwise(11, scale=scale)
    starts, uniform = random_spins(40, 11), np.random.default_rng(1).random((40, 11))
    states = heat_bath(model, starts, [1.3], Replay(uniform))
    # P(+1) = 1 / (1 + exp(-2 field / T)), drawn as u < P(+1)
    thresholds = 1.3 * scale / 2 * np.log(uniform / (1 - uniform))
    for start, state, row in zip(starts, states, thresholds, strict=True):
        np.testing.assert_array_equal(state, in_turn(model, start, row))


def pairwise_distribution(model, temperature):
    states = np.array(np.meshgrid(*[[-1.0, 1.0]] * 5)).reshape(5, -1).T
    log_weight = -model.energy(states) / temperature
    return states, np.exp(log_weight - logsumexp(log_weight))


@pytest.mark.parametrize("clamp", [False, True])
def test_heat_bath_has_the_boltzmann_distribution(clamp):
    model = random_pairwise(5, seed=3, scale=4.0)
    starts = random_spins(N_CHAINS, 5)
    held = np.tile(np.arange(5) == 2, (N_CHAINS, 1)) if clamp else None
    starts[:, 2] = np.where(clamp, 1.0, starts[:, 2])
    samples = heat_bath(model, starts, np.full(40, 0.7), np.random.default_rng(0), held)

    def fits(model, temperature=0.7):
        states, p = pairwise_distribution(model, temperature)
        if clamp:
            p = np.where(states[:, 2] == 1, p, 0) / p[states[:, 2] == 1].sum()
        observed = counts(samples, states)
        return chisquare(observed[p > 0], N_CHAINS * p[p > 0]).pvalue > ALPHA

    assert fits(model)
    assert not fits(model, 0.35)  # the factor 2
    assert not fits(replace(model, bias=-model.bias))
    assert not fits(replace(model, bias=model.bias[[1, 0, 2, 3, 4]]))


def test_heat_bath_at_zero_is_recall():
    model = random_pairwise(17, integers=True)
    starts = random_spins(30, 17)
    states = heat_bath(model, starts, np.zeros(50), np.random.default_rng(0))
    np.testing.assert_array_equal(states, recall(model, starts, 50)[0])


def test_mean_field_ends_in_its_equations():
    model = random_pairwise(7, scale=4.0)
    means = mean_field(model, random_spins(9, 7), np.full(300, 2.5))
    expected = np.tanh((means @ model.coupling() + model.bias / 4.0) / 2.5)
    np.testing.assert_allclose(means, expected, atol=1e-4)
