import tracemalloc
import warnings

import numpy as np
import pytest
from scipy import sparse
from scipy.special import logsumexp
from scipy.stats import kstest, multivariate_normal
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split

from skebm import RBM, HopfieldMemory, ModernHopfieldMemory
from skebm._energies.attention import Attention
from skebm._energies.dense import Dense
from skebm.datasets import corrupt, make_patterns
from skebm.interactions import as_interaction
from skebm.units import Categorical

CONTINUOUS = ["softmax", "entmax", "sparsemax"]
DENSE = ["polynomial", "rectified_polynomial", "exponential"]
SIMILARITIES = ["dot", "euclidean", "cosine", "manhattan"]


def normal_rows(n_rows=11, n_features=23, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, n_features))


# ---------------------------------------------------------------- recall


@pytest.mark.parametrize("interaction", CONTINUOUS)
@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_noisy_rows_are_recalled(interaction, similarity):
    patterns = normal_rows()
    temperature = 0.02 if similarity == "cosine" else 0.5
    memory = ModernHopfieldMemory(interaction, similarity=similarity, temperature=temperature)
    memory.fit(patterns)
    cues = patterns + np.random.default_rng(1).normal(0, 0.1, patterns.shape)
    recalled = memory.transform(cues)
    np.testing.assert_allclose(recalled, patterns, atol=1e-3)
    assert (memory.energy(recalled) <= memory.energy(cues) + 1e-9).all()
    assert memory.score(cues, patterns) > 0.999999
    if hasattr(memory, "score_samples"):
        assert memory.score(cues) == pytest.approx(memory.score_samples(cues).mean())
    else:
        assert memory.score(cues) > 0.999999
        assert memory.score(np.zeros_like(cues[:1])) <= 1


def test_a_grid_search_finds_the_temperature_of_a_density():
    rows = np.random.default_rng(0).normal(size=(200, 3))
    grid = {"temperature": [1e-4, 0.1, 100.0]}
    memory = ModernHopfieldMemory(similarity="euclidean")
    assert GridSearchCV(memory, grid, cv=3).fit(rows).best_params_ == {"temperature": 0.1}


@pytest.mark.parametrize("interaction", DENSE)
def test_flipped_rows_are_recalled(interaction):
    patterns = make_patterns(300, 101, random_state=0)
    memory = ModernHopfieldMemory(interaction, degree=5).fit(patterns)
    cues = corrupt(patterns, flip=0.1, random_state=0)
    np.testing.assert_array_equal(memory.transform(cues), patterns)
    assert memory.score(cues, patterns) == 1
    together = memory.transform(cues[:20])
    alone = np.concatenate([memory.transform(cues[i : i + 1]) for i in range(20)])
    np.testing.assert_array_equal(together, alone)


def test_default_temperature_suits_standardised_and_two_valued_data():
    for patterns in (normal_rows(200, 64), make_patterns(200, 64, random_state=0)):
        memory = ModernHopfieldMemory().fit(patterns)
        np.testing.assert_allclose(memory.transform(patterns), patterns, atol=1e-4)


def test_one_step_is_attention_and_does_not_warn():
    patterns, queries = normal_rows(), normal_rows(5, seed=1)
    memory = ModernHopfieldMemory(temperature=3.0, max_iter=1).fit(patterns)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = memory.transform(queries)
    weights = memory.association(queries)
    np.testing.assert_allclose(out, weights @ patterns)
    with pytest.warns(ConvergenceWarning, match="of 5 rows did not settle"):
        memory.set_params(max_iter=2, temperature=20.0).transform(queries)


@pytest.mark.filterwarnings("ignore:All .* rows end in one state")
def test_high_temperature_recalls_the_mean():
    patterns = normal_rows()
    memory = ModernHopfieldMemory(temperature=100.0).fit(patterns)
    np.testing.assert_allclose(
        memory.transform(patterns), np.tile(patterns.mean(axis=0), (11, 1)), atol=0.05
    )


@pytest.mark.parametrize("interaction", [*CONTINUOUS, *DENSE])
def test_association(interaction):
    patterns = make_patterns(31, 17, random_state=0)
    memory = ModernHopfieldMemory(interaction, temperature=2.0, degree=3).fit(patterns)
    queries = make_patterns(5, 17, random_state=1)
    weights = memory.association(queries)
    assert weights.shape == (5, 31)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    top = memory.association(queries, top_k=4)
    assert top.patterns.shape == top.weights.shape == (5, 4)
    np.testing.assert_array_equal(top.weights, -np.sort(-weights, axis=1)[:, :4])
    np.testing.assert_array_equal(top.weights, np.take_along_axis(weights, top.patterns, axis=1))
    assert memory.association(queries, top_k=100).weights.shape == (5, 31)
    with pytest.raises(ValueError, match="top_k"):
        memory.association(queries, top_k=0)


# ---------------------------------------------------------------- storing


@pytest.mark.parametrize("interaction", [*CONTINUOUS, *DENSE])
def test_partial_fit_is_fit_with_all_rows(interaction):
    rows = make_patterns(9, 13, random_state=0)
    whole = ModernHopfieldMemory(interaction).fit(rows)
    parts = ModernHopfieldMemory(interaction).partial_fit(rows[:4]).partial_fit(rows[4:])
    np.testing.assert_array_equal(parts.patterns_, whole.patterns_)
    cues = make_patterns(7, 13, random_state=1)
    np.testing.assert_array_equal(parts.energy(cues), whole.energy(cues))


def test_encoding_of_spins():
    bits = np.array([[1.0, 0, 1, 0, 1], [0, 0, 1, 1, 1]])
    memory = ModernHopfieldMemory("polynomial").fit(bits)
    np.testing.assert_array_equal(memory.patterns_, bits)
    np.testing.assert_array_equal(memory.transform(2 * bits - 1), bits)
    memory.partial_fit([[-1.0, 1, 1, -1, 1]])
    np.testing.assert_array_equal(memory.patterns_[:2], 2 * bits - 1)


def test_changed_parameters():
    memory = ModernHopfieldMemory().fit(normal_rows())
    with pytest.raises(ValueError, match="similarity changed after fit"):
        memory.set_params(similarity="cosine").transform(normal_rows())
    memory.set_params(similarity="dot", temperature=0.0)
    with pytest.raises(ValueError, match="temperature must be positive"):
        memory.transform(normal_rows())
    with pytest.raises(ValueError, match="temperature=0 is for spins"):
        ModernHopfieldMemory(temperature=0.0).fit(normal_rows())
    ModernHopfieldMemory("exponential", temperature=0.0).fit(normal_rows())


# ---------------------------------------------------------------- density and samples


@pytest.mark.parametrize("temperature", [0.4, 1.7])
def test_density_of_dot_products_is_a_gaussian_mixture(temperature):
    patterns, rows = normal_rows(5, 3), normal_rows(7, 3, seed=1)
    memory = ModernHopfieldMemory(temperature=temperature).fit(patterns)
    weights = np.exp((patterns**2).sum(axis=1) / (2 * temperature))
    expected = np.zeros(7)
    for xi, weight in zip(patterns, weights / weights.sum(), strict=True):
        expected += weight * multivariate_normal(xi, temperature * np.eye(3)).pdf(rows)
    np.testing.assert_allclose(memory.score_samples(rows), np.log(expected))
    # and exp(-E / T), up to one factor
    shift = memory.score_samples(rows) + memory.energy(rows) / temperature
    np.testing.assert_allclose(shift, shift[0])


@pytest.mark.parametrize("similarity", ["dot", "euclidean", "manhattan"])
def test_densities_integrate_to_one(similarity):
    patterns = np.array([[0.5], [-1.5], [0.7]])
    memory = ModernHopfieldMemory(similarity=similarity, temperature=0.6).fit(patterns)
    x = np.linspace(-25, 25, 200_001)
    density = np.exp(memory.score_samples(x[:, np.newaxis]))
    np.testing.assert_allclose(np.trapezoid(density, x), 1, atol=1e-6)


def test_memory_is_an_rbm_with_one_categorical_hidden_unit():
    # F(v) of Gaussian visible units and one categorical hidden unit, weights = patterns
    patterns, rows = normal_rows(5, 3), normal_rows(7, 3, seed=1)
    memory = ModernHopfieldMemory(temperature=0.8).fit(patterns)
    rbm = RBM.from_parameters(
        patterns,
        np.zeros(3),
        np.zeros(5),
        visible="gaussian",
        hidden=Categorical(5),
        temperature=0.8,
    )
    np.testing.assert_allclose(rbm.score_samples(rows), memory.score_samples(rows))
    np.testing.assert_allclose(rbm.transform(rows), memory.association(rows))
    memory.max_iter = 1
    np.testing.assert_allclose(rbm.inverse_transform(rbm.transform(rows)), memory.transform(rows))


@pytest.mark.parametrize("interaction", CONTINUOUS)
@pytest.mark.parametrize("similarity", ["dot", "euclidean", "manhattan"])
@pytest.mark.parametrize("clamp", [False, True])
def test_samples_follow_the_density(interaction, similarity, clamp):
    patterns = np.array([[0.8, 0.3], [-1.0, 1.2], [0.1, -0.9]])
    memory = ModernHopfieldMemory(interaction, similarity=similarity, temperature=0.5).fit(patterns)
    given = [[0.4, np.nan]] if clamp else None
    samples = memory.sample(20_011, given=given, random_state=0)
    if clamp:
        assert (samples[:, 0] == 0.4).all()
    # the distribution of the second feature, by quadrature of exp(-E / T)
    x = np.linspace(-9, 9, 1201)
    if clamp:
        log_density = -memory.energy(np.column_stack([np.full_like(x, 0.4), x])) / 0.5
        density = np.exp(log_density - log_density.max())
    else:
        first, second = np.meshgrid(x, x, indexing="ij")
        grid = np.column_stack([first.ravel(), second.ravel()])
        log_density = -memory.energy(grid).reshape(first.shape) / 0.5
        density = np.exp(log_density - log_density.max()).sum(axis=0)
    cumulative = np.cumsum(density)
    cumulative = (cumulative - density / 2) / cumulative[-1]

    def cdf(values, shift=0.0):
        return np.interp(values + shift, x, cumulative)

    assert kstest(samples[:, 1], cdf).pvalue > 1e-4
    assert kstest(samples[:, 1], lambda values: cdf(values, 0.1)).pvalue < 1e-4


def test_what_has_no_density():
    memory = ModernHopfieldMemory(similarity="cosine", temperature=0.1).fit(normal_rows())
    assert not hasattr(memory, "sample")
    assert not hasattr(memory, "score_samples")
    assert not hasattr(ModernHopfieldMemory("sparsemax"), "score_samples")
    with pytest.raises(AttributeError) as error:
        memory.sample()
    assert "lengths of rows" in str(error.value)


def test_spins_are_sampled_at_a_temperature():
    patterns = make_patterns(3, 41, random_state=0)
    memory = ModernHopfieldMemory("polynomial", degree=3, temperature=0.05).fit(patterns)
    cold = memory.sample(30, random_state=0)
    assert (np.abs(cold @ patterns.T / 41).max(axis=1) > 0.9).all()
    hot = memory.set_params(temperature=50.0).sample(30, random_state=0)
    assert np.abs(hot @ patterns.T / 41).max() < 0.8


def test_degree_two_agrees_with_the_classic_memory():
    patterns = make_patterns(5, 61, random_state=0)
    modern, classic = ModernHopfieldMemory("polynomial", degree=2), HopfieldMemory()
    cues = corrupt(patterns, flip=0.3, random_state=0)
    np.testing.assert_array_equal(
        modern.fit(patterns).transform(cues), classic.fit(patterns).transform(cues)
    )


# ---------------------------------------------------------------- digits and large stores


def test_manhattan_completes_half_erased_digits():
    X, y = load_digits(return_X_y=True)
    X, _ = train_test_split(X, train_size=1000, random_state=0, stratify=y)
    cues = X.copy()
    cues[:, 32:] = 0
    exact = {}
    for similarity in ("dot", "manhattan"):
        memory = ModernHopfieldMemory(similarity=similarity).fit(X)
        exact[similarity] = (np.abs(memory.transform(cues) - X).max(axis=1) < 1e-6).mean()
    assert exact["manhattan"] >= 0.5
    assert exact["dot"] < 0.1


@pytest.mark.parametrize("interaction", CONTINUOUS)
def test_memory_stays_bounded(interaction):
    patterns = normal_rows(20_011, 16).astype(np.float32)
    queries = normal_rows(1009, 16, seed=1).astype(np.float32)
    memory = ModernHopfieldMemory(interaction, max_iter=1).fit(patterns)
    memory.transform(queries[:10])
    tracemalloc.start()
    memory.transform(queries)
    memory.energy(queries)
    memory.association(queries, top_k=3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # all weights at once, in three copies, would be 240 MB
    assert peak < 80e6


@pytest.mark.filterwarnings("ignore:All .* rows end in one state")
@pytest.mark.parametrize("similarity", ["dot", "euclidean"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("offset", [1000.0, 1.7e9])
def test_data_far_from_the_origin_lose_no_digits(similarity, dtype, offset):
    rng = np.random.default_rng(0)
    # on a grid that both precisions resolve at that offset, and small numbers of components
    unit = 2.0**-10 if dtype == np.float64 else 2.0 ** (np.ceil(np.log2(offset)) - 22)
    patterns = unit * rng.integers(-900, 900, (17, 5))
    rows = unit * rng.integers(-900, 900, (11, 5))
    scale = float(np.std(patterns))
    temperature = scale**2
    if similarity == "euclidean":
        near = ModernHopfieldMemory(similarity=similarity, temperature=temperature).fit(patterns)
        far = ModernHopfieldMemory(similarity=similarity, temperature=temperature)
        far.fit((patterns + offset).astype(dtype))
        moved = (rows + offset).astype(dtype)
        np.testing.assert_allclose(
            far.score_samples(moved), near.score_samples(rows), rtol=1e-5, atol=2e-3
        )
        np.testing.assert_allclose(
            (far.transform(moved).astype(float) - offset) / scale,
            near.transform(rows) / scale,
            atol=2e-2,
        )
        return
    # weights of the components depend on the offset: compare with the definition, in integers
    far = ModernHopfieldMemory(temperature=temperature).fit((patterns + offset).astype(dtype))
    moved = (rows + offset).astype(dtype).astype(np.longdouble)
    stored = (patterns + offset).astype(dtype).astype(np.longdouble)
    if dtype == np.float32:
        return
    log_weights = (stored**2).sum(axis=1) / (2 * temperature)
    log_weights -= log_weights.max()
    distances = ((moved[:, np.newaxis] - stored) ** 2).sum(axis=2)
    terms = (log_weights - distances / (2 * temperature)).astype(float)
    expected = logsumexp(terms, axis=1) - logsumexp(log_weights.astype(float))
    expected -= 2.5 * np.log(2 * np.pi * temperature)
    np.testing.assert_allclose(far.score_samples(moved.astype(dtype)), expected, rtol=1e-6)


def test_softmax_samples_take_little_memory():
    X = np.random.default_rng(0).normal(size=(20_000, 2))
    memory = ModernHopfieldMemory().fit(X)
    tracemalloc.start()
    memory.sample(5000, random_state=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6  # all pairs would be 800 MB


@pytest.mark.parametrize("similarity", ["dot", "euclidean", "manhattan"])
def test_completions_follow_the_conditional_mixture(similarity):
    patterns = np.array([[0.0, 1.0], [0.5, -2.0], [-1.0, 3.0]])
    memory = ModernHopfieldMemory(similarity=similarity, temperature=0.7).fit(patterns)
    drawn = memory.sample(20_000, given=[[0.4, np.nan]], random_state=0)[:, 1]
    x = np.linspace(-25, 25, 4001)
    density = np.exp(memory.score_samples(np.column_stack([np.full_like(x, 0.4), x])))
    density /= np.trapezoid(density, x)
    cumulative = np.cumsum(density) * (x[1] - x[0])
    statistic = np.abs(np.interp(np.sort(drawn), x, cumulative) - np.linspace(0, 1, 20_000)).max()
    assert statistic < 2.2 / np.sqrt(20_000)


@pytest.mark.parametrize("interaction", ["entmax", "sparsemax"])
def test_sparse_samples_come_in_batches_and_refuse_what_overflows(interaction):
    X = np.random.default_rng(0).normal(size=(2000, 3))
    memory = ModernHopfieldMemory(interaction, temperature=30.0).fit(X)
    calls = []
    original = Attention._draw_mixture

    def counted(self, *arguments):
        calls.append(1)
        return original(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Attention, "_draw_mixture", counted)
        assert memory.sample(3, random_state=0).shape == (3, 3)
    assert len(calls) < 60  # one in about 2000 proposals is accepted
    with pytest.raises(ValueError, match=r"overflow. Scale the data"):
        ModernHopfieldMemory(interaction).fit(1e200 * X)
    with pytest.raises(ValueError, match=r"^temperature=1.0 is too small for rows as long as"):
        ModernHopfieldMemory(interaction, temperature=1.0).fit(1e200 * X)
    with pytest.raises(ValueError, match=r"^temperature=1e-320 is too small"):
        ModernHopfieldMemory(interaction, temperature=1e-320).fit(X)
    with pytest.raises(ValueError, match=r"overflow. Scale the data"):
        memory.energy(1e200 * X)
    # cosines do not grow with the rows, and distances less than products
    large = 1e100 * X[:9]
    for similarity in ("cosine", "manhattan"):
        fine = ModernHopfieldMemory(interaction, similarity=similarity, temperature=1e-110)
        np.testing.assert_allclose(fine.fit(large).transform(large), large)


@pytest.mark.parametrize("interaction", ["softmax", "exponential"])
def test_scores_do_not_depend_on_the_output_container(interaction):
    X = np.random.default_rng(0).normal(size=(9, 5))
    memory = ModernHopfieldMemory(interaction).fit(X)
    score = memory.score(X, X)
    assert memory.set_output(transform="polars").score(X, X) == score


def test_dense_heat_bath_visits_spins_in_turn():
    # the reference decides one spin at a time, from differences of energies
    rng = np.random.default_rng(0)
    patterns = np.where(rng.random((6, 41)) < 0.5, -1.0, 1.0)
    for interaction in ("polynomial", "exponential"):
        model = Dense.of(patterns, as_interaction(interaction, 3))
        start = np.where(rng.random((5, 41)) < 0.5, -1.0, 1.0)
        held = rng.random((5, 41)) < 0.2
        result = model.sweeps(start, [1 / 3.0, 1 / 0.5], np.random.default_rng(1), held)
        draws, s = np.random.default_rng(1), start.copy()
        for temperature in (3.0, 0.5):
            for first in range(0, 41, 32):
                width = min(32, 41 - first)
                thresholds = temperature * draws.logistic(size=(5, width))
                for i in range(first, first + width):
                    up, down = s.copy(), s.copy()
                    up[:, i], down[:, i] = 1, -1
                    gap = model.energy(down) - model.energy(up)
                    new = np.where(gap > thresholds[:, i - first], 1.0, -1.0)
                    s[:, i] = np.where(held[:, i], s[:, i], new)
        np.testing.assert_array_equal(result, s)


def test_no_tolerance_is_wide_enough_for_a_flip():
    X = np.where(np.random.default_rng(0).random((30, 23)) < 0.5, -1.0, 1.0)
    for interaction in ("polynomial", "exponential"):
        memory = ModernHopfieldMemory(interaction, tol=1.0).fit(X[:10])
        recalled = memory.transform(X)
        np.testing.assert_array_equal(memory.transform(recalled), recalled)
        exact = ModernHopfieldMemory(interaction, tol=0.0).fit(X[:10])
        np.testing.assert_array_equal(exact.transform(X), recalled)


def test_one_pattern_has_no_length_to_measure_by():
    memory = ModernHopfieldMemory(tol=0.1).fit([[1.0, 2.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        np.testing.assert_array_equal(memory.transform([[3.0, 1.0]]), [[1.0, 2.0]])


def test_rows_that_all_end_in_one_state_are_warned_about():
    X = load_iris().data
    with pytest.warns(ConvergenceWarning, match=r"All 75 rows end in one state.*temperature=1"):
        ModernHopfieldMemory(temperature=1.0).fit(X[::2]).transform(X[1::2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scaled = (X - X.mean(axis=0)) / X.std(axis=0)
        ModernHopfieldMemory().fit(scaled[::2]).transform(scaled[1::2])
        # copies of one pattern may end in one state
        patterns = np.eye(5)
        copies = np.repeat(patterns[:1], 9, axis=0) + 0.01 * np.arange(9)[:, np.newaxis]
        ModernHopfieldMemory(temperature=0.1).fit(patterns).transform(copies)
        ModernHopfieldMemory().fit(X[:1]).transform(X[1:9])
        digits = load_digits().data / 16
        ModernHopfieldMemory().fit(digits).transform(digits)


@pytest.mark.parametrize("similarity", ["dot", "euclidean", "cosine"])
@pytest.mark.parametrize("interaction", ["softmax", "sparsemax"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_rows_give_what_dense_rows_give(similarity, interaction, dtype):
    X = sparse.random(31, 13, density=0.3, random_state=0, dtype=dtype)
    X = sparse.csr_array(X)
    tol = 1e-4 if dtype == np.float32 else 1e-6
    memories = [
        ModernHopfieldMemory(interaction, similarity=similarity).fit(X[:11]).partial_fit(rows)
        for rows in (X[11:], X[11:].toarray())
    ]
    memories.append(ModernHopfieldMemory(interaction, similarity=similarity).fit(X.toarray()))
    assert sparse.issparse(memories[0].patterns_)
    queries = X[::3]
    names = ["transform", "energy", "association", "score"]
    if interaction == "softmax" and similarity != "cosine":
        names += ["score_samples", "conditional_mean"]
    for name in names:
        results = [
            getattr(memory, name)(rows)
            for memory in memories
            for rows in (queries, queries.toarray())
            if not (name == "conditional_mean" and sparse.issparse(rows))
        ]
        for result in results:
            assert not sparse.issparse(result)
            np.testing.assert_allclose(result, results[-1], rtol=tol, atol=10 * tol)
    if similarity != "cosine":
        given = queries.toarray()
        given[:, ::2] = np.nan
        drawn = [memory.sample(given=given, random_state=0) for memory in memories]
        np.testing.assert_allclose(drawn[0], drawn[-1], atol=0.3 if dtype == np.float32 else 1e-3)


def test_a_temperature_is_chosen_in_fit():
    X = normal_rows()
    memory = ModernHopfieldMemory(temperature=0.5).fit(X)
    memory.set_params(temperature="auto")
    with pytest.raises(ValueError, match="Fit it again"):
        memory.transform(X)
    chosen = memory.fit(X).temperature_
    fixed = ModernHopfieldMemory(temperature=chosen).fit(X)
    np.testing.assert_array_equal(memory.energy(X), fixed.energy(X))
    assert not hasattr(fixed, "temperature_")
    parts = ModernHopfieldMemory().partial_fit(X[:4]).partial_fit(X[4:])
    assert parts.temperature_ == chosen


@pytest.mark.parametrize("similarity", ["dot", "euclidean", "manhattan"])
def test_conditional_means_are_those_of_samples(similarity):
    patterns = 3 + np.random.default_rng(0).normal(size=(13, 3))
    memory = ModernHopfieldMemory(similarity=similarity, temperature=0.3).fit(patterns)
    given = np.array([[3.1, np.nan, np.nan], [np.nan, 2.2, 3.7], [np.nan] * 3])
    mean = memory.conditional_mean(given)
    draws = memory.sample(20_000, given=given, random_state=0).reshape(3, 20_000, 3)
    error = draws.std(axis=1) / np.sqrt(20_000)
    free = np.isnan(given)
    assert (np.abs(mean - draws.mean(axis=1)) <= 4 * error)[free].all()
    np.testing.assert_array_equal(mean[~free], given[~free])
    assert not hasattr(ModernHopfieldMemory(similarity="cosine"), "conditional_mean")
