import itertools

import numpy as np
import pytest
from scipy.stats import chisquare

from skebm import HopfieldMemory
from skebm._energies import compiled
from skebm._energies.dense import Dense
from skebm._inference.recall import recall
from skebm.datasets import make_patterns
from skebm.interactions import as_interaction

KINDS = [
    ("polynomial", 2),
    ("polynomial", 3),
    ("polynomial", 4),
    ("rectified_polynomial", 2),
    ("rectified_polynomial", 3),
    ("exponential", 2),
]
each_kind = pytest.mark.parametrize(("interaction", "degree"), KINDS)


def make(interaction, degree, n_patterns=5, n_units=7, seed=0):
    patterns = make_patterns(n_patterns, n_units, random_state=seed)
    return Dense.of(patterns, as_interaction(interaction, degree)), patterns


def energy_by_definition(patterns, row, interaction, degree):
    n_units = len(row)
    total = 0.0
    for xi in patterns:
        overlap = sum(a * b for a, b in zip(xi, row, strict=True))
        if interaction == "exponential":
            total += np.exp(overlap)
        elif interaction == "polynomial":
            total += n_units * (overlap / n_units) ** degree
        else:
            total += n_units * max(overlap / n_units, 0) ** degree
    return -np.log(total) if interaction == "exponential" else -total


def all_states(n_units):
    return np.array(list(itertools.product([-1.0, 1.0], repeat=n_units)))


@each_kind
def test_energy_and_gaps(interaction, degree):
    model, patterns = make(interaction, degree)
    states = all_states(7)
    expected = [energy_by_definition(patterns, row, interaction, degree) for row in states]
    np.testing.assert_allclose(model.energy(states), expected, atol=1e-12)
    overlaps = model.overlaps(states)
    gaps = model.differences(states, overlaps)
    for i in range(7):
        up, down = states.copy(), states.copy()
        up[:, i], down[:, i] = 1, -1
        np.testing.assert_allclose(gaps[:, i], model.energy(down) - model.energy(up), atol=1e-12)
        alone = model.differences(states, overlaps, slice(i, i + 1))
        np.testing.assert_allclose(alone[:, 0], gaps[:, i], atol=1e-14)


def in_turn(patterns, row, interaction, degree):
    """One sweep by definition: compare energies, spin after spin."""
    row = row.copy()
    for i in range(len(row)):
        energies = {}
        for spin in (-1.0, 1.0):
            row_there = row.copy()
            row_there[i] = spin
            energies[spin] = energy_by_definition(patterns, row_there, interaction, degree)
        if abs(energies[1.0] - energies[-1.0]) > 1e-9:
            row[i] = min(energies, key=energies.get)
    return row


@each_kind
@pytest.mark.parametrize("max_sweeps", [1, 2, 100])
def test_recall_visits_the_spins_in_turn(interaction, degree, max_sweeps):
    model, patterns = make(interaction, degree, n_units=6)
    states = all_states(6)
    recalled, settled = recall(model, states, max_sweeps)
    assert (model.energy(recalled) <= model.energy(states) + 1e-12).all()
    for start, end, done in zip(states, recalled, settled, strict=True):
        row = start
        for _ in range(min(max_sweeps, 5)):  # none needs more than 5
            row = in_turn(patterns, row, interaction, degree)
        np.testing.assert_array_equal(end, row)
        assert done == (in_turn(patterns, row, interaction, degree) == row).all()


@each_kind
def test_heat_bath_at_zero_is_recall(interaction, degree):
    model, _ = make(interaction, degree, 9, 17)
    states = make_patterns(30, 17, random_state=1)
    cold = model.sweeps(states, np.full(60, np.inf), np.random.default_rng(0))
    np.testing.assert_array_equal(cold, recall(model, states, 60)[0])


@each_kind
@pytest.mark.parametrize("clamp", [False, True])
def test_heat_bath_has_the_boltzmann_distribution(interaction, degree, clamp):
    model, _ = make(interaction, degree, 3, 5)
    states, n = all_states(5), 20_011
    starts = make_patterns(n, 5, random_state=2)
    held = None
    if clamp:
        starts[:, 2] = 1
        held = np.tile(np.arange(5) == 2, (n, 1))
    samples = model.sweeps(starts, np.full(25, 1 / 1.3), np.random.default_rng(0), held)
    observed = (samples[:, np.newaxis] == states).all(axis=2).sum(axis=0)

    def fits(temperature):
        p = np.exp(-model.energy(states) / temperature)
        if clamp:
            p = np.where(states[:, 2] == 1, p, 0)
        p /= p.sum()
        return chisquare(observed[p > 0], n * p[p > 0]).pvalue > 1e-4

    assert fits(1.3)
    assert not fits(0.65)


@pytest.mark.skipif(compiled.decide_dense is None, reason="needs numba")
@each_kind
@pytest.mark.parametrize("temperature", [0.0, 0.7, 10.0])
def test_compiled_loops_decide_the_same(interaction, degree, temperature, monkeypatch):
    # so many units that weights on the way to a pattern leave the range of numbers
    model, patterns = make(interaction, degree, 41, 997)
    rng = np.random.default_rng(1)
    states = np.concatenate([patterns[:3], make_patterns(3, 997, random_state=1)])
    held = rng.random(states.shape) < 0.1
    betas = np.full(5, np.inf if temperature == 0 else 1 / temperature)
    ends = []
    for _ in range(2):
        ends.append(model.sweeps(states, betas, np.random.default_rng(0), held))
        monkeypatch.setattr(compiled, "decide_dense", None)
    np.testing.assert_array_equal(*ends)
    assert (ends[0] != states).any()
    assert (ends[0] == states)[held].all()


def test_degree_two_is_the_classic_memory():
    # with F(x) = x^n of the whole sum, E_2 = 2 N E_Hopfield - N p; ours is that over N
    model, patterns = make("polynomial", 2, 5, 23)
    classic = HopfieldMemory().fit(patterns)
    states = make_patterns(50, 23, random_state=1)
    np.testing.assert_allclose(model.energy(states), 2 * classic.energy(states) - 5)
    recalled, _ = recall(model, states, 100)
    np.testing.assert_array_equal(recalled, classic.transform(states))


@pytest.mark.parametrize(
    ("interaction", "degree", "stored", "reversed_"),
    [
        ("polynomial", 3, 0, 0),
        ("polynomial", 5, 1, 0),
        ("rectified_polynomial", 4, 0.98, 0),
        ("exponential", 2, 1, 0),
    ],
)
def test_random_starts_among_many_patterns(interaction, degree, stored, reversed_):
    model, _ = make(interaction, degree, 2000, 100)
    starts = make_patterns(200, 100, random_state=1)
    recalled, _ = recall(model, starts, 100)
    overlaps = model.overlaps(recalled) / 100
    assert abs((overlaps.max(axis=1) == 1).mean() - stored) < 4 * np.sqrt(0.02 / 200) + 1e-9
    assert (overlaps.min(axis=1) == -1).mean() == reversed_


def test_even_degrees_have_negatives_as_attractors():
    model, _ = make("polynomial", 4, 500, 100)
    recalled, _ = recall(model, make_patterns(200, 100, random_state=1), 100)
    overlaps = model.overlaps(recalled) / 100
    ends = (overlaps.max(axis=1) == 1).mean(), (overlaps.min(axis=1) == -1).mean()
    assert min(ends) > 0.3
    assert sum(ends) > 0.95


@pytest.mark.parametrize(
    ("interaction", "degree", "solves"),
    [
        ("polynomial", 2, False),
        ("polynomial", 3, True),
        ("polynomial", 4, False),
        ("polynomial", 5, True),
        ("rectified_polynomial", 2, True),
        ("rectified_polynomial", 3, True),
    ],
)
def test_exclusive_or(interaction, degree, solves):
    truth_table = np.array([[-1.0, -1, -1], [-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    model = Dense.of(truth_table, as_interaction(interaction, degree))
    for output in (-1.0, 1.0):
        start = truth_table.copy()
        start[:, 2] = output
        recalled = model.follow(slice(2, 3), start)
        if solves:
            np.testing.assert_array_equal(recalled, truth_table)
        else:
            np.testing.assert_array_equal(recalled, start)  # all ties


def test_high_powers_stay_in_range():
    for interaction, degree in (("polynomial", 40), ("exponential", 2)):
        model, patterns = make(interaction, degree, 5, 1201)
        recalled, settled = recall(model, patterns, 10)
        np.testing.assert_array_equal(recalled, patterns)
        assert settled.all()
        assert np.isfinite(model.energy(patterns)).all()


def test_exponential_corrects_flips():
    # sufficient: load < I(1 - 2 rho) / 2 for M = exp(load N) patterns with a share rho flipped
    n_units, rho = 30, 0.1
    x = 1 - 2 * rho
    load = ((1 + x) * np.log(1 + x) + (1 - x) * np.log(1 - x)) / 4
    n_patterns = int(np.exp(load * n_units))
    model, patterns = make("exponential", 2, n_patterns, n_units)
    cues = patterns[:100].copy()
    cues[:, :3] *= -1
    recalled, _ = recall(model, cues, 1)
    assert (recalled == patterns[:100]).all(axis=1).mean() > 0.9
