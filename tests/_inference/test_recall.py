"""Recall of spins against units in plain sequence."""

import numpy as np
import pytest

from skebm._energies.pairwise import Pairwise
from skebm._inference.recall import recall, recall_at_once


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
    monkeypatch.setattr("skebm._energies.pairwise.BLOCK", request.param)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("integers", [True, False])
def test_recall_visits_the_units_in_turn(integers):
    for seed in range(5):
        model = random_pairwise(11, seed, integers)
        starts = random_spins(40, 11, seed)
        for max_sweeps in (1, 2, 100):
            states, settled = recall(model, starts, max_sweeps)
            for start, state, done in zip(starts, states, settled, strict=True):
                row = start
                for _ in range(max_sweeps):
                    before, row = row, in_turn(model, row)
                    if (before == row).all():
                        break
                np.testing.assert_array_equal(state, row)
                assert done == (in_turn(model, row) == row).all()
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
