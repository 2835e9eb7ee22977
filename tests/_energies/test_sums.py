"""Sums by doubling against plain loops over all states."""

import itertools

import numpy as np
import pytest

from skebm._energies import sums
from skebm._energies.sums import (
    cover,
    log_sum,
    log_weights,
    mean_states,
    means,
    second_moments,
    work,
)


def problem(n_units, n_rows, share=1.0, seed=0):
    rng = np.random.default_rng(seed)
    coupling = np.triu(rng.normal(size=(n_units, n_units)), 1)
    coupling *= rng.random(coupling.shape) < share
    return coupling + coupling.T, rng.normal(size=(n_rows, n_units))


def all_states(n_units):
    # the first unit changes fastest
    return np.array(list(itertools.product([0.0, 1.0], repeat=n_units)))[:, ::-1]


def plain(coupling, field):
    states = all_states(len(coupling))
    return np.array([[s @ coupling @ s / 2 + row @ s for s in states] for row in field]), states


def test_tables_and_moments_match_loops_over_states():
    coupling, field = problem(5, 3)
    expected, states = plain(coupling, field)
    table = log_weights(coupling, field)
    np.testing.assert_allclose(table, expected, atol=1e-12)
    shares = np.exp(table)
    np.testing.assert_allclose(means(shares), shares @ states)
    np.testing.assert_allclose(
        second_moments(shares[1]), np.einsum("s,si,sj->ij", shares[1], states, states)
    )


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_sums_and_means_match_enumeration_for_any_graph(share, seed):
    coupling, field = problem(7, 3, share, seed)
    log_weight, states = plain(coupling, field)
    weight = np.exp(log_weight)
    np.testing.assert_allclose(log_sum(coupling, field), np.log(weight.sum(axis=1)))
    np.testing.assert_allclose(
        mean_states(coupling, field), weight @ states / weight.sum(axis=1, keepdims=True)
    )


def test_tables_larger_than_a_block_are_split(monkeypatch):
    coupling, field = problem(11, 3, 0.7)
    expected = log_sum(coupling, field)
    monkeypatch.setattr(sums, "LARGEST_TABLE", 16)
    np.testing.assert_allclose(log_sum(coupling, field), expected)


def test_cover_is_the_smaller_side_and_every_second_layer():
    bipartite = np.zeros((11, 11), bool)
    bipartite[:8, 8:] = bipartite[8:, :8] = True
    assert sorted(cover(bipartite)) == [8, 9, 10]
    layers = np.zeros((12, 12), bool)
    for a, b in [((0, 5), (5, 7)), ((5, 7), (7, 12))]:
        layers[slice(*a), slice(*b)] = layers[slice(*b), slice(*a)] = True
    assert sorted(cover(layers)) == [5, 6]
    assert work(np.ones((4, 4)) - np.eye(4)) == 8
    assert work(np.zeros((4, 4))) == 0


def test_a_large_bipartite_machine_is_summed_over_its_smaller_side():
    rng = np.random.default_rng(0)
    weights, a, b = rng.normal(size=(4, 90)), rng.normal(size=90), rng.normal(size=4)
    coupling = np.zeros((94, 94))
    coupling[:90, 90:], coupling[90:, :90] = weights.T, weights
    hidden = all_states(4)
    expected = np.logaddexp.reduce(hidden @ b + np.logaddexp(0, hidden @ weights + a).sum(axis=1))
    field = np.concatenate([a, b])[np.newaxis]
    np.testing.assert_allclose(log_sum(coupling, field), expected)
