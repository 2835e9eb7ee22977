import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skebm._inference.recall import recall
from skebm._learning import hopfield_rules as rules
from skebm.datasets import make_patterns


def patterns(n_patterns, n_units, seed=0):
    return make_patterns(n_patterns, n_units, random_state=seed).astype(np.int8)


def aligned_fields(model, xi):
    return xi * model.field(xi.astype(model.dtype)) / model.scale


SIZES = [(3, 11), (5, 13), (9, 7)]
each_size = pytest.mark.parametrize(("n_patterns", "n_units"), SIZES)


@each_size
def test_hebb(n_patterns, n_units):
    xi = patterns(n_patterns, n_units)
    expected = np.zeros((n_units, n_units))
    for i in range(n_units):
        for j in range(n_units):
            if i != j:
                expected[i, j] = sum(row[i] * row[j] for row in xi.astype(float)) / n_units
    np.testing.assert_allclose(rules.hebb(xi).coupling(), expected)


@each_size
def test_storkey(n_patterns, n_units):
    xi = patterns(n_patterns, n_units).astype(float)
    coupling = np.zeros((n_units, n_units))
    for row in xi:
        h = np.zeros((n_units, n_units))
        for i in range(n_units):
            for j in range(n_units):
                h[i, j] = sum(coupling[i, k] * row[k] for k in range(n_units) if k not in (i, j))
        step = (np.outer(row, row) - row[:, np.newaxis] * h.T - h * row) / n_units
        np.fill_diagonal(step, 0)
        coupling = coupling + step
    np.testing.assert_allclose(rules.storkey(xi).coupling(), coupling, atol=1e-6)


@each_size
def test_pseudo_inverse(n_patterns, n_units):
    xi = patterns(n_patterns, n_units)
    expected = np.linalg.pinv(xi.astype(float)) @ xi
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(rules.pseudo_inverse(xi).coupling(), expected, atol=1e-9)


def test_pseudo_inverse_of_more_patterns_than_units():
    # copies and negatives add nothing to the span
    few = patterns(5, 13)
    xi = np.vstack([few, -few, few[::-1]])
    found = rules.pseudo_inverse(xi).coupling()
    np.testing.assert_allclose(found, rules.pseudo_inverse(few).coupling(), atol=1e-6)
    assert np.abs(found).max() > 0.1


def test_aligned_fields_of_the_pseudo_inverse():
    for duplicated in (False, True):
        xi = patterns(17, 53)
        if duplicated:
            xi[3] = -xi[5]
        rank = np.linalg.matrix_rank(xi.astype(float))
        assert rank == 17 - duplicated
        mean = aligned_fields(rules.pseudo_inverse(xi), xi).mean(axis=1)
        np.testing.assert_allclose(mean, 1 - rank / 53, atol=1e-9)


def test_capacity_of_storkey_and_hebb():
    # fraction of patterns exactly stable, a tie counting as stable: 1.00 and .41 at 20 patterns of
    # 100 units, .993 and .047 at 30, from many more runs than these
    for n_patterns, storkey, hebb in ((20, 1.0, 0.41), (30, 0.993, 0.047)):
        stable = {"storkey": [], "hebb": []}
        for seed in range(40):
            xi = patterns(n_patterns, 100, seed)
            for rule, found in stable.items():
                model = getattr(rules, rule)(xi)
                fields = aligned_fields(model, xi) * model.scale
                found.extend((fields >= -model.tolerance).all(axis=1))
        n = 40 * n_patterns
        for rule, expected in (("storkey", storkey), ("hebb", hebb)):
            # patterns of one set are not independent: twice the binomial error, 4 times
            bound = 8 * np.sqrt(max(expected * (1 - expected), 0.004) / n)
            assert abs(np.mean(stable[rule]) - expected) < bound, rule


@pytest.mark.parametrize("margin", [0.0, 0.3])
@pytest.mark.parametrize(("n_patterns", "n_units"), [(20, 61), (45, 61)])
def test_perceptron_reaches_its_margin(margin, n_patterns, n_units):
    xi = patterns(n_patterns, n_units)
    coupling = rules.perceptron(xi, margin).coupling()
    np.testing.assert_array_equal(coupling, coupling.T)
    assert not coupling.diagonal().any()
    stability = xi * (xi @ coupling) / np.linalg.norm(coupling, axis=1)
    assert stability.min() > margin


def test_perceptron_says_when_it_cannot():
    xi = patterns(40, 11)
    with pytest.warns(ConvergenceWarning, match=r"of 40 patterns .* load of 3\.64"):
        rules.perceptron(xi, 0.5)


def test_perceptron_gives_up_where_nothing_gets_better():
    with pytest.warns(ConvergenceWarning, match=r"in 1\d\d passes"):
        rules.perceptron(patterns(97, 53), 0.5)
    # but not where it takes long
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rules.perceptron(patterns(139, 199), 0.5)


def test_covariance_is_the_rule_of_sparse_codes():
    activity = 0.25  # on the grid
    xi = make_patterns(5, 23, activity=activity, random_state=0)
    model = rules.covariance(xi, activity)
    x = (xi + 1) / 2
    coupling = (x - activity).T @ (x - activity) / (23 * activity * (1 - activity))
    np.fill_diagonal(coupling, 0)
    states = (np.random.default_rng(0).random((7, 23)) < 0.3).astype(float)
    fields = states @ coupling - (0.5 - activity)
    np.testing.assert_allclose(model.field(2 * states - 1) / model.scale, fields / 2, atol=1e-12)
    # energies agree up to a constant
    energies = -0.5 * np.einsum("ni,ij,nj->n", states, coupling, states)
    energies += (0.5 - activity) * states.sum(axis=1)
    difference = model.energy(2 * states - 1) - energies
    np.testing.assert_allclose(difference, difference[0], atol=1e-12)


def test_unlearning_weakens_what_it_finds():
    xi = patterns(5, 31)
    before = rules.hebb(xi)
    rng = np.random.default_rng(0)
    start = np.where(rng.random((1, 31)) < 0.5, -1, 1)
    (state,), _ = recall(before, start, 100)
    after = rules.unlearn(before, 1, 0.02, np.random.default_rng(0))
    expected = before.coupling() - 0.02 / 31 * np.outer(state, state)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(after.coupling(), expected, atol=1e-8)


def test_unlearning_helps_retrieval():
    # the classic finding: spurious states lose ground, stored patterns gain it
    n_units, n_patterns = 200, 20
    xi = patterns(n_patterns, n_units)
    starts = np.where(np.random.default_rng(1).random((400, n_units)) < 0.5, -1, 1)
    found = []
    for n_steps in (0, 150):
        model = rules.unlearn(rules.hebb(xi), n_steps, 0.01, np.random.default_rng(0))
        states, _ = recall(model, starts, 100)
        found.append((np.abs(states @ xi.T / n_units).max(axis=1) > 0.95).mean())
    assert found[1] > found[0] + 0.05
