from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import chisquare

from skebm._energies.pairwise import Pairwise
from skebm._inference.recall import recall

from .._inference.test_chains import ALPHA, N_CHAINS, counts
from .._inference.test_recall import block, in_turn, random_pairwise, random_spins  # noqa: F401


def factors(n_units=13, rank=5, integers=True, seed=0):
    """Random symmetric products: left right' = A B' + B A'."""
    rng = np.random.default_rng(seed)
    if integers:
        one, other = rng.integers(-2, 3, (2, n_units, rank))
    else:
        one, other = rng.normal(size=(2, n_units, rank))
    return np.hstack([one, other]), np.hstack([other, one])


def spins(n_rows, n_units, seed=0):
    return np.where(np.random.default_rng(seed).random((n_rows, n_units)) < 0.5, -1.0, 1.0)


@pytest.mark.parametrize("integers", [True, False])
@pytest.mark.parametrize("rank", [5, 11])  # 2 * 11 is more than 13 units
def test_pairwise_energy_and_fields(integers, rank):
    left, right = factors(rank=rank, integers=integers)
    bias = np.arange(13.0) - 6
    model = Pairwise.from_factors(left, right, 7.0, bias=bias)
    coupling = left @ right.T / 7.0
    np.fill_diagonal(coupling, 0)
    np.testing.assert_allclose(model.coupling(), coupling, atol=1e-6)
    s = spins(17, 13)
    fields = s @ coupling + bias / 7
    np.testing.assert_allclose(model.field(s) / 7, fields, atol=1e-5)
    expected = -0.5 * np.einsum("ni,ij,nj->n", s, coupling, s) - s @ bias / 7
    np.testing.assert_allclose(model.energy(s), expected, atol=1e-5)
    flipped = s.copy()
    flipped[:, 4] *= -1
    np.testing.assert_allclose(
        model.energy(flipped) - model.energy(s), 2 * s[:, 4] * fields[:, 4], atol=1e-5
    )


def test_pairwise_sums_are_exact():
    left, right = factors(101, 37, integers=False)
    model = Pairwise.from_factors(left, right, 1.0)
    s = spins(64, 101)
    whole = model.field(s)
    order = np.random.default_rng(1).permutation(101)
    shuffled = replace(model, left=model.left[order])
    for rows in (slice(0, 1), slice(5, 8), slice(3, 64)):
        np.testing.assert_array_equal(model.field(s[rows]), whole[rows])
    np.testing.assert_array_equal(shuffled.overlaps(s[:, order]), model.overlaps(s))
    # the grid costs little
    fields = s @ (left @ right.T) - np.einsum("ij,ij->i", left, right) * s
    np.testing.assert_allclose(whole, fields, atol=1e-2)


def test_integers_use_single_precision_while_it_is_exact():
    left, right = factors(13, 5)
    assert Pairwise.from_factors(left, right, 1.0).dtype == np.float32
    assert Pairwise.from_factors(left, 2**17 * right, 1.0).dtype == np.float64
    assert Pairwise.from_factors(left * 0.5, right, 1.0).dtype == np.float64


def test_large_factors_stay_bytes(monkeypatch):
    xi = spins(11, 397).astype(np.int8).T
    plain = Pairwise.from_factors(xi, xi, 397)
    monkeypatch.setattr("skebm._energies.pairwise.LARGEST_CAST", 100)
    model = Pairwise.from_factors(xi, xi, 397)
    assert model.left.dtype == np.int8
    s = spins(5, 397).astype(model.dtype)
    np.testing.assert_array_equal(model.overlaps(s), plain.overlaps(s))
    np.testing.assert_array_equal(model.field(s), plain.field(s))
    np.testing.assert_array_equal(model.coupling(), plain.coupling())


# ---------------------------------------------------------------- heat bath


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
    states = model.sweeps(starts, [1 / 1.3], Replay(uniform))
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
    samples = model.sweeps(starts, np.full(40, 1 / 0.7), np.random.default_rng(0), held)

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
    states = model.sweeps(starts, np.full(50, np.inf), np.random.default_rng(0))
    np.testing.assert_array_equal(states, recall(model, starts, 50)[0])
