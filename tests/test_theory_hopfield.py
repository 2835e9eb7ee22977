import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from skebm import theory
from skebm._energies.dense import Dense
from skebm.datasets import make_patterns
from skebm.interactions import Polynomial


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        (0.05, 3.87e-6),
        (0.10, 0.000783),
        (0.105, 0.001014),
        (0.138, 0.003552),
        (0.185, 0.010037),
        (0.37, 0.050089),
        (0.61, 0.100208),
    ],
)
def test_one_step_error(load, expected):
    np.testing.assert_allclose(theory.error_probability(load), expected, rtol=1e-3)
    assert abs(theory.error_probability(load) - expected) < 5.1e-7


def test_one_step_error_of_arrays():
    loads = [0.1, 0.2]
    np.testing.assert_array_equal(
        theory.error_probability(loads), [theory.error_probability(load) for load in loads]
    )


@pytest.mark.parametrize(("n_patterns", "n_units"), [(3, 5), (2, 7), (4, 4), (3, 6)])
def test_exact_one_step_error_by_enumeration(n_patterns, n_units):
    # the aligned field of unit 0 of pattern 0, all +1 without loss of generality
    errors = ties = total = 0
    for signs in itertools.product([-1, 1], repeat=(n_patterns - 1) * (n_units - 1)):
        field = n_units - 1 + sum(signs)
        errors, ties, total = errors + (field < 0), ties + (field == 0), total + 1
    result = theory.exact_error_probability(n_patterns, n_units)
    np.testing.assert_allclose(result, (errors / total, ties / total), atol=1e-12)


def test_exact_one_step_error_reference():
    assert abs(theory.exact_error_probability(28, 200).error - 0.003179) < 5e-7
    assert theory.exact_error_probability(9, 200).tie == 0  # N even, p odd


ZERO_TEMPERATURE = [
    (1, 1, -0.5),
    (2, 0.5, -0.25),
    (3, 0.5, -0.375),
    (4, 0.375, -0.28125),
    (5, 0.375, -0.351563),
    (6, 0.3125, -0.292969),
    (7, 0.3125, -0.341797),
]


@pytest.mark.parametrize(("n", "overlap", "free_energy"), ZERO_TEMPERATURE)
def test_mixtures_at_zero(n, overlap, free_energy):
    np.testing.assert_allclose(theory.mixture_overlap(n, 0.0), overlap, rtol=1e-12)
    assert abs(theory.mixture_free_energy(n, 0.0) - free_energy) < 6e-7
    # continuous: a low temperature is nearly zero
    np.testing.assert_allclose(theory.mixture_overlap(n, 0.01), overlap, atol=1e-6)


@pytest.mark.parametrize(
    ("n", "temperature", "expected"),
    [
        (1, 0.2, 0.999909),
        (1, 0.4, 0.985624),
        (1, 0.6, 0.907332),
        (1, 0.8, 0.710412),
        (3, 0.2, 0.496536),
        (3, 0.4, 0.452241),
    ],
)
def test_mixtures_at_finite_temperature(n, temperature, expected):
    assert abs(theory.mixture_overlap(n, temperature) - expected) < 6e-7


def test_mixture_overlap_minimises_the_free_energy():
    for n, temperature in ((1, 0.7), (3, 0.5), (5, 0.3)):
        signs = np.array(list(itertools.product([-1, 1], repeat=n)))
        z = signs.sum(axis=1)

        def free_energy(m, n=n, z=z, temperature=temperature):
            return n * m**2 / 2 - temperature * np.mean(np.log(2 * np.cosh(m * z / temperature)))

        m = theory.mixture_overlap(n, temperature)
        np.testing.assert_allclose(free_energy(m), theory.mixture_free_energy(n, temperature))
        slope = (free_energy(m + 1e-5) - free_energy(m - 1e-5)) / 2e-5
        assert abs(slope) < 1e-8


def test_single_pattern():
    assert abs(theory.mixture_free_energy(1, 0.5) + 0.509836) < 6e-7
    assert theory.mixture_overlap(1, 1.0) == 0
    m = theory.mixture_overlap(1, 0.7)
    np.testing.assert_allclose(m, np.tanh(m / 0.7))
    assert theory.mixture_overlap(1, 0.999) > 0.03


def test_mixture_critical_temperatures():
    expected = {1: 1.0, 3: 0.45979, 5: 0.38474, 7: 0.34393}
    for n, temperature in expected.items():
        assert abs(theory.mixture_critical_temperature(n) - temperature) < 6e-6
    assert np.isnan(theory.mixture_critical_temperature(4))


@pytest.mark.parametrize(
    ("load", "temperature", "expected"),
    [
        (0.05, 0.3, (0.991165, 0.982961, 1.10491, -0.501236)),
        (0.1, 0.2, (0.989085, 0.984417, 1.15781, -0.501041)),
    ],
)
def test_retrieval_state(load, temperature, expected):
    np.testing.assert_allclose(
        theory.retrieval_state(load, temperature), expected, atol=6e-7, rtol=6e-6
    )


@pytest.mark.parametrize("temperature", [0.05, 0.3, 0.5])
@pytest.mark.parametrize("state", [theory.retrieval_state, theory.spin_glass_state])
def test_states_solve_the_saddle_point_equations(state, temperature):
    load, beta = 0.04, 1 / temperature
    m, q, r, free_energy = state(load, temperature)

    def mean(function):
        points = [-m / np.sqrt(load * r)]
        return quad(
            lambda z: np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * function(z),
            -10,
            10,
            points=points,
            limit=500,
            epsabs=1e-12,
        )[0]

    def field(z):
        return beta * (m + np.sqrt(load * r) * z)

    np.testing.assert_allclose(mean(lambda z: np.tanh(field(z))), m, atol=1e-8)
    np.testing.assert_allclose(mean(lambda z: np.tanh(field(z)) ** 2), q, atol=1e-8)
    c = beta * (1 - q)
    np.testing.assert_allclose(q / (1 - c) ** 2, r, rtol=1e-7)
    expected = load / 2 + m**2 / 2 + load / (2 * beta) * (np.log(1 - c) - beta * q / (1 - c))
    expected += load * beta / 2 * r * (1 - q)
    expected -= mean(lambda z: np.logaddexp(field(z), -field(z))) / beta
    np.testing.assert_allclose(free_energy, expected, atol=1e-8)


def test_zero_temperature_is_the_limit():
    for state in (theory.retrieval_state, theory.spin_glass_state):
        np.testing.assert_allclose(state(0.1, 0.0), state(0.1, 1e-3), atol=3e-3, rtol=3e-3)


@pytest.mark.parametrize(
    ("load", "expected"), [(0.05, 0.999992), (0.10, 0.997999), (0.135, 0.980791)]
)
def test_overlap_at_zero_temperature(load, expected):
    assert abs(theory.retrieval_state(load).overlap - expected) < 6e-7


def test_critical_load():
    assert abs(theory.critical_load() - 0.13790557) < 1e-8
    edge = theory.retrieval_state(theory.critical_load() - 1e-12)
    assert abs(edge.overlap - 0.967417) < 2e-5
    assert theory.critical_load(1.0) == 0
    assert theory.retrieval_state(0.01, 1.2) == theory._hopfield.NO_STATE or np.isnan(
        theory.retrieval_state(0.01, 1.2).overlap
    )


def test_retrieval_is_the_ground_state_below_another_load():
    def excess(load):
        return theory.retrieval_state(load).free_energy - theory.spin_glass_state(load).free_energy

    assert excess(0.0518543 - 1e-6) < 0 < excess(0.0518543 + 1e-6)


def test_phase_boundaries():
    loads = [0.005, 0.05, 0.12, 0.2]
    spin_glass, retrieval, ground_state = theory.phase_boundaries(loads)
    np.testing.assert_allclose(spin_glass, 1 + np.sqrt(loads))
    np.testing.assert_allclose(retrieval, [0.8600, 0.5423, 0.2151, np.nan], atol=6e-5)
    np.testing.assert_allclose(ground_state, [0.8074, 0.2164, np.nan, np.nan], atol=6e-5)


@pytest.mark.slow
def test_more_phase_boundaries():
    _, retrieval, ground_state = theory.phase_boundaries([0.01, 0.02, 0.10])
    np.testing.assert_allclose(retrieval, [0.8010, 0.7165, 0.3154], atol=6e-5)
    np.testing.assert_allclose(ground_state, [0.7216, 0.5913, np.nan], atol=6e-5)


@pytest.mark.parametrize(("margin", "expected"), [(0.0, 2.0), (0.5, 0.96121), (1.0, 0.51957)])
def test_gardner_capacity(margin, expected):
    assert abs(theory.gardner_capacity(margin) - expected) < 6e-6
    integral, _ = quad(
        lambda z: np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z + margin) ** 2, -margin, 12
    )
    np.testing.assert_allclose(theory.gardner_capacity(margin), 1 / integral)


def test_capacities():
    assert theory.capacity("pseudo_inverse", 50) == 50
    assert theory.capacity("perceptron", 50) == 100
    np.testing.assert_allclose(theory.capacity("storkey", 100), 100 / np.sqrt(2 * np.log(100)))
    with pytest.raises(ValueError, match=r"'hebb'.*got 'hebbian'"):
        theory.capacity("hebbian", 50)


def test_dense_capacities():
    for degree, expected in ((2, 10.9), (3, 361.9), (4, 7238)):
        assert abs(theory.dense_capacity(100, degree) / expected - 1) < 5e-3
    # degree 2 with errors is the one-step error of the classic memory, backwards
    error = theory.error_probability(0.138)
    np.testing.assert_allclose(theory.dense_capacity(1000, 2, error=error), 138)
    plain, rectified = (
        theory.dense_capacity(50, 4, error=0.01, rectified=kind) for kind in (False, True)
    )
    np.testing.assert_allclose(rectified, 2 * plain)
    # x / (2n - 3)!! with Q(1 / sqrt x) = P
    x = plain * 15 / 50**3
    np.testing.assert_allclose(norm.sf(1 / np.sqrt(x)), 0.01)


def test_dense_capacity_predicts_the_error_of_one_step():
    n_units, degree = 60, 3
    n_patterns = round(theory.dense_capacity(n_units, degree, error=0.05))
    wrong = []
    for seed in range(5):
        patterns = make_patterns(n_patterns, n_units, random_state=seed)
        model = Dense.of(patterns, Polynomial(degree))
        drive = model.differences(patterns, model.overlaps(patterns))
        wrong.append((drive * patterns < 0).mean())
    # leading order in 1 / N
    assert abs(np.mean(wrong) - 0.05) < 0.01


def test_exponential_load():
    np.testing.assert_allclose(theory.exponential_load(), np.log(2) / 2)
    x = 0.8
    expected = ((1 + x) * np.log(1 + x) + (1 - x) * np.log(1 - x)) / 4
    np.testing.assert_allclose(theory.exponential_load(0.1), expected)
    assert theory.exponential_load(0.4999) < 1e-6


def test_bad_arguments():
    with pytest.raises(ValueError, match="degree must be"):
        theory.dense_capacity(10, 1)
    with pytest.raises(ValueError, match="error must be"):
        theory.dense_capacity(10, 2, error=0.7)
    with pytest.raises(ValueError, match="flip must be"):
        theory.exponential_load(0.5)
    with pytest.raises(ValueError, match="load must be"):
        theory.retrieval_state(0)
    with pytest.raises(ValueError, match="load must be"):
        theory.error_probability([0.1, -0.1])
    with pytest.raises(ValueError, match="temperature must be"):
        theory.mixture_overlap(3, -0.1)
    with pytest.raises(ValueError, match="n must be an integer"):
        theory.mixture_overlap(1.5, 0.1)


def test_small_loads_and_temperatures_have_states():
    for load in (1e-4, 1e-6):
        assert theory.retrieval_state(load).overlap == pytest.approx(1)
        lines = theory.phase_boundaries([load])
        # the lines of small loads, to first order
        assert (1 - lines.retrieval[0]) / np.sqrt(load) == pytest.approx(1.95, abs=0.02)
        assert theory.retrieval_state(load, lines.retrieval[0] - 1e-6).overlap > 0
        assert np.isnan(theory.retrieval_state(load, lines.retrieval[0] + 1e-6).overlap)
    assert theory.critical_load(0.9999) == pytest.approx((1e-4 / 1.95) ** 2, rel=0.02)
    for temperature in (1e-100, 1e-9, 1e-6, 1e-3):
        assert theory.critical_load(temperature) == pytest.approx(theory.critical_load(), abs=1e-4)
        assert theory.mixture_overlap(3, temperature) == 0.5
        assert np.isfinite(theory.mixture_free_energy(3, temperature))


def test_boundaries_agree_with_states_where_lines_bend_back():
    line = theory.phase_boundaries([0.138]).retrieval[0]
    assert theory.retrieval_state(0.138, 0.02).overlap > 0.9
    assert 0.02 < line < 0.1
    assert theory.retrieval_state(0.138, line - 1e-4).overlap > 0.9
    assert np.isnan(theory.retrieval_state(0.138, line + 1e-4).overlap)
    load = 0.0519  # at T = 0 the spin glass is lower
    line = theory.phase_boundaries([load]).ground_state[0]
    difference = [
        theory.retrieval_state(load, t).free_energy - theory.spin_glass_state(load, t).free_energy
        for t in (0.0, line - 1e-3, line + 1e-3)
    ]
    assert difference[0] > 0 > difference[1]
    assert difference[2] > 0


def test_numbers_of_numpy_do_not_overflow():
    exact = 1000.0**7 / (2 * 135135 * np.log(1000))
    for kind in (int, np.int64, np.int32):
        assert theory.dense_capacity(kind(1000), 8) == pytest.approx(exact)
    one, other = (theory.exact_error_probability(k(60_000), k(70_000)) for k in (int, np.int32))
    assert one == other
    assert 0 < theory.dense_capacity(1000, 200) < np.inf
    assert theory.dense_capacity(10**6, 10**4) == np.inf
    with pytest.raises(ValueError, match="n_units must be an integer of at least 2, got 1"):
        theory.dense_capacity(1, 3)


def test_mixtures_of_many_patterns_have_a_temperature():
    temperatures = [theory.mixture_critical_temperature(n) for n in (7, 101, 1501)]
    assert temperatures[0] == pytest.approx(0.34393, abs=1e-5)
    assert 0 < temperatures[2] < temperatures[1] < temperatures[0]


def test_every_function_takes_arrays():
    loads, temperatures = np.array([[0.01], [0.05]]), np.array([0.1, 0.2, 0.3])
    states = theory.retrieval_state(loads, temperatures)
    assert states.overlap.shape == (2, 3)
    assert states.overlap[1, 2] == theory.retrieval_state(0.05, 0.3).overlap
    for function, arguments in (
        (theory.error_probability, ([0.1, 0.2],)),
        (theory.exact_error_probability, ([5, 7], 50)),
        (theory.mixture_overlap, ([1, 3], 0.2)),
        (theory.mixture_free_energy, (3, [0.1, 0.2])),
        (theory.mixture_critical_temperature, ([1, 3],)),
        (theory.spin_glass_state, (0.1, [0.1, 0.2])),
        (theory.critical_load, ([0.1, 0.2],)),
        (theory.capacity, ("hebb", [100, 1000])),
        (theory.gardner_capacity, ([0.0, 0.5],)),
        (theory.dense_capacity, (100, [2, 3])),
        (theory.exponential_load, ([0.0, 0.1],)),
    ):
        result = function(*arguments)
        first = function(*(a[0] if isinstance(a, list) else a for a in arguments))
        if isinstance(result, tuple):
            result, first = result[0], first[0]
        assert result.shape == (2,)
        assert result[0] == first
