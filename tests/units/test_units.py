import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.integrate import quad
from scipy.stats import chisquare, kstest, norm, truncnorm

from skebm._validation import check_given, examine, holds_means, read_units
from skebm.units import Bernoulli, Categorical, Composite, Gaussian, ReLU, Spin, Unit, as_unit

UNITS = [Bernoulli(), Spin(), Gaussian(), ReLU()]
DISCRETE = [Bernoulli(), Spin()]
FIELDS = np.array([-31.0, -2.5, -0.1, 0.0, 0.7, 3.0, 17.0])
TEMPERATURES = [0.3, 1.0, 2.5]

each_unit = pytest.mark.parametrize("unit", UNITS, ids=repr)
each_discrete = pytest.mark.parametrize("unit", DISCRETE, ids=repr)
each_temperature = pytest.mark.parametrize("temperature", TEMPERATURES)


def moments(unit, field, temperature):
    """Integrals of s^k exp((field s - E0(s) - peak) / T) for k = 0, 1, 2; the peak."""
    mode = max(field, unit.low)
    peak = field * mode - mode**2 / 2
    # where the exponent has fallen by 50, on either side of the mode
    reach = 100 * temperature / (np.hypot(field - mode, np.sqrt(200 * temperature)) + mode - field)

    def integral(k, low, high):
        return quad(
            lambda s: s**k * np.exp((field * s - s**2 / 2 - peak) / temperature),
            low,
            high,
            epsabs=0,
            epsrel=1e-12,
            limit=200,
        )[0]

    below = max(unit.low, mode - reach)
    return [integral(k, below, mode) + integral(k, mode, mode + reach) for k in range(3)], peak


def by_definition(unit, field, temperature):
    """T ln of the sum, or integral, of exp((field s - E0(s)) / T)."""
    if unit.levels is not None:
        return temperature * np.logaddexp.reduce([field * s / temperature for s in unit.levels])
    (total, *_), peak = moments(unit, field, temperature)
    return peak + temperature * np.log(total)


@each_unit
@each_temperature
def test_cumulant_is_its_definition(unit, temperature):
    expected = [by_definition(unit, field, temperature) for field in FIELDS]
    np.testing.assert_allclose(unit.cumulant(FIELDS, temperature), expected, rtol=1e-10)


@each_unit
@each_temperature
def test_mean_is_derivative_of_cumulant(unit, temperature):
    step = 1e-5
    fields = FIELDS[1:-1]
    up, down = unit.cumulant(fields + step, temperature), unit.cumulant(fields - step, temperature)
    np.testing.assert_allclose(unit.mean(fields, temperature), (up - down) / (2 * step), atol=1e-8)


@each_unit
@each_temperature
def test_variance_is_temperature_times_derivative_of_mean(unit, temperature):
    step = 1e-5
    up, down = unit.mean(FIELDS + step, temperature), unit.mean(FIELDS - step, temperature)
    expected = temperature * (up - down) / (2 * step)
    np.testing.assert_allclose(unit.variance(FIELDS, temperature), expected, atol=1e-8)


@pytest.mark.parametrize("unit", [*UNITS, Categorical(3)], ids=repr)
@each_temperature
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rises_and_samples_are_those_of_both_ends(unit, temperature, dtype):
    field = np.random.default_rng(0).normal(scale=5, size=(7, 33)).astype(dtype)
    here, there = 0.47, 0.48
    ends = [field * dtype(share) for share in (here, there)]
    before, after = (unit.cumulant(end.astype(float), temperature).sum(axis=1) for end in ends)
    expected = unit.sample(ends[1].copy(), temperature, np.random.default_rng(1))
    arguments = here, there, temperature, np.random.default_rng(1)
    rise, states = unit.rise_and_sample(field.copy(), *arguments)
    assert (rise.dtype, states.dtype) == (np.float64, dtype)
    np.testing.assert_allclose(rise, after - before, rtol=1e-3 if dtype is np.float32 else 1e-9)
    if unit.levels is None:
        np.testing.assert_allclose(states, expected, rtol=1e-5)
    else:
        np.testing.assert_array_equal(states, expected)


@each_temperature
def test_relu_far_below_zero(temperature):
    # both sides of the point where the asymptotic series takes over
    field = np.array([-17.0, -29.9, -30.1, -300.0]) * np.sqrt(temperature)
    unit = ReLU()
    sums = np.array([moments(unit, f, temperature)[0] for f in field])
    mean, square = sums[:, 1] / sums[:, 0], sums[:, 2] / sums[:, 0]
    np.testing.assert_allclose(unit.mean(field, temperature), mean, rtol=1e-10)
    np.testing.assert_allclose(unit.variance(field, temperature), square - mean**2, rtol=1e-8)


@each_unit
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@each_temperature
def test_samples_have_mean_and_variance(unit, temperature, dtype):
    n = 200_001
    field = np.full((n, 1), 0.4, dtype)
    states = unit.sample(field, temperature, np.random.default_rng(0))
    assert states.dtype == dtype
    mean, variance = (
        unit.mean(field[:1], temperature).item(),
        unit.variance(field[:1], temperature).item(),
    )
    # 4 standard errors; an error of a factor 2 in the field is 30 or more of them
    assert abs(states.mean() - mean) < 4 * np.sqrt(variance / n)
    assert abs(states.var() - variance) < 4 * np.sqrt(2 / n) * variance + 4 * np.sqrt(variance / n)


@each_temperature
@pytest.mark.parametrize("field", [-30.0, -1.2, 0.0, 2.3])
def test_continuous_samples_follow_their_distribution(field, temperature):
    scale = np.sqrt(temperature)
    normal = Gaussian().sample(np.full((20_011, 1), field), temperature, np.random.default_rng(0))
    assert kstest(normal[:, 0], norm(field, scale).cdf).pvalue > 1e-4
    assert kstest(normal[:, 0], norm(field, 1.1 * scale).cdf).pvalue < 1e-4
    cut = ReLU().sample(np.full((20_011, 1), field), temperature, np.random.default_rng(0))
    assert kstest(cut[:, 0], truncnorm(-field / scale, np.inf, field, scale).cdf).pvalue > 1e-4
    wrong = truncnorm(-field / temperature, np.inf, field, temperature)  # T for its root
    if temperature != 1:
        assert kstest(cut[:, 0], wrong.cdf).pvalue < 1e-4


@each_temperature
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_categorical_samples_follow_softmax(temperature, dtype):
    field = np.array([0.3, -0.4, 1.2, 0.0, 2.0, -30.0], dtype)
    unit = Categorical(3)
    rows = unit.sample(np.tile(field, (20_011, 1)), temperature, np.random.default_rng(0))
    assert rows.dtype == dtype
    np.testing.assert_array_equal(rows.reshape(-1, 3).sum(axis=1), 1)
    for group in (slice(0, 3), slice(3, 6)):
        weights = np.exp(field[group].astype(float) / temperature)
        counts, p = rows[:, group].sum(axis=0), weights / weights.sum()
        keep = p > 1e-6
        assert counts[~keep].sum() == 0
        p = np.where(keep, p, 0) / p[keep].sum()
        assert chisquare(counts[keep], 20_011 * p[keep]).pvalue > 1e-4
        assert chisquare(counts[keep], 20_011 * p[keep][::-1]).pvalue < 1e-4
    drawn = unit.discretize(np.tile(p, (20_011, 2)), np.random.default_rng(1))
    assert chisquare(drawn[:, 3:6].sum(axis=0)[keep], 20_011 * p[keep]).pvalue > 1e-4


@each_discrete
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_discretize_keeps_the_mean(unit, dtype):
    n = 100_003
    means = np.tile(np.array([unit.low, 0.25, unit.high], dtype), (n, 1))
    states = unit.discretize(means, np.random.default_rng(0))
    assert set(np.unique(states)) == set(unit.levels)
    assert (states[:, 0] == unit.low).all()
    assert (states[:, 2] == unit.high).all()
    assert abs(states[:, 1].mean() - 0.25) < 4 * states[:, 1].std() / np.sqrt(n)


def test_discretize_leaves_continuous_data():
    X = np.array([[0.2, -3.0]])
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(Gaussian().discretize(X, rng), X)
    out = np.empty_like(X)
    assert Gaussian().discretize(X, rng, out=out) is out
    np.testing.assert_array_equal(out, X)


@each_unit
@pytest.mark.parametrize("method", ["mean", "sample"])
def test_out_may_be_the_field(unit, method):
    field = np.random.default_rng(0).normal(size=(5, 3))
    arguments = (np.random.default_rng(1),) if method == "sample" else ()
    expected = getattr(unit, method)(field, 0.7, *arguments)
    arguments = (np.random.default_rng(1),) if method == "sample" else ()
    buffer = field.copy()
    assert getattr(unit, method)(buffer, 0.7, *arguments, out=buffer) is buffer
    np.testing.assert_array_equal(buffer, expected)


@each_unit
@pytest.mark.parametrize("method", ["cumulant", "mean", "variance", "energy"])
def test_single_precision_stays(unit, method):
    field = np.ones((2, 3), np.float32)
    assert getattr(unit, method)(field, 1.3).dtype == np.float32


@given(
    st.sampled_from(UNITS),
    st.floats(-8, 8),
    st.floats(0.2, 5),
)
def test_field_is_the_inverse_of_mean(unit, field, temperature):
    field = np.array([field * temperature / 2])
    mean = unit.mean(field, temperature)
    np.testing.assert_allclose(unit.field(mean, temperature), field, atol=1e-6 * temperature)


def test_spins_are_recoded_binary_units():
    # s = 2x - 1 in the field f is x in the field 2f, K shifted by -f
    field = np.linspace(-3, 3, 7)
    np.testing.assert_allclose(Spin().mean(field, 0.8), 2 * Bernoulli().mean(2 * field, 0.8) - 1)
    np.testing.assert_allclose(
        Spin().cumulant(field, 0.8), Bernoulli().cumulant(2 * field, 0.8) - field
    )


@each_discrete
def test_states_are_all_different(unit):
    assert unit.count_states(5) == 32
    states = np.concatenate([unit.states(5, np.arange(7)), unit.states(5, np.arange(7, 32))])
    assert len(np.unique(states, axis=0)) == 32
    assert set(np.unique(states)) == set(unit.levels)


def test_continuous_units_have_no_states():
    assert Gaussian().count_states(1) == np.inf


def test_grey_data_are_left_as_they_are_on_request():
    X = np.array([[0.2, 1.0, 0.0]])
    unit = Bernoulli(stochastic=False)
    assert not holds_means(X, unit)
    assert holds_means(X, Bernoulli())
    np.testing.assert_array_equal(unit.discretize(X, np.random.default_rng(0)), X)
    assert repr(unit) == "Bernoulli(stochastic=False)"
    assert unit != Bernoulli()


def test_implicit_zeros_count_as_values():
    X = np.array([[1.0, 0.0], [-1.0, 1.0]])
    assert holds_means(sparse.csr_array(X), Spin())
    assert not holds_means(sparse.csr_array(np.abs(X)), Bernoulli())
    assert not holds_means(sparse.csr_array(np.sign(X - 0.5)), Spin())


@each_unit
def test_interior_means_have_finite_fields(unit):
    ends = np.array([max(unit.low, -1.0), min(unit.high, 1.0)])
    assert np.isfinite(unit.field(unit.smoothed_mean(ends, 10), 1.0)).all()


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_columns_are_judged_one_by_one(container):
    X = np.full((100, 20), 0.5)
    assert read_units(X, Bernoulli(), training=True) is X
    X[0, :2] = -0.1, 1.2  # 1 % of their columns
    clipped = read_units(container(X), Bernoulli(), training=True)
    clipped = clipped.toarray() if sparse.issparse(clipped) else clipped
    np.testing.assert_array_equal(clipped[0, :3], [0, 1, 0.5])
    assert X[0, 0] == -0.1
    X[1:3, 1] = 7
    with pytest.warns(UserWarning, match=r"0.5 to 7 in column 1, but .* \[0, 1\]; .*MinMaxScaler"):
        read_units(container(X), Bernoulli(), training=True)
    X[:, 7] = np.arange(100) + 18  # one raw column among scaled ones
    names = [f"c{number}" for number in range(20)]
    names[7] = "age"
    with pytest.raises(ValueError, match=r"from 18 to 117 in column 'age', .*MinMaxScaler"):
        read_units(container(X), Bernoulli(), names, training=True)
    with pytest.raises(ValueError, match=r"column 7, .*feature_range=\(-1, 1\)"):
        read_units(container(X), Spin(), training=True)
    assert read_units(X, Gaussian(), training=True) is X
    X[:, 3:9] = 16
    with pytest.raises(ValueError, match=r"columns 3, 4, 5 and 3 more, .*Divide by 16, or"):
        read_units(container(X), Bernoulli(), training=True)


def test_sparse_columns_are_judged_by_what_they_store():
    X = sparse.csr_array((np.array([40.0, 1.0]), ([0, 1], [0, 1])), shape=(1000, 2))
    with pytest.raises(ValueError, match="values from 0 to 40 in column 0"):
        read_units(X, Bernoulli(), training=True)


def test_new_rows_a_little_outside_are_clipped_without_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(read_units(np.array([[1.4, -0.3]]), Bernoulli()), [[1, 0]])
    with pytest.warns(UserWarning, match="in column 0"):
        read_units(np.array([[255.0, 0.3]]), Bernoulli())


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_gaussian_units_warn_about_scales(container):
    X = np.random.default_rng(0).normal(size=(50, 3))
    examine(container(X), Gaussian(1.0))
    with pytest.warns(UserWarning, match=r"1 of 3 columns .*column 1.*StandardScaler"):
        examine(container(X * [1, 100, 1]), Gaussian(1.0))
    # those that learn their variances take any scale, but for learning that is not centred
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        examine(container(X * [1, 100, 1]), Gaussian())
    with pytest.warns(UserWarning, match=r"1 of 3 columns"):
        examine(container(X * [1, 100, 1]), Gaussian(), any_scale=False)


def test_units_by_name_and_equality():
    assert as_unit("spin") == Spin()
    assert as_unit(Spin()) == Spin()
    assert Spin() != Bernoulli()
    assert len({Spin(), Spin(), Bernoulli()}) == 2
    assert repr(Gaussian()) == "Gaussian()"


def test_base_class_asks_for_the_methods():
    unit = Unit()
    for call in (
        lambda: unit.cumulant(0.0, 1.0),
        lambda: unit.mean(0.0, 1.0),
        lambda: unit.variance(0.0, 1.0),
        lambda: unit.sample(0.0, 1.0, None),
        lambda: unit.field(0.0, 1.0),
    ):
        with pytest.raises(NotImplementedError):
            call()


CATEGORICAL = Categorical(3)
MIXED = Composite([("bernoulli", 2), ("gaussian", 1), (CATEGORICAL, 6), (ReLU(), 1)])
MIXED_ROWS = np.array([[1.0, 0, -0.3, 0, 1, 0, 0, 0, 1, 2.5], [0, 0, 1.3, 1, 0, 0, 0, 0, 1, 0.0]])


def test_categorical_states_are_one_hot():
    unit = CATEGORICAL
    assert unit.count_states(6) == 9
    states = unit.states(6, np.arange(9))
    assert len(np.unique(states, axis=0)) == 9
    np.testing.assert_array_equal(states.reshape(9, 2, 3).sum(axis=2), 1)
    assert read_units(states, unit) is states


def test_categorical_field_is_the_inverse_of_mean():
    mean = np.array([[0.2, 0.3, 0.5]])
    field = CATEGORICAL.field(mean, 1.3)
    np.testing.assert_allclose(CATEGORICAL.mean(field, 1.3), mean)
    np.testing.assert_allclose(CATEGORICAL.mean(field + 500, 1.3), mean)  # only differences count
    interior = CATEGORICAL.smoothed_mean(np.array([0.0, 0.25, 0.75]), 3)
    np.testing.assert_allclose(interior, [1 / 12, 13 / 48, 31 / 48])


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("group", [[0, 0, 0], [1, 1, 0], [0, 0.5, 0.5], [2, -1, 0]])
def test_rows_that_are_not_one_hot_are_refused(container, group):
    X = np.array([[0, 1.0, 0, 0, 0, 1], [0, 1, 0, 1, 0, 0]])
    rows = container(X)
    assert read_units(rows, CATEGORICAL) is rows
    X[1, 3:] = group
    with pytest.raises(ValueError, match=r"row 1 .*columns 3 to 5.*OneHotEncoder"):
        read_units(container(X), CATEGORICAL)
    with pytest.raises(ValueError, match=r"3 columns each, but there are 5"):
        read_units(X[:, :5], CATEGORICAL)


def test_categorical_refuses_groups_given_in_part():
    nan = np.nan
    given = np.array([[nan, nan, nan, 0, 1, 0], [0, nan, nan, 1, 1, 0]])
    check_given(given[:1], CATEGORICAL)
    for wrong in (given[1:], np.array([[nan, nan, nan, 1, 1, 0]])):
        with pytest.raises(ValueError, match=r"one-hot groups of 3 columns.*all NaN"):
            check_given(wrong, CATEGORICAL)


@pytest.mark.parametrize("method", ["cumulant", "mean", "variance"])
def test_composite_does_to_each_block_what_its_unit_does(method):
    field = np.random.default_rng(0).normal(size=(5, 10))
    got = getattr(MIXED, method)(field, 0.8)
    pieces = [
        getattr(unit, method)(field[:, columns], 0.8)
        for unit, columns in (
            (Bernoulli(), slice(0, 2)),
            (Gaussian(), slice(2, 3)),
            (CATEGORICAL, slice(3, 9)),
            (ReLU(), slice(9, 10)),
        )
    ]
    np.testing.assert_array_equal(got, np.hstack(pieces))


@pytest.mark.parametrize("unit", [CATEGORICAL, MIXED], ids=["categorical", "mixed"])
@pytest.mark.parametrize("method", ["mean", "sample"])
def test_wide_units_write_into_the_field(unit, method):
    field = np.random.default_rng(0).normal(size=(5, unit.width))
    arguments = (np.random.default_rng(1),) if method == "sample" else ()
    expected = getattr(unit, method)(field, 0.7, *arguments)
    arguments = (np.random.default_rng(1),) if method == "sample" else ()
    buffer = field.copy()
    assert getattr(unit, method)(buffer, 0.7, *arguments, out=buffer) is buffer
    np.testing.assert_array_equal(buffer, expected)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_composite_reads_each_block_as_its_unit_does(container):
    rows = read_units(container(MIXED_ROWS), MIXED)
    rows = rows.toarray() if sparse.issparse(rows) else rows
    np.testing.assert_array_equal(rows, MIXED_ROWS)
    X = MIXED_ROWS.copy()
    X[0, 4] = 0
    with pytest.raises(ValueError, match="columns 3 to 5"):
        read_units(container(X), MIXED)
    X = MIXED_ROWS.copy()
    X[0, 9] = -4
    with pytest.warns(UserWarning, match=r"column 9, .*\[0, inf\]; they were clipped"):
        read_units(container(X), MIXED)
    X[:, 2] = 0, 1000
    with pytest.warns(UserWarning, match=r"column 2: 500.*Gaussian.*StandardScaler"):
        examine(container(X), MIXED, any_scale=False)
    assert not holds_means(container(MIXED_ROWS), MIXED)
    assert holds_means(container(MIXED_ROWS * 0.5), MIXED)


def test_composite_counts_and_lists_joint_states():
    unit = Composite([("bernoulli", 2), (CATEGORICAL, 3), ("spin", 1)])
    assert unit.count_states(6) == 24
    states = np.concatenate([unit.states(6, np.arange(7)), unit.states(6, np.arange(7, 24))])
    assert len(np.unique(states, axis=0)) == 24
    assert read_units(states, unit) is not None
    assert MIXED.count_states(10) == np.inf


def test_composite_of_composites_is_flat():
    inner = Composite([("spin", 1), ("gaussian", 2)])
    assert Composite([("bernoulli", 2), (inner, 3)]) == Composite(
        [("bernoulli", 2), ("spin", 1), ("gaussian", 2)]
    )
    assert eval(repr(MIXED)) == MIXED


def test_bad_blocks():
    with pytest.raises(ValueError, match=r"unit type.*got 'binary'"):
        Composite([("binary", 2)])
    with pytest.raises(ValueError, match="at least one column, got 0"):
        Composite([("spin", 0)])
    with pytest.raises(ValueError, match="3 columns each, but there are 4"):
        Composite([(CATEGORICAL, 4)])
    with pytest.raises(ValueError, match="10 columns in all, but there are 9"):
        read_units(np.zeros((2, 9)), MIXED)
    with pytest.raises(ValueError, match=r"n_states of Categorical.*got 1"):
        Categorical(1)
