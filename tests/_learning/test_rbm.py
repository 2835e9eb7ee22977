from functools import cache

import numpy as np
import pytest
from scipy import sparse
from sklearn.neural_network import BernoulliRBM

from skebm._energies.bipartite import Bipartite
from skebm._learning import compiled, optimizer
from skebm._learning.optimizer import State, move, track
from skebm._learning.rbm import Parameters, Workspace, epoch, gradient, weight_step_scale

from .. import oracle

TEMPERATURE = 1.3
N_CHAINS = 150_001
ROWS = {
    "bernoulli": np.array([[1.0, 0, 1], [0, 0, 1], [1, 1, 0], [1, 1, 1], [0, 1, 1]]),
    "spin": np.array([[1.0, -1, 1], [-1, -1, 1], [1, 1, -1], [1, 1, 1], [-1, 1, 1]]),
    "gaussian": np.array([[0.9, -0.3, 1.2], [-0.2, -1, 1], [1, 0.4, -2], [0, 1, 1], [-1, 1, 0]]),
    "poisson": np.array([[2.0, 0, 1], [0, 3, 1], [1, 0, 0], [0, 1, 4], [1, 1, 0]]),
    "relu": np.array([[0.9, 0.3, 1.2], [0.2, 1.9, 1], [1, 0.4, 0], [0, 1, 3], [1, 1, 0]]),
}
# step_scale of the units, written out: ±1 and Gaussian units have four times the variance
SCALE = {"poisson": 0.25, "bernoulli": 1.0, "spin": 0.25, "gaussian": 0.25, "relu": 0.25}


def exact_hidden_states(parameters, visible, hidden, rng):
    """Hidden states drawn from the exact model, whichever side can be enumerated."""
    units = oracle.UNITS[visible], oracle.UNITS[hidden]
    model = Bipartite(*parameters, *units, TEMPERATURE)
    if hidden in oracle.CONTINUOUS:
        v, p = oracle.visible_distribution(parameters, visible, hidden, TEMPERATURE)
        return model.sample_hidden(v[rng.choice(len(v), N_CHAINS, p=p)], rng)
    weights, a, b = parameters
    h, p = oracle.visible_distribution((weights.T, b, a), hidden, visible, TEMPERATURE)
    return h[rng.choice(len(h), N_CHAINS, p=p)]


def one_step(parameters, visible, hidden, rows, *, centered, chains=None, n_steps=1, seed=1):
    """Parameters, step and workspace of one update at rate 1."""
    parameters = Parameters(*(np.array(array) for array in parameters))
    units = oracle.UNITS[visible], oracle.UNITS[hidden]
    model = Bipartite(*parameters, *units, TEMPERATURE)
    offsets = np.array([0.3, -0.2, 0.1]), np.array([0.25, -0.4])
    state = State(parameters, offsets, None, chains)
    n_chains = len(rows) if chains is None else len(chains)
    work = Workspace.allocate(len(rows), n_chains, parameters)
    work.visible[: len(rows)] = rows
    gradient(
        model,
        state,
        len(rows),
        work,
        np.random.default_rng(seed),
        algorithm="cd" if chains is None else "pcd",
        n_steps=n_steps,
        centered=centered,
        scale=1.0,
    )
    return state, work


def mean_log_likelihood(parameters, visible, hidden, rows):
    units = oracle.UNITS[visible], oracle.UNITS[hidden]
    model = Bipartite(*parameters, *units, TEMPERATURE)
    log_partition = oracle.log_partition(parameters, visible, hidden, TEMPERATURE)
    return model.log_weight(rows).mean() - log_partition


def numerical_gradient(parameters, visible, hidden, rows):
    gradient, step = [], 1e-5
    for k, array in enumerate(parameters):
        part = np.empty_like(array)
        for index in np.ndindex(array.shape):
            values = []
            for sign in (1, -1):
                moved = [p.copy() for p in parameters]
                moved[k][index] += sign * step
                values.append(mean_log_likelihood(moved, visible, hidden, rows))
            part[index] = (values[0] - values[1]) / (2 * step)
        gradient.append(part)
    return gradient


@cache
def exact_states_and_gradient(visible, hidden):
    """Sums over all states, which are the slow part, once for every pair of units."""
    parameters = oracle.small_parameters(2, 3, 0.4)
    chains = exact_hidden_states(parameters, visible, hidden, np.random.default_rng(0))
    return chains, numerical_gradient(parameters, visible, hidden, ROWS[visible])


@pytest.mark.parametrize(
    ("visible", "hidden"), [pair for pair in oracle.PAIRS if set(pair) & set(oracle.DISCRETE)]
)
@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("n_steps", [1, 2])
def test_step_is_the_gradient_when_the_chains_are_exact(visible, hidden, centered, n_steps):
    parameters, rows = oracle.small_parameters(2, 3, 0.4), ROWS[visible]
    chains, gradient = exact_states_and_gradient(visible, hidden)
    state, work = one_step(
        parameters, visible, hidden, rows, centered=centered, chains=chains.copy(), n_steps=n_steps
    )
    weights, a, b = gradient
    by_visible, by_hidden = SCALE[visible], SCALE[hidden]
    if centered:
        mu, lam = state.offsets
        weights = weights - np.outer(lam, a) - np.outer(b, mu)
    expected = Parameters(
        by_visible * by_hidden * weights,
        by_visible * a,
        by_hidden * b,
    )
    if centered:
        expected = Parameters(
            expected.weights,
            expected.intercept_visible - expected.weights.T @ lam,
            expected.intercept_hidden - expected.weights @ mu,
        )
    # far above the noise of the chains, far below a factor of 2, a kept term or a swapped side
    for name in Parameters._fields:
        difference = abs(getattr(work.step, name) - getattr(expected, name)).max()
        assert difference < 0.2 * abs(getattr(expected, name)).max(), name


def test_each_block_of_a_mixed_side_has_its_own_rate():
    # the step of a mixed side is that of its columns alone, each scaled as its unit type
    parameters = oracle.small_parameters(2, 6, 0.4)
    rows, _ = oracle.side("mixed", 6, TEMPERATURE)
    rows = rows[:: len(rows) // 7][:5]
    by_visible = np.array([1, 0.25, 0.25, 1, 1, 1])
    steps = {}
    for visible in ("mixed", "gaussian"):
        # the same statistics: chains that are one-to-one with the rows of a frozen sampler
        units = oracle.UNITS[visible], oracle.UNITS["bernoulli"]
        model = Bipartite(*parameters, *units, TEMPERATURE)
        offsets = np.linspace(0.1, 0.6, 6), np.array([0.25, -0.4])
        chains = np.array([[1.0, 0], [0, 1], [1, 1]])
        state = State(Parameters(*parameters), offsets, None, chains)
        work = Workspace.allocate(5, 3, Parameters(*parameters))
        work.visible[:5] = rows
        frozen = type("Frozen", (type(units[0]),), {"sample": lambda *a, out: freeze(out)})
        unit = frozen.__new__(frozen)
        vars(unit).update(vars(units[0]))
        rule = {"algorithm": "pcd", "n_steps": 1, "centered": True, "scale": 1.0}
        rng = np.random.default_rng(1)
        gradient(model.replace(visible=unit), state, 5, work, rng, **rule)
        steps[visible] = work.step
    mixed, plain = steps["mixed"], steps["gaussian"]
    by_rest = by_visible / 0.25
    np.testing.assert_allclose(mixed.weights, plain.weights * by_rest)
    np.testing.assert_allclose(mixed.intercept_visible, plain.intercept_visible * by_rest)
    mu = state.offsets[0]
    uncentred = plain.intercept_hidden + plain.weights @ mu
    np.testing.assert_allclose(mixed.intercept_hidden, uncentred - mixed.weights @ mu)


def freeze(out):
    out[:] = np.arange(out.size).reshape(out.shape) % 3 / 3
    return out


def test_offsets_move_toward_the_data():
    parameters = oracle.small_parameters(2, 3, 0.5)
    chains = np.ones((4, 2))
    before = np.array([0.3, -0.2, 0.1])
    state, _ = one_step(
        parameters, "bernoulli", "bernoulli", ROWS["bernoulli"], centered=True, chains=chains
    )
    mean = ROWS["bernoulli"].mean(axis=0)
    np.testing.assert_allclose(state.offsets[0], before + 0.05 * (mean - before))


def test_flipped_and_recoded_data_take_the_same_step():
    # x -> 1 - x, and x -> 2x - 1, with parameters and offsets mapped: the centred steps map too
    weights, a, b = parameters = oracle.small_parameters(2, 3, 0.5)
    rows = ROWS["bernoulli"]
    chains = exact_hidden_states(parameters, "bernoulli", "bernoulli", np.random.default_rng(0))
    mu, lam = np.array([0.3, 0.6, 0.8]), np.array([0.25, 0.4])

    def step(parameters, visible, hidden, rows, chains, mu, lam):
        parameters = Parameters(*parameters)
        units = oracle.UNITS[visible], oracle.UNITS[hidden]
        model = Bipartite(*parameters, *units, TEMPERATURE)
        state = State(parameters, (mu.copy(), lam.copy()), None, chains.copy())
        work = Workspace.allocate(len(rows), N_CHAINS, parameters)
        work.visible[: len(rows)] = rows
        rule = {"algorithm": "pcd", "n_steps": 1, "centered": True, "scale": 1.0}
        gradient(model, state, len(rows), work, np.random.default_rng(1), **rule)
        return work.step

    plain = step(parameters, "bernoulli", "bernoulli", rows, chains, mu, lam)
    flipped_start = (-weights, -a, b + weights.sum(axis=1))
    flipped = step(flipped_start, "bernoulli", "bernoulli", 1 - rows, chains, 1 - mu, lam)
    spin_start = (
        weights / 4,
        a / 2 + weights.sum(axis=0) / 4,
        b / 2 + weights.sum(axis=1) / 4,
    )
    spins = step(spin_start, "spin", "spin", 2 * rows - 1, 2 * chains - 1, 2 * mu - 1, 2 * lam - 1)
    dw, da, db = plain
    bound = 4.5 * 2 / TEMPERATURE / np.sqrt(N_CHAINS)
    mapped = (-dw, -da, db + dw.sum(axis=1))
    for got, expected in zip(flipped, mapped, strict=True):
        np.testing.assert_allclose(got, expected, atol=bound)
    mapped = (dw / 4, da / 2 + dw.sum(axis=0) / 4, db / 2 + dw.sum(axis=1) / 4)
    for got, expected in zip(spins, mapped, strict=True):
        np.testing.assert_allclose(got, expected, atol=bound)


def test_same_update_as_bernoulli_rbm(monkeypatch):
    rng = np.random.default_rng(0)
    weights, a, b = rng.normal(0, 1, (2, 3)), rng.normal(0, 1, 3), rng.normal(0, 1, 2)
    rows = ROWS["bernoulli"]
    chains = (rng.random((len(rows), 2)) < 0.5).astype(float)
    peer = BernoulliRBM(n_components=2, learning_rate=1 / TEMPERATURE)
    # the peer knows no temperature: give it the model (W / T, a / T, b / T)
    peer.components_, peer.intercept_visible_ = weights / TEMPERATURE, a / TEMPERATURE
    peer.intercept_hidden_, peer.h_samples_ = b / TEMPERATURE, chains.copy()
    before = [array.copy() for array in (peer.components_, a / TEMPERATURE, b / TEMPERATURE)]
    _, work = one_step(
        (weights, a, b), "bernoulli", "bernoulli", rows, centered=False, chains=chains
    )
    v_chain = work.visible[len(rows) : 2 * len(rows)]
    monkeypatch.setattr(peer, "_sample_visibles", lambda h, rng: v_chain)
    peer._fit(rows, np.random.RandomState(0))
    after = peer.components_, peer.intercept_visible_, peer.intercept_hidden_
    for got, new, old in zip(work.step, after, before, strict=True):
        np.testing.assert_allclose(got, new - old, atol=1e-12)


def test_contrastive_divergence_starts_at_the_data():
    # with certain units, one step reproduces the data and the statistics cancel
    weights = np.array([[80.0, -80, 0], [0, 0, 80.0]])
    a, b = np.array([-40.0, 40, -40]), np.array([-20.0, -40])
    rows = np.array([[1.0, 0, 1], [0, 1, 1], [1, 0, 0]])
    _, work = one_step((weights, a, b), "bernoulli", "bernoulli", rows, centered=False)
    for part in work.step:
        np.testing.assert_allclose(part, 0, atol=1e-6)


def test_move_with_momentum_and_penalty():
    rng = np.random.default_rng(0)
    shapes = (2, 3), (3,), (2,)
    start = Parameters(*(rng.normal(size=shape) for shape in shapes))
    velocity = Parameters(*(rng.normal(size=shape) for shape in shapes))
    step = Parameters(*(rng.normal(size=shape) for shape in shapes))
    state = State(start, (np.zeros(3), np.zeros(2)), velocity).copy()
    moved_by = tuple(part.copy() for part in step)
    move(state, moved_by, rate=0.1, momentum=0.7, l2=0.3 * 0.8, l1=0.3 * 0.2 * 1.5)
    expected = 0.7 * velocity.weights + step.weights - 0.1 * 0.3 * 0.8 * start.weights
    np.testing.assert_allclose(state.velocity[0], expected)
    # L1 comes after the move, and stops at 0
    moved = start.weights + expected
    shrunk = np.sign(moved) * np.maximum(np.abs(moved) - 0.1 * 0.3 * 0.2 * 1.5, 0)
    np.testing.assert_allclose(state.parameters[0], shrunk)
    expected = 0.7 * velocity.intercept_hidden + step.intercept_hidden
    np.testing.assert_allclose(state.parameters[2], start.intercept_hidden + expected)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("momentum", [0.0, 0.7])
@pytest.mark.parametrize(("l2", "l1"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.4), (0.2, 0.1)])
def test_compiled_moves_are_the_plain_ones(order, dtype, momentum, l2, l1, monkeypatch):
    pytest.importorskip("numba")
    rng, options = np.random.default_rng(0), {"momentum": momentum, "l2": l2, "l1": l1}
    start, speed, step = (
        np.asarray(rng.normal(size=(211, 307)).astype(dtype), order=order) for _ in range(3)
    )
    bias = np.ones(307, dtype)
    states, calls = [], []
    advance = compiled.advance
    monkeypatch.setattr(compiled, "advance", lambda *args: (calls.append(args), advance(*args)))
    for size in (0, np.inf):
        monkeypatch.setattr(optimizer, "COMPILED_SIZE", size)
        velocity = (speed, bias) if momentum else None
        state = State((start, bias), (), velocity).copy()
        move(state, (step.copy(order="K"), 0.5 * bias), rate=0.1, **options)
        states.append(state)
    # weights and bias in the first round, nothing in the second
    assert len(calls) == 2
    for name in ("parameters", "velocity") if momentum else ("parameters",):
        for fast, plain in zip(*(getattr(state, name) for state in states), strict=True):
            np.testing.assert_allclose(fast, plain, rtol=1e-5, atol=1e-6)
    assert (states[0].parameters[0] == 0).any() == (l1 > 0)
    np.testing.assert_array_equal(states[0].parameters[0] == 0, states[1].parameters[0] == 0)


@pytest.mark.parametrize("is_view", [False, True])
def test_moves_of_arrays_in_no_one_run_are_plain(is_view):
    weights, step = np.zeros((200, 400)), np.random.default_rng(0).normal(size=(200, 400))
    if is_view:
        weights, step = weights[:, :300], step[:, :300]
    else:
        step = np.asfortranarray(step)
    move(State((weights,), ()), (step,), rate=0.1, momentum=0.0, l2=0.1, l1=0.0)
    np.testing.assert_array_equal(weights, step)


def run_epoch(X, **options):
    n_visible = X.shape[1]
    parameters = Parameters(*oracle.small_parameters(2, n_visible, 0.5))
    model = Bipartite(*parameters, oracle.UNITS["bernoulli"], oracle.UNITS["bernoulli"], 1.0)
    chains = np.ones((7, 2))
    state = State(parameters, (np.zeros(n_visible), np.zeros(2)), None, chains)
    n_batches = 4
    work = Workspace.allocate(-(-X.shape[0] // n_batches), 7, parameters)
    options = {"discretize": False, "shuffle": True, **options}
    gap = epoch(
        model,
        state,
        X,
        work,
        np.random.default_rng(0),
        rates=[0.1] * n_batches,
        rule={"algorithm": "pcd", "n_steps": 1, "centered": True},
        regularization={"momentum": 0.0, "l2": 0.0, "l1": 0.0},
        **options,
    )
    return state.parameters.weights, gap


def test_sparse_and_dense_rows_train_alike():
    X = (np.random.default_rng(0).random((13, 5)) < 0.4).astype(float)
    dense, gap = run_epoch(X)
    assert np.isfinite(gap)
    for container in (sparse.csr_array, sparse.csr_matrix):
        np.testing.assert_array_equal(run_epoch(container(X))[0], dense)


def test_every_row_is_visited_once_in_an_epoch(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "skebm._learning.rbm.gradient",
        lambda model, state, n_rows, work, rng, **rule: seen.append(work.visible[:n_rows].copy()),
    )
    X = np.arange(13.0)[:, np.newaxis] * np.ones(3)
    monkeypatch.setattr("skebm._learning.rbm.move", lambda *args, **kwargs: None)
    run_epoch(X)
    order = np.concatenate(seen)[:, 0]
    assert sorted(order) == list(range(13))
    assert list(order) != list(range(13))
    assert [len(batch) for batch in seen] == [4, 3, 3, 3]
    seen.clear()
    run_epoch(X, shuffle=False)
    assert list(np.concatenate(seen)[:, 0]) == list(range(13))


def test_grey_rows_are_drawn_anew(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "skebm._learning.rbm.gradient",
        lambda model, state, n_rows, work, rng, **rule: seen.append(work.visible[:n_rows].copy()),
    )
    monkeypatch.setattr("skebm._learning.rbm.move", lambda *args, **kwargs: None)
    run_epoch(np.full((4000, 3), 0.25), discretize=True)
    rows = np.concatenate(seen)
    assert set(np.unique(rows)) == {0.0, 1.0}
    assert abs(rows.mean() - 0.25) < 4.5 * np.sqrt(0.25 * 0.75 / rows.size)


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
@pytest.mark.parametrize(("visible", "hidden"), oracle.PAIRS)
def test_alpha_balances_the_gradient_whatever_the_units(visible, hidden, l1_ratio):
    rng = np.random.default_rng(0)
    parameters = oracle.small_parameters(2, 3, 0.3)
    rows, _ = oracle.side(visible, 3, TEMPERATURE)
    rows = rows[rng.integers(len(rows), size=5)]
    state, work = one_step(parameters, visible, hidden, rows, centered=False)
    units = oracle.UNITS[visible], oracle.UNITS[hidden]
    model = Bipartite(*(np.array(part) for part in parameters), *units, TEMPERATURE)
    v, chains = work.visible[:5], work.visible[5:10]
    # the gradient of the mean log-likelihood itself, without the units' step sizes
    gradient = (model.mean_hidden(v).T @ v - model.mean_hidden(chains).T @ chains) / 5 / TEMPERATURE
    # the penalty that balances it, of every weight by itself
    size = TEMPERATURE if l1_ratio else np.abs(parameters[0])
    alpha = np.abs(gradient) / size
    weights = np.copysign(np.abs(parameters[0]), gradient)
    for i, j in np.ndindex(2, 3):
        here = state._replace(parameters=Parameters(weights.copy(), *parameters[1:]))
        move(
            here,
            tuple(part.copy() for part in work.step),
            rate=weight_step_scale(model),
            momentum=0.0,
            l2=alpha[i, j] * (1 - l1_ratio),
            l1=alpha[i, j] * l1_ratio * TEMPERATURE,
        )
        np.testing.assert_allclose(here.parameters.weights[i, j], weights[i, j], rtol=1e-9)


def test_means_of_empty_columns_become_no_denormal_numbers():
    offset = np.array([0.2, 0.5], np.float32)
    for _ in range(2000):
        track(offset, np.array([0, 0.5], np.float32))
    assert offset[1] == 0.5
    assert offset[0] == 0 or np.finfo(np.float32).tiny < offset[0] < 1e-20
