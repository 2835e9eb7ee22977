import numpy as np
import pytest
from scipy.special import comb, logsumexp
from sklearn.exceptions import ConvergenceWarning

from skebm._energies.bipartite import Bipartite
from skebm._inference.likelihood import log_partition
from skebm._inference.strata import anneal, log_mean
from skebm.units import Bernoulli, Spin

from .. import oracle

# trained on 2x2 bars and stripes with the all-off and all-on images doubled; rows are visible
GOLDEN_WEIGHTS = np.array(
    [
        [0.12179488, 2.95950177, 0.33513356, 35.05380642],
        [0.20318085, -28.62372894, 26.52611278, 28.41793445],
        [-0.19105386, -28.58530584, -26.52747507, 28.78447320],
        [0.08953740, -59.82556859, -0.06665933, -27.71723459],
    ]
)
GOLDEN_VISIBLE = np.array([-19.24399659, -13.26258696, 13.25909850, 43.74408543])
GOLDEN_HIDDEN = np.array([-0.11155958, 57.02097584, -0.13331758, -32.25991501])
GOLDEN_ROWS = np.array(
    [
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        [1, 1, 1, 1],
        [1, 1, 1, 1],
        [0, 0, 1, 1],
        [1, 1, 0, 0],
        [0, 1, 0, 1],
        [1, 0, 1, 0],
    ],
    dtype=float,
)


def golden():
    units = Bernoulli(), Bernoulli()
    return Bipartite(GOLDEN_WEIGHTS.T, GOLDEN_VISIBLE, GOLDEN_HIDDEN, *units)


def make(visible, hidden, n_visible=3, n_hidden=2, temperature=1.0, scale=0.3, seed=0):
    parameters = oracle.small_parameters(n_hidden, n_visible, scale, seed)
    units = oracle.UNITS[visible], oracle.UNITS[hidden]
    return Bipartite(*parameters, *units, temperature), parameters


def estimate(model, base=None, seed=0, **options):
    model = model if base is None else model.replace(base_visible=base)
    return log_partition(model, np.random.default_rng(seed), **options)


@pytest.mark.parametrize(
    ("visible", "n_visible", "hidden", "n_hidden"),
    [(visible, 3, hidden, 2) for visible, hidden in oracle.EXACT_PAIRS] + oracle.WIDE,
)
@pytest.mark.parametrize("temperature", [0.8, 1.0, 2.0])
def test_exact_log_partition(visible, n_visible, hidden, n_hidden, temperature):
    model, parameters = make(visible, hidden, n_visible, n_hidden, temperature)
    expected = oracle.log_partition(parameters, visible, hidden, temperature)
    result = estimate(model)
    assert result.method == "exact"
    assert result.lower == result.upper == result.value
    assert result.standard_error == 0
    np.testing.assert_allclose(result.value, expected, rtol=1e-9)
    np.testing.assert_allclose(estimate(model.swapped()).value, expected, rtol=1e-9)


def test_exact_in_blocks(monkeypatch):
    model, _ = make("bernoulli", "spin", n_visible=11, n_hidden=5)
    whole = estimate(model).value
    monkeypatch.setattr("skebm._energies.bipartite.BLOCK_SIZE", 7 * 11)
    np.testing.assert_allclose(estimate(model).value, whole, rtol=1e-13)


def test_golden_model():
    result = estimate(golden())
    np.testing.assert_allclose(result.value, 59.6749019652, atol=1e-9)
    log_likelihood = golden().log_weight(GOLDEN_ROWS) - result.value
    np.testing.assert_allclose(log_likelihood.mean(), -1.7328699078, atol=1e-9)


# in one run of fifteen a chain escapes
@pytest.mark.parametrize("seed", [0, 1, 3, 4, 5])
def test_annealing_from_the_visible_biases_is_trapped(seed):
    model, rng = golden().replace(base_visible=GOLDEN_VISIBLE), np.random.default_rng(seed)
    log_weights, _ = anneal(model, np.linspace(0, 1, 1001), 100, rng)
    # every chain misses the same modes
    np.testing.assert_allclose(log_mean(log_weights), 59.6749019652 - np.log(8), atol=0.01)
    assert np.exp(log_weights - log_weights.max()).std() < 1e-2


@pytest.mark.parametrize("base", [0.0, GOLDEN_VISIBLE])
@pytest.mark.parametrize("seed", [0, 1, 3, 4, 5])
def test_regions_escape_the_trap(seed, base):
    result = estimate(golden(), base, seed, method="ais", n_temperatures=1000, n_chains=2000)
    assert result.method == "ais"
    assert abs(result.value - 59.6749019652) < 0.05
    assert result.lower < 59.6749019652 < result.upper


@pytest.mark.parametrize(
    ("visible", "n_visible", "hidden", "n_hidden"),
    [(visible, 7, hidden, 5) for visible, hidden in oracle.EXACT_PAIRS] + oracle.WIDE,
)
@pytest.mark.parametrize("temperature", [1.0, 1.7])
def test_annealed_estimate_agrees_with_enumeration(
    visible, n_visible, hidden, n_hidden, temperature
):
    model, _ = make(visible, hidden, n_visible, n_hidden, temperature, scale=0.2)
    exact = estimate(model, method="exact").value
    base = np.linspace(-0.5, 0.5, n_visible)
    annealed = estimate(model, base, method="ais", n_temperatures=100, n_chains=400)
    assert annealed.standard_error > 0
    assert abs(annealed.value - exact) < 4 * annealed.standard_error
    reverse_error = (annealed.upper - annealed.lower) / 2
    assert annealed.lower - reverse_error < exact < annealed.upper + reverse_error


def test_reverse_estimate_brackets():
    # too few temperatures: forward is low, reverse is high
    rng = np.random.default_rng(0)
    weights, a, b = rng.normal(0, 1.5, (13, 17)), rng.normal(0, 1, 17), rng.normal(0, 1, 13)
    model = Bipartite(weights, a, b, Bernoulli(), Bernoulli())
    exact = estimate(model, method="exact").value
    rough = estimate(model, method="ais", n_temperatures=10, n_chains=200)
    assert rough.lower < exact < rough.upper
    fine = estimate(model, method="ais", n_chains=200)
    assert fine.lower < exact < fine.upper
    assert fine.upper - fine.lower < rough.upper - rough.lower


def test_directions_that_disagree_warn():
    rng = np.random.default_rng(0)
    weights, a, b = rng.normal(0, 6, (13, 17)), rng.normal(0, 1, 17), rng.normal(0, 1, 13)
    model = Bipartite(weights, a, b, Bernoulli(), Bernoulli())
    with pytest.warns(ConvergenceWarning, match=r"between .* and .*n_temperatures"):
        rough = estimate(model, method="ais", n_temperatures=2, n_chains=50)
    assert rough.lower < estimate(model, method="exact").value < rough.upper


def test_two_modes_are_bracketed():
    # 40 + 40 spins that all agree: plain Gibbs chains from independent units see one mode
    model = Bipartite(np.full((40, 40), 0.1), np.full(40, 0.02), np.zeros(40), Spin(), Spin())
    up = np.arange(41)  # visible spins up: exact sum over the magnetisation
    field = 0.1 * (2 * up - 40)
    exact = logsumexp(np.log(comb(40, up)) + 0.02 * (2 * up - 40) + 40 * np.log(2 * np.cosh(field)))
    result = estimate(model, method="ais", n_chains=400)
    assert result.lower < exact < result.upper
    assert result.upper - result.lower < 0.5


def test_exact_refuses_what_is_too_large():
    model, _ = make("bernoulli", "bernoulli", n_visible=40, n_hidden=40)
    with pytest.raises(ValueError, match=r"2\^27.*40 visible.*method='ais'"):
        estimate(model, method="exact")
    assert estimate(model, n_temperatures=300, n_chains=5).method == "ais"


@pytest.mark.parametrize("visible", ["bernoulli", "spin", "categorical"])
@pytest.mark.parametrize("hidden", oracle.SCALAR)
def test_pseudo_likelihood_by_enumeration(visible, hidden):
    temperature = 1.4
    width = 3 if visible == "categorical" else 1
    n_visible = 6 if visible == "categorical" else 5
    model, parameters = make(visible, hidden, n_visible, temperature=temperature, scale=0.5)
    v, p = oracle.visible_distribution(parameters, visible, hidden, temperature)
    expected = np.zeros(len(v))
    for j in range(0, n_visible, width):
        others = np.delete(v, slice(j, j + width), axis=1)
        for n in range(len(v)):
            same = (others == others[n]).all(axis=1)
            expected[n] += np.log(p[n] / p[same].sum())
    np.testing.assert_allclose(model.pseudo_likelihood(v), expected, rtol=1e-8)
