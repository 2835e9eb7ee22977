"""Units with few states, and counts, against plain sums over states."""

import numpy as np
import pytest
from scipy import sparse
from scipy.special import gammaln, logsumexp
from scipy.stats import chisquare

from skebm import RBM
from skebm._energies.bipartite import Bipartite, may_diverge
from skebm._validation import check_given, holds_means, read_units
from skebm.units import Bernoulli, Categorical, Composite, Finite, Gaussian, Poisson, ReLU, Spin

FIELDS = np.array([[-5.0, -0.3, 0.0], [0.7, 2.0, 11.0]])
N = 20_011


class Ternary(Finite):
    levels = (-1.0, 0.0, 1.0)


class FewCounts(Finite):
    levels = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)

    def energy(self, state, temperature):
        return temperature * gammaln(state + 1)


class Uneven(Finite):
    levels = (3.0, -2.0, 0.5)

    def energy(self, state, temperature):
        return 0.3 * state**2


class Group(Finite):
    levels = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    width = 3


each_unit = pytest.mark.parametrize("unit", [Ternary(), FewCounts(), Uneven()], ids=repr)
each_temperature = pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])


def by_definition(unit, field, temperature):
    """Cumulant, mean, variance of one unit, and the probabilities of its levels."""
    levels = np.array(unit.levels)
    own = {
        Ternary: 0 * levels,
        FewCounts: temperature * gammaln(levels + 1),
        Uneven: 0.3 * levels**2,
    }[type(unit)]
    log_weights = (field * levels - own) / temperature
    p = np.exp(log_weights - logsumexp(log_weights))
    mean = p @ levels
    return temperature * logsumexp(log_weights), mean, p @ (levels - mean) ** 2, p


@each_unit
@each_temperature
def test_everything_follows_from_the_levels(unit, temperature):
    expected = [by_definition(unit, field, temperature)[:3] for field in FIELDS.ravel()]
    for method, values in zip(("cumulant", "mean", "variance"), np.array(expected).T, strict=True):
        got = getattr(unit, method)(FIELDS, temperature)
        np.testing.assert_allclose(got, values.reshape(FIELDS.shape), rtol=1e-9, atol=1e-12)
        single = getattr(unit, method)(FIELDS.astype(np.float32), temperature)
        assert single.dtype == np.float32
    assert (unit.low, unit.high) == (min(unit.levels), max(unit.levels))
    assert unit.low < unit.resting_mean < unit.high


@each_unit
@each_temperature
def test_field_is_the_inverse_of_mean(unit, temperature):
    field = np.array([-2.0, 0.4, 1.9]) * temperature
    np.testing.assert_allclose(unit.field(unit.mean(field, temperature), temperature), field)
    ends = unit.field(np.array([unit.low, unit.high]), temperature)
    np.testing.assert_array_equal(ends, [-np.inf, np.inf])


@each_unit
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_follow_the_probabilities(unit, dtype):
    states = unit.sample(np.full((N, 1), 0.4, dtype), 0.7, np.random.default_rng(0))
    assert states.dtype == dtype
    counts = (states == np.array(unit.levels)).sum(axis=0)
    p = by_definition(unit, 0.4, 0.7)[3]
    assert chisquare(counts, N * p).pvalue > 1e-4
    assert chisquare(counts, N * by_definition(unit, 0.8, 0.7)[3]).pvalue < 1e-4  # a factor 2


@each_unit
def test_discretize_keeps_means_and_states(unit):
    means = np.tile([unit.low, 0.3, 0.5, unit.high], (N, 1))
    states = unit.discretize(means, np.random.default_rng(0))
    assert set(np.unique(states)) <= set(unit.levels)
    assert (states[:, [0, 3]] == [unit.low, unit.high]).all()
    error = states[:, 1:3].std(axis=0) / np.sqrt(N) + 1e-12
    assert (np.abs(states[:, 1:3].mean(axis=0) - [0.3, 0.5]) < 4 * error).all()


@each_temperature
def test_levels_of_several_columns_are_those_of_the_closed_form(temperature):
    field = np.random.default_rng(0).normal(size=(7, 6))
    for method in ("cumulant", "mean", "variance"):
        got, expected = (
            getattr(unit, method)(field, temperature) for unit in (Group(), Categorical(3))
        )
        np.testing.assert_allclose(got, expected)
    rows = Group().sample(np.tile(field[0], (N, 1)), temperature, np.random.default_rng(0))
    np.testing.assert_array_equal(rows.reshape(-1, 3).sum(axis=1), 1)
    p = Categorical(3).mean(field[:1], temperature)[0, :3]
    assert chisquare(rows[:, :3].sum(axis=0), N * p).pvalue > 1e-4
    with pytest.raises(NotImplementedError, match="Group must define field"):
        Group().field(field, temperature)


@pytest.mark.parametrize(("visible", "hidden"), [(Ternary(), Uneven()), (FewCounts(), Ternary())])
@each_temperature
def test_likelihoods_sum_to_one(visible, hidden, temperature):
    rng = np.random.default_rng(0)
    parameters = rng.normal(size=(2, 3)), rng.normal(size=3), rng.normal(size=2)
    rbm = RBM.from_parameters(*parameters, visible=visible, hidden=hidden, temperature=temperature)
    states = visible.states(3, np.arange(visible.count_states(3)))
    np.testing.assert_allclose(np.exp(rbm.score_samples(states)).sum(), 1)
    swapped = rbm._model().swapped()._summed_log_partition()
    np.testing.assert_allclose(rbm.log_partition().value, swapped)


# ---------------------------------------------------------------- counts


@each_temperature
def test_counts_are_poisson_variables(temperature):
    field = np.array([[-1.0, 0.2, 1.5]]) * temperature
    counts, unit = np.arange(200.0), Poisson()
    log_weights = (field.T * counts - temperature * gammaln(counts + 1)) / temperature
    p = np.exp(log_weights - logsumexp(log_weights, axis=1, keepdims=True))
    mean = p @ counts
    cumulant = temperature * logsumexp(log_weights, axis=1)
    np.testing.assert_allclose(unit.cumulant(field, temperature)[0], cumulant)
    np.testing.assert_allclose(unit.mean(field, temperature)[0], mean)
    np.testing.assert_allclose(unit.variance(field, temperature)[0], p @ counts**2 - mean**2)
    np.testing.assert_allclose(unit.field(mean, temperature), field[0])
    drawn = unit.sample(np.repeat(field, N, axis=0), temperature, np.random.default_rng(0))
    for column in range(3):
        few = np.bincount(drawn[:, column].astype(int), minlength=30)[:30]
        expected = np.append(p[column, :8], p[column, 8:].sum())
        observed = np.append(few[:8], few[8:].sum())
        keep = N * expected > 5
        expected = expected[keep] / expected[keep].sum()
        observed = observed[keep]
        assert chisquare(observed, observed.sum() * expected).pvalue > 1e-4


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("value", [2.5, -1.0])
def test_what_is_no_count_is_refused(container, value):
    X = np.array([[0.0, 1, 3], [2, 0, 1]])
    assert read_units(container(X), Poisson()) is not None
    assert not holds_means(container(X), Poisson())
    X[1, 2] = value
    with pytest.raises(ValueError, match=rf"row 1 .*\[{value}\].*column 2.*whole numbers"):
        read_units(container(X), Poisson())
    with pytest.raises(ValueError, match=r"row 1, column 2.*whole numbers"):
        check_given(X, Poisson())
    X[1, 2] = np.nan
    check_given(X, Poisson())


@pytest.mark.parametrize("other", [Poisson(), Gaussian(), ReLU()], ids=repr)
def test_counts_with_unbounded_units_are_refused(other):
    X = np.random.default_rng(0).poisson(1.0, (20, 3)).astype(float)
    assert may_diverge(Poisson(), other)
    with pytest.raises(ValueError, match="both without bounds"):
        RBM(2, visible="poisson", hidden=other).fit(X)
    mixed = Composite([("bernoulli", 1), (Poisson(), 2)])
    with pytest.raises(ValueError, match="both without bounds"):
        RBM(2, visible=mixed, hidden=other).fit(np.minimum(X, 1))
    zeros = np.zeros(2)
    problem = Bipartite(np.eye(2), zeros, zeros, Poisson(), other).problem()
    assert "must be 0" in problem if isinstance(other, Gaussian) else "not be positive" in problem
    negative = Bipartite(-np.eye(2), zeros, zeros, Poisson(), other).problem()
    assert (negative is None) == (not isinstance(other, Gaussian))


def test_bounded_units_never_diverge():
    for bounded in (Bernoulli(), Spin(), Ternary(), Categorical(2)):
        assert not may_diverge(Poisson(), bounded)
        assert not may_diverge(bounded, Gaussian())
    assert not may_diverge(Gaussian(), ReLU())  # quadratic both: their weights must be small


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_counts_train_alike_at_every_temperature(temperature):
    rng = np.random.default_rng(0)
    X = rng.poisson(np.where(rng.random((200, 1)) < 0.5, [3, 0.2, 5, 0], [0.5, 4, 1, 0]))
    options = {"visible": "poisson", "max_iter": 20, "random_state": 0}
    one = RBM(3, learning_rate=0.1, **options).fit(X)
    other = RBM(3, learning_rate=0.1 * temperature**2, temperature=temperature, **options).fit(X)
    np.testing.assert_allclose(other.components_ / temperature, one.components_, rtol=1e-6)
    np.testing.assert_allclose(other.score_samples(X), one.score_samples(X), rtol=1e-6)
    # a column of nothing but zeros starts, and stays rare
    assert one.sample(500, random_state=0)[:, 3].mean() < 0.1
    in_rows = RBM(3, learning_rate=0.1, **options).fit(sparse.csr_array(X.astype(float)))
    np.testing.assert_allclose(in_rows.components_, one.components_, rtol=1e-9)


def test_a_resting_mean_at_the_bounds_is_named():
    class Stuck(Poisson):
        resting_mean = 0.0

    X = (np.random.default_rng(0).random((20, 3)) < 0.5).astype(float)
    with pytest.raises(ValueError, match=r"No finite field .*Stuck.*hidden.*resting_mean"):
        RBM(2, hidden=Stuck()).fit(X)


def test_sparse_rows_have_the_energies_of_dense_ones(monkeypatch):
    monkeypatch.setattr("skebm._energies.bipartite.BLOCK_SIZE", 7)
    rng = np.random.default_rng(0)
    v = rng.poisson(0.5, (11, 3)).astype(float)
    model = Bipartite(rng.normal(size=(2, 3)), np.zeros(3), np.zeros(2), Poisson(), Bernoulli())
    rows = sparse.csr_array(v)
    np.testing.assert_allclose(model.free_energy(rows), model.free_energy(v))
    np.testing.assert_allclose(model.log_weight(rows, 0.3), model.log_weight(v, 0.3))
