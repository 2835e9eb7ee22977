"""What every energy must do, and all that inference then does with it."""

import itertools

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import chisquare

from skebm._energies.bipartite import Bipartite
from skebm._energies.coupled import Coupled
from skebm._energies.dense import Dense
from skebm._energies.energy import Energy, TooManyStatesError
from skebm._energies.pairwise import Pairwise
from skebm._inference.chains import temper, tempered_samples
from skebm._inference.likelihood import log_partition
from skebm.interactions import Exponential, Polynomial
from skebm.units import Bernoulli, Categorical, Spin

N_CHAINS = 20_011
ALPHA = 1e-5  # a correct sampler fails this rarely


class Potts(Energy):
    """A ring of units with three states each that gain by agreeing: an energy from outside."""

    def __init__(self, n_units, gain):
        self.n_units, self.gain = n_units, gain

    def log_weight(self, states, beta=1.0):
        agree = (states == np.roll(states, 1, axis=1)).sum(axis=1)
        return np.ravel(beta) * self.gain * agree

    def sweeps(self, states, betas, rng, held=None):
        states = states.copy()
        for beta in betas:
            for unit in range(self.n_units):
                field = np.zeros((len(states), 3))
                for other in (unit - 1, (unit + 1) % self.n_units):
                    field += states[:, other, np.newaxis] == np.arange(3)
                field = beta * self.gain * field + rng.gumbel(size=field.shape)
                new = field.argmax(axis=1)
                states[:, unit] = (
                    new if held is None else np.where(held[:, unit], states[:, unit], new)
                )
        return states

    def independent(self, n_states, rng):
        states = rng.integers(3, size=(n_states, self.n_units))
        return states, self.n_units * np.log(3)


def symmetric(n_units, rng, integers=False):
    upper = np.triu(
        rng.integers(-2, 3, (n_units, n_units))
        if integers
        else rng.normal(size=(n_units, n_units)),
        1,
    )
    return upper + upper.T


def make(name):
    """An energy and all its states."""
    rng = np.random.default_rng(3)
    bits, spins = (np.array(list(itertools.product(s, repeat=4))) for s in ((0.0, 1.0), (-1.0, 1)))
    if name == "bipartite":
        weights, a, b = rng.normal(size=(3, 4)), rng.normal(size=4), rng.normal(size=3)
        base = np.array([0.4, -0.3, 0.0, 0.2])
        return Bipartite(weights, a, b, Bernoulli(), Spin(), 1.3, base), bits
    if name == "bipartite of groups":
        weights, a, b = rng.normal(size=(2, 6)), rng.normal(size=6), rng.normal(size=2)
        rows = np.array([np.concatenate(p) for p in itertools.product(np.eye(3), repeat=2)])
        base = np.array([0.4, -0.3, 0.0]), np.array([0.5, -0.2])
        base = np.tile(base[0], 2), base[1]
        return Bipartite(weights, a, b, Categorical(3), Bernoulli(), 0.8, *base), rows
    if name == "coupled":
        base = np.array([0.4, -0.3, 0.0, 0.2])
        return Coupled(symmetric(4, rng), rng.normal(size=4), 0.3, base).arranged(), bits
    if name == "pairwise":
        coupling = symmetric(4, rng, integers=True)
        bias = np.array([1, 0, -1, 0])
        return Pairwise.from_factors(np.eye(4, dtype=int), coupling, 3.0, bias=bias), spins
    if name == "potts":
        states = np.array(list(itertools.product([0.0, 1, 2], repeat=4)))
        return Potts(4, 0.7), states
    interaction = {"dense": Polynomial(3), "dense, logarithmic": Exponential()}[name]
    return Dense.of(spins[[1, 3, 12]], interaction), spins


each_energy = pytest.mark.parametrize(
    "name",
    [
        "bipartite",
        "bipartite of groups",
        "coupled",
        "pairwise",
        "dense",
        "dense, logarithmic",
        "potts",
    ],
)


def fits(samples, states, log_weights):
    place = 4.0 ** np.arange(states.shape[1])
    keys = np.rint((states + 1) @ place).astype(int)
    order = np.argsort(keys)
    found = np.searchsorted(keys[order], np.rint((samples + 1) @ place).astype(int))
    counts = np.zeros(len(states))
    counts[order] = np.bincount(found, minlength=len(states))
    p = np.exp(log_weights - logsumexp(log_weights))
    assert counts[p == 0].sum() == 0
    return chisquare(counts[p > 0], len(samples) * p[p > 0]).pvalue > ALPHA


@each_energy
def test_independent_units_are_the_start_of_the_path(name):
    energy, states = make(name)
    drawn, log_partition_base = energy.independent(N_CHAINS, np.random.default_rng(0))
    log_weights = energy.log_weight(states, 0.0) + np.zeros(len(states))
    np.testing.assert_allclose(logsumexp(log_weights), log_partition_base)
    assert fits(drawn, states, log_weights)


@each_energy
@pytest.mark.parametrize("beta", [0.4, 1.0])
@pytest.mark.parametrize("clamp", [False, True])
def test_sweeps_keep_the_distribution_at_their_position(name, beta, clamp):
    energy, states = make(name)
    rng = np.random.default_rng(0)
    start, _ = energy.independent(N_CHAINS, rng)
    log_weights, held = energy.log_weight(states, beta), None
    if clamp:
        group = slice(0, 3) if name == "bipartite of groups" else slice(1, 2)
        start[:, group] = states[-1, group]
        held = np.zeros(start.shape, dtype=bool)
        held[:, group] = True
        kept = (states[:, group] == states[-1, group]).all(axis=1)
        log_weights = np.where(kept, log_weights, -np.inf)
    before = start.copy()
    assert fits(energy.sweeps(start, [beta] * 25, rng, held), states, log_weights)
    np.testing.assert_array_equal(start, before)


@each_energy
def test_rows_have_positions_of_their_own(name):
    energy, states = make(name)
    rng = np.random.default_rng(0)
    start, _ = energy.independent(2 * N_CHAINS, rng)
    betas = np.repeat([0.3, 0.9], N_CHAINS)[:, np.newaxis]
    samples = energy.sweeps(start, [betas] * 25, rng)
    for beta, rows in ((0.3, slice(N_CHAINS)), (0.9, slice(N_CHAINS, None))):
        assert fits(samples[rows], states, energy.log_weight(states, beta))
        np.testing.assert_allclose(
            energy.log_weight(samples, betas)[rows], energy.log_weight(samples[rows], beta)
        )


@each_energy
def test_log_partition(name):
    energy, states = make(name)
    expected = logsumexp(energy.log_weight(states))
    annealed = log_partition(
        energy, np.random.default_rng(0), method="ais", n_temperatures=100, n_chains=1000
    )
    assert 0 < annealed.standard_error < 0.1
    assert abs(annealed.value - expected) < 4 * annealed.standard_error
    assert annealed.lower - annealed.standard_error < expected
    assert annealed.upper + annealed.standard_error > expected
    try:
        np.testing.assert_allclose(energy.exact_log_partition(), expected, rtol=1e-9)
    except TooManyStatesError:
        with pytest.raises(ValueError, match=r"method='exact'.*closed form"):
            log_partition(energy, np.random.default_rng(0), method="exact")


@each_energy
def test_tempering_keeps_the_law_of_every_rung(name):
    energy, states = make(name)
    betas, rng = np.array([0.0, 0.5, 1.0]), np.random.default_rng(0)
    samples, _ = energy.independent(3 * N_CHAINS, rng)
    for _ in range(25):
        samples, rates = temper(energy, samples, betas, rng)
    assert (rates > 0.05).all()
    for rung, beta in enumerate(betas):
        rows = samples[rung * N_CHAINS : (rung + 1) * N_CHAINS]
        assert fits(rows, states, energy.log_weight(states, beta) + np.zeros(len(states)))


@each_energy
def test_tempered_samples_given_some_units(name):
    energy, states = make(name)
    rng = np.random.default_rng(0)
    group = slice(0, 3) if name == "bipartite of groups" else slice(1, 2)
    start, _ = energy.independent(N_CHAINS // 4, rng)
    start[:, group] = states[-1, group]
    held = np.zeros(start.shape, dtype=bool)
    held[:, group] = True
    samples = tempered_samples(energy, start, 25, rng, held)
    kept = (states[:, group] == states[-1, group]).all(axis=1)
    assert fits(samples, states, np.where(kept, energy.log_weight(states), -np.inf))


def test_planted_bugs_are_seen(monkeypatch):
    energy, states = make("potts")
    right = Potts.log_weight
    # an energy whose value and sweeps belong to different temperatures
    monkeypatch.setattr(Potts, "log_weight", lambda self, s, beta=1.0: right(self, s, beta) / 2)
    samples, _ = energy.independent(N_CHAINS, np.random.default_rng(0))
    samples = energy.sweeps(samples, [1.0] * 25, np.random.default_rng(0))
    assert not fits(samples, states, energy.log_weight(states))
    rungs, _ = energy.independent(3 * N_CHAINS, np.random.default_rng(0))
    for _ in range(25):
        rungs, _ = temper(energy, rungs, np.array([0.0, 0.5, 1.0]), np.random.default_rng(0))
    assert not fits(rungs[-N_CHAINS:], states, right(energy, states))


@each_energy
def test_every_row_may_start_from_units_of_its_own(name):
    energy, states = make(name)
    rng = np.random.default_rng(0)
    if name == "bipartite of groups":  # any mean of a group is a probability
        means = rng.dirichlet([2, 2, 2], size=(2, 2)).reshape(2, 6)
    else:
        means = states.min() + np.ptp(states) * rng.uniform(0.2, 0.8, (2, states.shape[1]))
    fitted = energy.near(means, np.full(2, 10**9))
    if fitted is energy:  # it has one base only
        return
    for i, mean in enumerate(means):
        rows = energy.near(np.tile(mean, (N_CHAINS, 1)), np.full(N_CHAINS, 10**9))
        drawn, log_partitions = rows.independent(N_CHAINS, rng)
        spread = 5 * np.sqrt(drawn.var(axis=0) / N_CHAINS) + 1e-6
        assert (np.abs(drawn.mean(axis=0) - mean) < spread).all()
        each = energy.near(np.tile(mean, (len(states), 1)), np.full(len(states), 10**9))
        total = logsumexp(each.log_weight(states, 0.0))
        np.testing.assert_allclose(log_partitions, total, rtol=1e-6)
        np.testing.assert_allclose(fitted.independent(2, rng)[1][i], total, rtol=1e-6)
        # the other end of the path is the same for all
        np.testing.assert_allclose(each.log_weight(states), energy.log_weight(states))
