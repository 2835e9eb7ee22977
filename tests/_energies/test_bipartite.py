import numpy as np
import pytest
from scipy import sparse
from scipy.special import logsumexp

from skebm._energies import bipartite
from skebm._energies.bipartite import Bipartite
from skebm.units import Bernoulli, Categorical, Composite, Spin

from .. import oracle

N_VISIBLE, N_HIDDEN = 3, 2


def make(visible, hidden, temperature=1.0, n_visible=N_VISIBLE, n_hidden=N_HIDDEN, seed=0):
    parameters = oracle.small_parameters(n_hidden, n_visible, seed=seed)
    units = oracle.UNITS[visible], oracle.UNITS[hidden]
    return Bipartite(*parameters, *units, temperature), parameters


each_pair = pytest.mark.parametrize(("visible", "hidden"), oracle.PAIRS)
each_shape = pytest.mark.parametrize(
    ("visible", "n_visible", "hidden", "n_hidden"),
    [(visible, N_VISIBLE, hidden, N_HIDDEN) for visible, hidden in oracle.PAIRS] + oracle.WIDE,
)
each_temperature = pytest.mark.parametrize("temperature", [0.7, 1.0, 2.0])


@each_shape
@each_temperature
def test_free_energy_sums_out_the_hidden_side(visible, n_visible, hidden, n_hidden, temperature):
    model, parameters = make(visible, hidden, temperature, n_visible, n_hidden)
    v, _, log_joint = oracle.joint(parameters, visible, hidden, temperature)
    _, own = oracle.side(visible, n_visible, temperature)
    # the oracle's weights hold quadrature's, the energy has E0
    own = own + oracle.own_energy(visible, v, temperature) / temperature
    expected = -temperature * (logsumexp(log_joint, axis=1) - own)
    np.testing.assert_allclose(model.free_energy(v), expected, rtol=1e-9, atol=1e-9)


@each_shape
@each_temperature
def test_conditional_means(visible, n_visible, hidden, n_hidden, temperature):
    model, parameters = make(visible, hidden, temperature, n_visible, n_hidden)
    v, h, log_joint = oracle.joint(parameters, visible, hidden, temperature)
    of_hidden = np.exp(log_joint - logsumexp(log_joint, axis=1, keepdims=True)) @ h
    np.testing.assert_allclose(model.mean_hidden(v), of_hidden, atol=1e-9)
    of_visible = np.exp(log_joint - logsumexp(log_joint, axis=0)).T @ v
    np.testing.assert_allclose(model.swapped().mean_hidden(h), of_visible, atol=1e-9)


@each_shape
def test_energy_of_pairs(visible, n_visible, hidden, n_hidden):
    model, (weights, a, b) = make(visible, hidden, 1.0, n_visible, n_hidden)
    rng = np.random.default_rng(1)
    v, h = rng.normal(size=(5, n_visible)), rng.normal(size=(5, n_hidden))
    expected = np.zeros(5)
    for n in range(5):
        for i in range(n_hidden):
            expected[n] -= b[i] * h[n, i]
            for j in range(n_visible):
                expected[n] -= weights[i, j] * h[n, i] * v[n, j]
        expected[n] -= a @ v[n]
    expected += oracle.own_energy(visible, v) + oracle.own_energy(hidden, h)
    np.testing.assert_allclose(model.energy(v, h), expected)
    np.testing.assert_allclose(model.swapped().energy(h, v), expected)


def test_sparse_rows_give_the_same():
    model, _ = make("bernoulli", "spin", n_visible=7, n_hidden=5)
    v = (np.random.default_rng(0).random((11, 7)) < 0.3).astype(float)
    rows = sparse.csr_array(v)
    np.testing.assert_allclose(model.free_energy(rows), model.free_energy(v))
    np.testing.assert_allclose(model.mean_hidden(rows), model.mean_hidden(v))


def explicit_path(model, base, beta):
    return model.replace(
        weights=beta * model.weights,
        intercept_visible=beta * model.intercept_visible + (1 - beta) * base,
        intercept_hidden=beta * model.intercept_hidden,
    )


@each_pair
def test_annealing_path_runs_from_independent_units_to_the_model(visible, hidden):
    model, _ = make(visible, hidden, temperature=1.3)
    base = np.array([0.2, -0.4, 0.1])
    model = model.replace(base_visible=base)
    v, _ = oracle.side(visible, N_VISIBLE, 1.3)
    for beta in (0.0, 0.25, 1.0):
        expected = explicit_path(model, base, beta).log_weight(v)
        np.testing.assert_allclose(model.log_weight(v, beta), expected)
    betas = np.linspace(0, 1, len(v))
    rows = model.log_weight(v, betas[:, np.newaxis])
    for n in (0, 3, len(v) - 1):
        expected = explicit_path(model, base, betas[n]).log_weight(v[n : n + 1])[0]
        np.testing.assert_allclose(rows[n], expected)
    start = explicit_path(model, base, 0.0)
    _, log_partition = model.independent(1, np.random.default_rng(0))
    expected = oracle.log_partition(
        (start.weights, start.intercept_visible, start.intercept_hidden), visible, hidden, 1.3
    )
    np.testing.assert_allclose(log_partition, expected, rtol=1e-10)


# counts take as many random numbers as they need, so rows are not comparable one by one
@pytest.mark.parametrize(
    ("visible", "hidden"), [pair for pair in oracle.PAIRS if "poisson" not in pair]
)
def test_sweep_on_the_path_is_that_of_the_model_between(visible, hidden):
    model, _ = make(visible, hidden, temperature=1.3)
    base = np.array([0.2, -0.4, 0.1])
    model = model.replace(base_visible=base)
    start = np.ones((50, N_VISIBLE))
    betas = np.repeat([0.3, 0.8], 25)[:, np.newaxis]
    states = model.sweeps(start, [betas], np.random.default_rng(0))
    for beta, rows in ((0.3, slice(0, 25)), (0.8, slice(25, 50))):
        # the same random numbers, all rows on the same model
        expected = explicit_path(model, base, beta).sweeps(start, [1.0], np.random.default_rng(0))
        np.testing.assert_allclose(states[rows], expected[rows], rtol=1e-10)


@each_pair
def test_independent_units_follow_their_field(visible, hidden):
    model, _ = make(visible, hidden, temperature=1.3)
    base = np.array([0.8, -0.4, 0.1])
    states, _ = model.replace(base_visible=base).independent(40_009, np.random.default_rng(0))
    mean = model.visible.mean(base, 1.3)
    error = np.sqrt(model.visible.variance(base, 1.3) / 40_009)
    assert (abs(states.mean(axis=0) - mean) < 4.5 * error).all()


@pytest.mark.parametrize(
    ("visible", "hidden"), [("gaussian", "gaussian"), ("gaussian", "relu"), ("relu", "relu")]
)
def test_two_quadratic_sides_need_small_weights(visible, hidden):
    model, _ = make(visible, hidden)
    assert model.problem() is None
    too_large = model.replace(weights=model.weights / np.linalg.norm(model.weights, 2))
    assert "singular value" in too_large.problem()
    assert too_large.replace(hidden=oracle.UNITS["spin"]).problem() is None


def test_only_the_quadratic_columns_count():
    model, _ = make("mixed", "gaussian", 1.0, 6)
    weights = np.full((2, 6), 7.0)
    weights[:, 1:3] = 0.4
    assert model.replace(weights=weights).problem() is None
    weights[:, 1:3] = 0.6
    assert "singular value" in model.replace(weights=weights).problem()


def test_non_finite_parameters_are_a_problem():
    model, _ = make("bernoulli", "bernoulli")
    assert "finite" in model.replace(intercept_hidden=np.array([np.nan, 0])).problem()


@pytest.mark.parametrize("visible", ["bernoulli", "spin", "categorical", "mixed"])
@pytest.mark.parametrize("hidden", ["bernoulli", "spin"])
def test_conditional_means_of_what_is_free(visible, hidden, monkeypatch):
    rng = np.random.default_rng(0)
    units = {"bernoulli": Bernoulli(), "spin": Spin(), "categorical": Categorical(3)}
    mixed = Composite([("bernoulli", 2), (Categorical(3), 3), ("spin", 1)])
    visible, hidden = units.get(visible, mixed), units[hidden]
    model = Bipartite(
        rng.normal(size=(3, 6)), rng.normal(size=6), rng.normal(size=3), visible, hidden, 1.3
    )
    states = visible.states(6, np.arange(int(visible.count_states(6))))
    known = np.array([True, False, False, False, False, True])
    if not isinstance(visible, Composite):
        known = np.repeat([True, False], 3)
    row = states[len(states) // 3]
    shares = np.exp(model.log_weight(states)) * (states == row)[:, known].all(axis=1)
    expected = shares @ states / shares.sum()
    rows, held = np.tile(row, (400, 1)), np.tile(known, (400, 1))
    exact = model.conditional_mean(rows[:1], held[:1], 1, 2, rng)
    np.testing.assert_allclose(exact[0], expected, atol=1e-12)
    monkeypatch.setattr(bipartite, "BLOCK_SIZE", 1)
    sampled = model.conditional_mean(rows[:200], held[:200], 2, 100, rng).mean(axis=0)
    np.testing.assert_allclose(sampled, expected, atol=0.03)
    assert (sampled[known] == row[known]).all()
