import itertools

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from skebm._energies import attention
from skebm._energies.attention import SIMILARITIES, Attention
from skebm._energies.dense import Dense
from skebm.interactions import Polynomial, Softmax, Tsallis, as_interaction

INTERACTIONS = ["softmax", "entmax", "sparsemax"]
each_memory = pytest.mark.parametrize(
    ("similarity", "interaction"), list(itertools.product(SIMILARITIES, INTERACTIONS))
)


def make(patterns, similarity, interaction, temperature, block_size=2048):
    energy = Attention.of(patterns, similarity, as_interaction(interaction))
    return energy.replace(temperature=temperature, block_size=block_size)


def of_alpha(alpha):
    return Softmax() if alpha == 1 else Tsallis(alpha)


def problem(n_patterns=11, n_features=5, n_states=7, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_patterns, n_features)), rng.normal(size=(n_states, n_features))


def similarities(patterns, states, similarity):
    result = np.empty((len(states), len(patterns)))
    for n, s in enumerate(states):
        for mu, xi in enumerate(patterns):
            result[n, mu] = {
                "dot": s @ xi,
                "euclidean": -np.sum((s - xi) ** 2) / 2,
                "cosine": s @ xi / np.linalg.norm(s) / np.linalg.norm(xi),
                "manhattan": -np.sum(np.abs(s - xi)),
            }[similarity]
    return result


@each_memory
@pytest.mark.parametrize("temperature", [0.3, 1.0])
def test_weights_depend_on_the_similarities(similarity, interaction, temperature):
    patterns, states = problem()
    energy = make(patterns, similarity, interaction, temperature)
    weights, *rest = energy.weight_blocks(states)
    assert not rest
    scores = similarities(patterns, states, similarity) / temperature
    expected, _ = energy.interaction.associate(scores)
    np.testing.assert_allclose(weights, expected, atol=1e-12)
    if interaction == "softmax":
        np.testing.assert_allclose(weights, softmax(scores, axis=1), atol=1e-12)


@pytest.mark.parametrize("alpha", [1.0, 1.5, 2.0])
def test_weights_maximise_score_plus_entropy(alpha):
    scores = np.random.default_rng(0).normal(0, 2, (5, 4))
    weights, value = of_alpha(alpha).associate(scores)
    np.testing.assert_allclose(weights.sum(axis=1), 1)

    def entropy(p):
        if alpha == 1:
            return -np.sum(p * np.log(np.maximum(p, 1e-300)))
        return (1 - np.sum(p**alpha)) / (alpha * (alpha - 1))

    for row, p, best in zip(scores, weights, value, strict=True):
        np.testing.assert_allclose(p @ row + entropy(p), best, atol=1e-12)
        found = minimize(
            lambda q, row=row: -(q @ row) - entropy(q),
            np.full(4, 0.25),
            bounds=[(0, 1)] * 4,
            constraints={"type": "eq", "fun": lambda q: q.sum() - 1},
            tol=1e-12,
        )
        np.testing.assert_allclose(p, found.x, atol=1e-4)
    # equal scores: the largest entropy
    _, (largest,) = of_alpha(alpha).associate(np.zeros((1, 4)))
    assert largest == pytest.approx(entropy(np.full(4, 0.25)))


def test_sparse_weights_are_one_hot_beyond_a_gap():
    # gaps of the scores just above and below 1 / (alpha - 1)
    for alpha in (1.5, 2.0):
        gap = 1 / (alpha - 1)
        scores = np.array([[3 + gap + 1e-6, 3, 1], [3 + gap - 1e-3, 3, 1]])
        weights, _ = of_alpha(alpha).associate(scores)
        np.testing.assert_array_equal(weights[0], [1, 0, 0])
        assert weights[1, 1] > 0
        assert weights[1, 2] == 0


@each_memory
def test_steps_never_raise_the_energy(similarity, interaction):
    for seed in range(25):
        patterns, states = problem(seed=seed)
        temperature = [0.1, 0.5, 2.0][seed % 3]
        energy = make(patterns, similarity, interaction, temperature, 4)
        before = energy.energy(states)
        assert (before >= -1e-9).all()
        for _ in range(5):
            states, _ = energy.step(states)
            after = energy.energy(states)
            assert (after <= before + 1e-9).all()
            before = after


def test_energy_of_softmax_and_dot():
    patterns, states = problem()
    beta, largest = 1 / 0.7, np.linalg.norm(patterns, axis=1).max()
    expected = -logsumexp(beta * states @ patterns.T, axis=1) / beta
    expected += (states**2).sum(axis=1) / 2 + np.log(11) / beta + largest**2 / 2
    energy = make(patterns, "dot", "softmax", 0.7, 3)
    np.testing.assert_allclose(energy.energy(states), expected)
    inside = states / np.linalg.norm(states, axis=1, keepdims=True) * largest
    bounded = energy.energy(inside)
    assert (bounded >= 0).all()
    assert (bounded <= 2 * largest**2).all()


@pytest.mark.parametrize("similarity", ["dot", "euclidean", "cosine"])
@pytest.mark.parametrize("block_size", [1, 4, 11, 100])
def test_blocks_do_not_matter(similarity, block_size, monkeypatch):
    patterns, states = problem()
    whole = make(patterns, similarity, "softmax", 0.5).step(states)
    monkeypatch.setattr(attention, "LARGEST_BLOCK", 3 * block_size)
    in_blocks = make(patterns, similarity, "softmax", 0.5, block_size).step(states)
    for part, expected in zip(in_blocks, whole, strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-12)


def test_no_overflow():
    patterns = np.array([[1e3, 0.0], [0.0, 1e3], [-1e3, 5.0]], np.float32)
    for similarity in SIMILARITIES:
        for interaction in INTERACTIONS:
            energy = make(patterns, similarity, interaction, 1e-3, 2)
            new, conjugate = energy.step(patterns)
            np.testing.assert_allclose(new, patterns, rtol=1e-5)
            assert np.isfinite(conjugate).all()


def test_softmax_step_is_attention():
    patterns, states = problem()
    new, _ = make(patterns, "dot", "softmax", 0.4, 3).step(states)
    np.testing.assert_allclose(new, softmax(states @ patterns.T / 0.4, axis=1) @ patterns)


def test_one_step_error_bound():
    # |s_new - xi_i| <= 2 (K - 1) M exp(-beta (Delta_i - 2 M |s - xi_i|))
    for seed in range(300):
        rng = np.random.default_rng(seed)
        patterns = rng.normal(size=(7, 23))
        beta, i = rng.uniform(0.1, 2), rng.integers(7)
        state = patterns[i] + rng.normal(0, 0.05, 23)
        products = patterns @ patterns[i]
        gap = products[i] - np.delete(products, i).max()
        largest = np.linalg.norm(patterns, axis=1).max()
        distance = np.linalg.norm(state - patterns[i])
        bound = 2 * 6 * largest * np.exp(-beta * (gap - 2 * largest * distance))
        (new,), _ = make(patterns, "dot", "softmax", 1 / beta).step(state[np.newaxis])
        assert np.linalg.norm(new - patterns[i]) <= bound + 1e-12


def test_three_regimes():
    # 50 random unit vectors: effective number of patterns exp(entropy) at the fixed point
    rng = np.random.default_rng(0)
    patterns = rng.normal(size=(50, 32))
    patterns /= np.linalg.norm(patterns, axis=1, keepdims=True)
    effective = {}
    for beta in (1, 8, 15):
        energy, states = make(patterns, "dot", "softmax", 1 / beta), patterns
        for _ in range(200):
            states, _ = energy.step(states)
        (weights,) = energy.weight_blocks(states)
        entropies = -(weights * np.log(np.maximum(weights, 1e-300))).sum(axis=1)
        effective[beta] = np.median(np.exp(entropies))
    assert abs(effective[1] - 49.98) < 0.02
    assert 1.2 < effective[8] < 2.0
    assert abs(effective[15] - 1) < 0.01


def test_medians_are_weighted():
    patterns = np.array([[0.0, 5], [1, 4], [2, 3], [3, 9]])
    energy = make(patterns, "manhattan", "softmax", 1.0)
    weights = np.array([[0.1, 0.2, 0.25, 0.45], [1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25]])
    medians = attention._weighted(energy, weights)
    np.testing.assert_array_equal(medians, [[2, 5], [0, 5], [1, 4]])


def test_zero_rows_have_no_direction():
    patterns, _ = problem()
    new, _ = make(patterns, "cosine", "softmax", 0.1).step(np.zeros((1, 5)))
    assert np.isfinite(new).all()


def two_layer_energy(v, h, patterns, lagrangian_visible, g, lagrangian_hidden, f):
    """Krotov and Hopfield 2020, without external input: rows of v and h."""
    coupling = np.einsum("nk,ki,ni->n", f, patterns, g)
    visible = (v * g).sum(axis=1) - lagrangian_visible
    return visible + (h * f).sum(axis=1) - lagrangian_hidden - coupling


def test_two_layers_of_neurons_are_the_softmax_memory():
    patterns, v = problem()
    beta = 1 / 0.6
    h = v @ patterns.T  # hidden neurons that have caught up
    f = softmax(beta * h, axis=1)
    lagrangian_hidden = logsumexp(beta * h, axis=1) / beta
    two = two_layer_energy(v, h, patterns, (v**2).sum(axis=1) / 2, v, lagrangian_hidden, f)
    one = make(patterns, "dot", "softmax", 0.6).energy(v)
    np.testing.assert_allclose(two - one, (two - one)[0])


def test_two_layers_of_neurons_are_the_dense_memory():
    for degree in (2, 3, 4):
        patterns = np.where(problem(5, 7)[0] > 0, 1.0, -1.0)
        v = np.random.default_rng(1).normal(size=(9, 7))
        s = np.sign(v)
        h = s @ patterns.T
        two = two_layer_energy(
            v,
            h,
            patterns,
            np.abs(v).sum(axis=1),
            s,
            (h**degree).sum(axis=1),
            degree * h ** (degree - 1),
        )
        one = Dense.of(patterns, Polynomial(degree)).energy(s) * 7 ** (degree - 1)
        np.testing.assert_allclose(two, one)


def test_two_layer_dynamics_end_in_recall():
    # tau_f dv/dt = Xi' f - v with hidden neurons that follow at once; the energy falls
    patterns, v = problem()
    energy = make(patterns, "dot", "softmax", 0.6)
    before = energy.energy(v)
    for _ in range(2000):
        new, _ = energy.step(v)
        v = v + 0.05 * (new - v)
        after = energy.energy(v)
        assert (after <= before + 1e-12).all()
        before = after
    np.testing.assert_allclose(energy.step(v)[0], v, atol=1e-6)


@pytest.mark.parametrize("order", ["rising", "falling", "random"])
@pytest.mark.parametrize("n_states", [2, 41])
@pytest.mark.parametrize("similarity", ["dot", "euclidean", "cosine"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("temperature", [2.0, 0.02])
def test_blocks_of_any_scores_give_the_softmax(order, n_states, similarity, dtype, temperature):
    rng = np.random.default_rng(0)
    states = rng.normal(size=(n_states, 5)).astype(dtype)
    states[:, 0] = 2
    patterns = rng.normal(size=(97, 5)).astype(dtype)
    steps = {"rising": np.arange(97), "falling": np.arange(97)[::-1], "random": rng.permutation(97)}
    patterns[:, 0] = 0.1 * steps[order]
    energy = Attention.of(patterns, similarity, Softmax()).at(temperature, 7)
    mean, value = energy.associate(states)
    exact = Attention.of(patterns.astype(float), similarity, Softmax()).at(temperature, 97)
    scores = exact.scores(exact.queries(states.astype(float)))
    weights, expected = softmax(scores, axis=1), logsumexp(scores, axis=1)
    # rounding of scores of hundreds
    size = 1e-6 if dtype == np.float32 else 1e-14
    rounding = size * max(np.abs(scores).max(), 1)
    np.testing.assert_allclose(value, expected, atol=10 * rounding)
    np.testing.assert_allclose(mean, weights @ exact.averaged(), atol=100 * rounding)
    if temperature == 0.02 and order == "rising" and similarity != "cosine":
        assert np.ptp(scores, axis=1).min() > 100


@pytest.mark.parametrize("n_states", [1, 9])
def test_large_values_of_far_higher_scores_do_not_overflow(n_states):
    steps = np.arange(97, dtype=np.float32)
    patterns = 1e8 * np.column_stack([steps / 97, np.ones(97)]).astype(np.float32)
    states = np.tile(np.float32([1e8, 0]), (n_states, 1))
    # scores rise from 0 by 85, and exp(85) times the values is no number in single precision
    energy = Attention.of(patterns, "dot", Softmax()).at(1e16 / 85, 7)
    mean, _ = energy.step(states)
    weights = softmax(85 * steps.astype(float) / 97)
    np.testing.assert_allclose(mean, np.tile(weights @ patterns, (n_states, 1)), rtol=1e-5)
