import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from scipy.integrate import quad

from skebm.units import Bernoulli, Gaussian, Spin, Unit, as_unit

UNITS = [Bernoulli(), Spin(), Gaussian()]
DISCRETE = [Bernoulli(), Spin()]
FIELDS = np.array([-31.0, -2.5, -0.1, 0.0, 0.7, 3.0, 17.0])
TEMPERATURES = [0.3, 1.0, 2.5]

each_unit = pytest.mark.parametrize("unit", UNITS, ids=repr)
each_discrete = pytest.mark.parametrize("unit", DISCRETE, ids=repr)
each_temperature = pytest.mark.parametrize("temperature", TEMPERATURES)


def by_definition(unit, field, temperature):
    """T ln of the sum, or integral, of exp((field s - E0(s)) / T)."""
    if unit.levels is not None:
        return temperature * np.logaddexp.reduce([field * s / temperature for s in unit.levels])
    peak = field**2 / 2  # keeps the integrand in range
    value, _ = quad(
        lambda s: np.exp((field * s - s**2 / 2 - peak) / temperature), field - 40, field + 40
    )
    return peak + temperature * np.log(value)


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
    arguments = () if method == "energy" else (1.3,)
    assert getattr(unit, method)(field, *arguments).dtype == np.float32


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
    assert unit.n_states(5) == 32
    states = np.concatenate([unit.states(5, 0, 7), unit.states(5, 7, 32)])
    assert len(np.unique(states, axis=0)) == 32
    assert set(np.unique(states)) == set(unit.levels)


def test_continuous_units_have_no_states():
    assert Gaussian().n_states(1) == np.inf


@each_unit
def test_interior_means_have_finite_fields(unit):
    ends = np.array([max(unit.low, -1.0), min(unit.high, 1.0)])
    assert np.isfinite(unit.field(unit.interior(ends, 10), 1.0)).all()


def test_support_clips_and_warns_above_one_percent():
    X = np.full((10, 20), 0.5)
    assert Bernoulli().support(X) is X
    X[0, :2] = -0.1, 1.2  # exactly 1 %
    clipped = Bernoulli().support(X)
    np.testing.assert_array_equal(clipped[0, :3], [0, 1, 0.5])
    assert X[0, 0] == -0.1
    X[0, 2] = 16
    with pytest.warns(UserWarning, match=r"1\.5% of the values .* \[0, 1\].*MinMaxScaler"):
        Bernoulli().support(X)
    X[0, 3] = -7
    with pytest.warns(UserWarning, match=r"feature_range=\(-1, 1\)"):
        Spin().support(X)
    assert Gaussian().support(X) is X


def test_support_of_sparse_rows():
    X = sparse.csr_array([[0.0, 3.0], [0.5, 0.0]])
    with pytest.warns(UserWarning, match=r"25\.0%"):
        clipped = Bernoulli().support(X)
    np.testing.assert_array_equal(clipped.toarray(), [[0, 1], [0.5, 0]])
    assert X[0, 1] == 3


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_gaussian_units_warn_about_scales(container):
    X = np.random.default_rng(0).normal(size=(50, 3))
    Gaussian().examine(container(X))
    with pytest.warns(UserWarning, match=r"1 of 3 columns .*column 1.*StandardScaler"):
        Gaussian().examine(container(X * [1, 100, 1]))


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
