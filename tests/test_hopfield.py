import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erf
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline

from skebm import RBM, HopfieldMemory, ModernHopfieldMemory, theory
from skebm._learning.hopfield_rules import hebb, unlearn
from skebm._validation import as_generator
from skebm.datasets import corrupt, make_patterns

RULES = ["hebb", "storkey", "pseudo_inverse", "perceptron"]
each_rule = pytest.mark.parametrize("rule", RULES)


def memory_of(n_patterns, n_features, seed=0, **parameters):
    patterns = make_patterns(n_patterns, n_features, random_state=seed)
    return HopfieldMemory(**parameters).fit(patterns), patterns


# ---------------------------------------------------------------- recall


@each_rule
@pytest.mark.parametrize("update", ["asynchronous", "synchronous"])
def test_stored_patterns_are_recalled(rule, update):
    memory, patterns = memory_of(7, 101, learning_rule=rule, update=update)
    np.testing.assert_array_equal(memory.transform(patterns), patterns)
    cues = corrupt(patterns, flip=0.1, random_state=0)
    np.testing.assert_array_equal(memory.transform(cues), patterns)
    assert memory.score(cues, patterns) == 1.0
    assert memory.score(cues) == 1.0  # all end in stored patterns


def test_a_score_without_targets_is_how_near_recall_ends_to_stored_patterns():
    memory, patterns = memory_of(20, 101)  # too many: recall ends in mixtures
    cues = corrupt(patterns, flip=0.1, random_state=0)
    overlaps = memory.transform(cues) @ patterns.T / 101
    assert memory.score(cues) == pytest.approx(overlaps.max(axis=1).mean())
    assert memory.score(cues) < 0.999


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("temperature", [0.0, 0.3])
@pytest.mark.parametrize("update", ["asynchronous", "synchronous"])
@pytest.mark.parametrize("activity", [None, 0.3])
@each_rule
def test_a_batch_is_recalled_like_its_rows(rule, update, temperature, activity):
    if activity and rule != "hebb":
        return
    # even numbers of few patterns on few features: many fields are exactly 0
    for problem in range(50):
        rng = np.random.default_rng(problem)
        n_patterns, n_features = 2 * rng.integers(1, 5), rng.integers(8, 61)
        patterns = make_patterns(n_patterns, n_features, random_state=problem)
        memory = HopfieldMemory(
            rule, update=update, temperature=temperature, activity=activity, margin=0.1
        )
        cues = make_patterns(9, n_features, random_state=problem + 1000)
        together = memory.fit(patterns).transform(cues)
        alone = np.concatenate([memory.transform(cues[i : i + 1]) for i in range(9)])
        np.testing.assert_array_equal(together, alone)


@given(
    st.sampled_from(RULES),
    st.integers(1, 12),
    st.integers(2, 40),
    st.integers(0, 1000),
)
@settings(max_examples=100, deadline=None)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_recall_lowers_the_energy_and_ends_in_fixed_points(rule, n_patterns, n_features, seed):
    memory, _ = memory_of(n_patterns, n_features, seed, learning_rule=rule, margin=0.1)
    cues = make_patterns(11, n_features, random_state=seed + 1)
    recalled = np.where(memory.transform(cues) > 0, 1.0, -1.0)
    moved = (recalled != cues).any(axis=1)
    assert (memory.energy(recalled) <= memory.energy(cues) + 1e-12).all()
    assert (memory.energy(recalled)[moved] < memory.energy(cues)[moved]).all()
    np.testing.assert_array_equal(memory.transform(recalled) > 0, recalled > 0)
    fields = recalled @ memory.coupling()
    assert (recalled * fields >= -1e-4).all()


def test_ties_keep_the_state():
    # two patterns that differ in the second half: half of the fields vanish
    patterns = np.array([[1.0, 1, 1, 1], [1, 1, -1, -1]])
    memory = HopfieldMemory().fit(patterns)
    for cue in ([1, 1, 1, -1], [1, 1, -1, 1]):
        np.testing.assert_array_equal(
            memory.transform([cue])[0], np.sign(memory.transform([cue])[0])
        )
    neutral = HopfieldMemory().fit([[1.0, 1], [1, -1]])  # the couplings cancel
    cues = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    np.testing.assert_array_equal(neutral.transform(cues), cues)


def test_rows_that_do_not_settle():
    memory, _ = memory_of(30, 97, max_iter=1)
    cues = make_patterns(19, 97, random_state=1)
    with pytest.warns(ConvergenceWarning, match=r"of 19 rows did not settle within max_iter=1"):
        memory.transform(cues)
    # one pattern on two features, read with the wrong sign: the spins alternate
    memory = HopfieldMemory(update="synchronous").fit([[1.0, -1]])
    with pytest.warns(ConvergenceWarning, match=r"1 of 2 rows .* cycle.*asynchronous"):
        memory.transform([[1.0, 1], [1, -1]])


def test_temperature_passes_over_shallow_minima():
    memory, patterns = memory_of(5, 400)
    mixture = np.sign(patterns[:3].sum(axis=0))[np.newaxis]
    np.testing.assert_array_equal(memory.transform(mixture), mixture)
    annealed = memory.anneal(
        mixture, n_samples=50, temperatures=np.linspace(0.4, 0.05, 100), random_state=0
    )
    assert {d.kind for d in memory.diagnose(annealed)} <= {"stored", "reversed"}


# ---------------------------------------------------------------- storing


@each_rule
@pytest.mark.parametrize("unlearning_steps", [0, 4])
def test_partial_fit_is_fit_with_all_rows(rule, unlearning_steps):
    patterns = make_patterns(9, 31, random_state=0)
    options = {"unlearning_steps": unlearning_steps, "random_state": 3, "margin": 0.1}
    whole = HopfieldMemory(rule, **options).fit(patterns)
    parts = HopfieldMemory(rule, **options)
    for rows in (slice(0, 1), slice(1, 6), slice(6, 9)):
        assert parts.partial_fit(patterns[rows]) is parts
    np.testing.assert_array_equal(parts.patterns_, patterns)
    np.testing.assert_array_equal(parts.coupling(), whole.coupling())
    assert parts.load_ == 9 / 31


@each_rule
def test_forget(rule):
    patterns = make_patterns(9, 31, random_state=0)
    memory = HopfieldMemory(rule, margin=0.1).fit(patterns)
    assert memory.forget(patterns[[2, 5]]) is memory
    rest = np.delete(patterns, [2, 5], axis=0)
    np.testing.assert_array_equal(memory.patterns_, rest)
    np.testing.assert_array_equal(
        memory.coupling(), HopfieldMemory(rule, margin=0.1).fit(rest).coupling()
    )
    before = memory.coupling()
    for bad, message in (
        (patterns[[0, 2]], r"Row 1 of X is not stored"),
        (patterns[[0, 0]], r"Row 1 of X is not stored any more"),
        (rest, "at least one"),
    ):
        with pytest.raises(ValueError, match=message):
            memory.forget(bad)
        np.testing.assert_array_equal(memory.coupling(), before)
        assert len(memory.patterns_) == 7


def test_forget_removes_one_of_two_copies():
    patterns = make_patterns(3, 11, random_state=0)
    memory = HopfieldMemory().fit(patterns[[0, 1, 0, 2]]).forget(patterns[:1])
    np.testing.assert_array_equal(memory.patterns_, patterns[[1, 0, 2]])


# ---------------------------------------------------------------- encodings


def test_encoding_is_decided_in_fit():
    bits = np.array([[1.0, 0, 1, 0, 1], [0, 0, 1, 1, 1]])
    memory = HopfieldMemory().fit(bits)
    np.testing.assert_array_equal(memory.patterns_, bits)
    assert set(np.unique(memory.transform([[-1.0, -1, 1, -1, 1]]))) == {0.0, 1.0}
    assert set(np.unique(memory.sample(20, random_state=0))) == {0.0, 1.0}
    memory.partial_fit([[-1.0, 1, 1, -1, 1]])
    np.testing.assert_array_equal(memory.patterns_[:2], 2 * bits - 1)
    memory.partial_fit(bits)  # never back
    assert memory.patterns_.min() == -1
    grey = HopfieldMemory(binarize=7.5).fit(bits * 15)
    np.testing.assert_array_equal(grey.patterns_, bits)


def test_only_two_values_without_a_threshold():
    memory = HopfieldMemory(binarize=None)
    for good in ([[0.0, 1, 1]], [[-1.0, 1, 1]]):
        np.testing.assert_array_equal(memory.fit(good).patterns_, good)
    for bad in ([[0.0, 0.5, 1]], [[-1.0, 0, 1]], [[0.0, 1, 2]]):
        with pytest.raises(ValueError, match=r"row 0, column \d; with binarize=None"):
            memory.fit(bad)


@pytest.mark.parametrize(
    "patterns",
    [np.ones((1, 7)), np.zeros((1, 7)), -np.ones((3, 7)), np.ones((1, 1)), np.ones((9, 1))],
    ids=["ones", "zeros", "copies", "one feature", "one feature, copies"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@each_rule
def test_constant_patterns(rule, patterns):
    memory = HopfieldMemory(rule).fit(patterns)
    np.testing.assert_array_equal(memory.transform(patterns), patterns)
    assert np.isfinite(memory.coupling()).all()
    assert np.isfinite(memory.energy(patterns)).all()


@each_rule
def test_a_pattern_and_its_negative(rule):
    patterns = make_patterns(3, 41, random_state=0)
    memory = HopfieldMemory(rule, margin=0.1).fit(np.vstack([patterns, -patterns[:1]]))
    np.testing.assert_array_equal(memory.transform(patterns), patterns)
    np.testing.assert_array_equal(memory.transform(-patterns), -patterns)


def test_more_patterns_than_features():
    memory, _ = memory_of(40, 13, learning_rule="pseudo_inverse")
    cues = make_patterns(20, 13, random_state=1)
    np.testing.assert_array_equal(memory.transform(cues), cues)  # every state is a fixed point
    np.testing.assert_allclose(memory.coupling(), 0, atol=1e-7)


def test_activity_is_for_hebb():
    with pytest.raises(ValueError, match=r"activity=0\.1 is for learning_rule='hebb'"):
        HopfieldMemory("storkey", activity=0.1).fit(np.eye(5))


def test_cues_with_missing_values_go_to_sample():
    memory, patterns = memory_of(3, 29)
    cues = np.where(np.arange(29) < 15, patterns, np.nan)
    with pytest.raises(ValueError, match="NaN"):
        memory.transform(cues)
    np.testing.assert_array_equal(memory.sample(given=cues, random_state=0), patterns)


# ---------------------------------------------------------------- what is known of it


@each_rule
def test_energy_and_overlaps(rule):
    memory, patterns = memory_of(5, 23, learning_rule=rule, margin=0.1)
    states = make_patterns(11, 23, random_state=1)
    coupling = memory.coupling()
    np.testing.assert_array_equal(coupling, coupling.T)
    assert not coupling.diagonal().any()
    expected = -0.5 * np.einsum("ni,ij,nj->n", states, coupling, states)
    np.testing.assert_allclose(memory.energy(states), expected, atol=1e-5)
    overlaps = memory.overlaps(states)
    np.testing.assert_allclose(overlaps, states @ patterns.T / 23)
    if rule == "hebb":
        np.testing.assert_allclose(
            memory.energy(states), -23 / 2 * (overlaps**2).sum(axis=1) + 5 / 2
        )


def test_memory_is_an_rbm_with_gaussian_hidden_units():
    # Hubbard and Stratonovich: F(s) = E(s) - p/2 - (pT/2) ln(2 pi T)
    memory, patterns = memory_of(3, 11)
    states = make_patterns(9, 11, random_state=1)
    for temperature in (0.6, 1.7):
        rbm = RBM.from_parameters(
            patterns / np.sqrt(11),
            np.zeros(11),
            np.zeros(3),
            visible="spin",
            hidden="gaussian",
            temperature=temperature,
        )
        constant = 3 / 2 + 3 * temperature / 2 * np.log(2 * np.pi * temperature)
        np.testing.assert_allclose(rbm.free_energy(states), memory.energy(states) - constant)


def test_diagnose():
    memory, patterns = memory_of(9, 1000)
    mixture = np.sign(patterns[0] - patterns[4] + patterns[7])
    of_five = np.sign(patterns[:5].sum(axis=0))
    noisy = corrupt(mixture[np.newaxis], flip=0.02, random_state=0)[0]
    even = np.sign(patterns[0] + patterns[1] + 0.1)
    rows = [patterns[3], -patterns[3], mixture, of_five, noisy, even]
    kinds = [(d.kind, d.patterns, d.signs) for d in memory.diagnose(rows)]
    assert kinds[:5] == [
        ("stored", (3,), (1,)),
        ("reversed", (3,), (-1,)),
        ("mixture", (0, 4, 7), (1, -1, 1)),
        ("mixture", (0, 1, 2, 3, 4), (1, 1, 1, 1, 1)),
        ("mixture", (0, 4, 7), (1, -1, 1)),
    ]
    assert kinds[5][0] == "spurious"
    assert memory.diagnose(noisy[np.newaxis])[0].overlap == pytest.approx(0.96)
    assert memory.diagnose(noisy[np.newaxis], threshold=0.97)[0].kind == "spurious"
    with pytest.raises(ValueError, match="threshold"):
        memory.diagnose(rows, threshold=0)


# ---------------------------------------------------------------- theory


def test_one_step_error():
    # N even, p even: ties are possible, and no error
    n_patterns, n_units, wrong, total = 28, 200, 0, 0
    for seed in range(60):
        memory, patterns = memory_of(n_patterns, n_units, seed)
        fields = patterns @ memory.coupling() * n_units
        wrong, total = wrong + np.count_nonzero(patterns * fields < -0.5), total + patterns.size
    expected = theory.exact_error_probability(n_patterns, n_units).error
    bound = 4 * np.sqrt(expected / total)  # errors are rare and nearly independent
    assert abs(wrong / total - expected) < bound
    # a forgotten diagonal makes it 3.4 times smaller
    assert abs(wrong / total - expected / 3.4) > 4 * bound


@pytest.mark.parametrize("load", [0.05, 0.10, 0.12])
def test_final_overlap(load):
    found = []
    for seed in range(3):
        memory, patterns = memory_of(round(load * 2000), 2000, seed)
        found.extend((memory.transform(patterns) * patterns).mean(axis=1))
    # rows of one memory share its couplings: the standard error doubled, and 4 of them
    bound = 8 * np.std(found) / np.sqrt(len(found)) + 1e-5
    assert abs(np.mean(found) - theory.retrieval_state(load).overlap) < bound
    assert bound < 0.003


@pytest.mark.parametrize("temperature", [0.3, pytest.param(0.5, marks=pytest.mark.slow)])
def test_heat_bath_overlap(temperature):
    memory, patterns = memory_of(200, 4000)
    states, rng, found = patterns[:20], np.random.default_rng(0), []
    for _ in range(6):
        states = memory._model_.sweeps(states, np.full(10, 1 / temperature), rng)
        found.append((states * patterns[:20]).mean(axis=1))
    found = np.mean(found[2:], axis=0)
    # at 0.5, near where retrieval breaks down at .542, some chains of a finite memory leave
    stayed = found > 0.7
    assert stayed.mean() > 0.6
    expected = theory.retrieval_state(0.05, temperature).overlap
    bound = 5 * found[stayed].std() / np.sqrt(stayed.sum()) + 1e-4
    assert abs(found[stayed].mean() - expected) < bound
    assert bound < 0.03


def test_first_synchronous_step():
    # from overlap m0 to erf(m0 / sqrt(2 alpha)), for many units
    memory, patterns = memory_of(300, 3000)
    cues = corrupt(patterns, flip=0.2, random_state=0)
    step = np.sign(cues @ memory.coupling() + 1e-9 * cues)

    expected = erf(0.6 / np.sqrt(2 * 0.1))
    # 4 standard errors, and corrections of order 1 / N
    assert abs((step * patterns).mean() - expected) < 4 / np.sqrt(patterns.size) + 2e-3


@pytest.mark.parametrize("n_patterns", [5, 10])
def test_annealing_from_random_states_finds_a_memory(n_patterns):
    found, quenched = [], []
    for seed in range(4):
        memory, _ = memory_of(n_patterns, 500, seed)
        annealed = memory.anneal(n_samples=50, random_state=seed)
        found.extend(np.abs(memory.overlaps(annealed)).max(axis=1) > 0.9)
        starts = make_patterns(50, 500, random_state=seed + 100)
        settled = memory.transform(starts)
        quenched.extend(np.abs(memory.overlaps(settled)).max(axis=1) > 0.9)
    assert np.mean(found) > 0.97
    assert 0.5 < np.mean(quenched) < 0.87


def test_annealing_in_the_spin_glass_finds_none():
    memory, _ = memory_of(50, 500)
    annealed = memory.anneal(n_samples=50, random_state=0)
    assert (np.abs(memory.overlaps(annealed)).max(axis=1) > 0.9).mean() < 0.05


def test_a_cue_is_kept_by_starting_cold():
    memory, patterns = memory_of(10, 500)
    cues = corrupt(patterns, flip=0.3, random_state=0)
    target = np.repeat(patterns, 10, axis=0)

    def recalled(temperatures):
        states = memory.anneal(cues, n_samples=10, temperatures=temperatures, random_state=0)
        return ((states * target).mean(axis=1) > 0.9).mean()

    assert recalled(None) == 1.0
    assert recalled(np.linspace(0.3, 0.05, 100)) == 1.0
    assert recalled(np.linspace(1.0, 0.05, 100)) < 0.3


def test_sparse_codes():
    # 5 % active: the covariance rule holds more patterns than units / 7, Hebb's rule none
    patterns = (make_patterns(120, 600, activity=0.05, random_state=0) + 1) / 2
    cues = patterns.copy()
    cues[:, :200] = 0  # a third of the active units are lost
    memory = HopfieldMemory(activity=0.05).fit(patterns)
    agreement = (memory.transform(cues) == patterns).all(axis=1).mean()
    assert agreement > 0.8
    assert HopfieldMemory(activity="auto").fit(patterns).score(cues, patterns) > 0.99
    plain = HopfieldMemory().fit(patterns)
    assert (plain.transform(patterns) == patterns).all(axis=1).mean() < 0.05


# ---------------------------------------------------------------- digits and large memories


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return np.where(X >= 8, 1.0, -1.0), y


def test_prototypes_need_the_pseudo_inverse(digits):
    X, y = digits
    prototypes = np.array([np.where(X[y == k].mean(axis=0) > 0, 1.0, -1.0) for k in range(10)])
    stored = {
        rule: (HopfieldMemory(rule).fit(prototypes).transform(prototypes) == prototypes)
        .all(axis=1)
        .sum()
        for rule in ("hebb", "pseudo_inverse")
    }
    assert stored == {"hebb": 0, "pseudo_inverse": 10}


@pytest.mark.parametrize("flip", [0.1, 0.2])
def test_memory_before_a_classifier(digits, flip):
    X, y = digits
    X_train, _, y_train, _ = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
    classifier = LogisticRegression(max_iter=1000).fit(X_train, y_train)
    gains, exact = [], {0.0: [], 0.3: []}
    for seed in range(5):
        rng = np.random.default_rng(seed)
        rows = [rng.choice(np.flatnonzero(y_train == k)) for k in range(10)]
        targets = np.repeat(X_train[rows], 20, axis=0)
        cues, labels = corrupt(targets, flip=flip, random_state=seed), np.repeat(np.arange(10), 20)
        for temperature, found in exact.items():
            memory = HopfieldMemory("pseudo_inverse", temperature=temperature).fit(X_train[rows])
            recalled = memory.transform(cues)
            found.append((recalled == targets).all(axis=1).mean())
        gains.append(classifier.score(recalled, labels) - classifier.score(cues, labels))
    assert np.mean(gains) > 0.15
    assert np.mean(exact[0.3]) > 0.9
    if flip == 0.2:
        assert np.mean(exact[0.3]) > np.mean(exact[0.0]) + 0.1


def test_grid_search_over_temperature(digits):
    X, _ = digits
    patterns = X[:10]
    cues = corrupt(np.repeat(patterns, 20, axis=0), flip=0.2, random_state=0)
    targets = np.repeat(patterns, 20, axis=0)
    split = [(np.arange(10), np.arange(10, 210))]
    search = GridSearchCV(
        HopfieldMemory("pseudo_inverse"), {"temperature": [0.0, 0.3]}, cv=split, refit=False
    )
    search.fit(np.vstack([patterns, cues]), np.vstack([patterns, targets]))
    assert search.best_params_ == {"temperature": 0.3}
    labels = np.arange(10)
    pipeline = make_pipeline(HopfieldMemory("pseudo_inverse"), LogisticRegression())
    assert pipeline.fit(patterns, labels).score(patterns, labels) == 1.0


@pytest.mark.slow
def test_a_large_memory_needs_no_square_matrix():
    n_features, n_patterns = 50_000, 1000
    patterns = make_patterns(n_patterns, n_features, random_state=0).astype(np.float32)
    cues = corrupt(patterns[:5], flip=0.1, random_state=0)
    tracemalloc.start()
    memory = HopfieldMemory().fit(patterns)
    recalled = memory.transform(cues)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(recalled, patterns[:5])
    # a matrix of couplings would be 10 GB; the patterns alone are .2 GB
    assert peak < 1.2e9


def digit_patterns(n):
    return (load_digits().data[:n] >= 8).astype(float)


@pytest.mark.parametrize("temperature", [0.1, 0.2, 0.3, 2.0])
def test_warm_recall_keeps_stored_patterns(temperature):
    for n in (10, 30):
        X = digit_patterns(n)
        memory = HopfieldMemory("pseudo_inverse", temperature=temperature).fit(X)
        assert memory.score(X, X) == 1.0
    X = digit_patterns(10)
    memory = HopfieldMemory("pseudo_inverse", temperature=temperature).fit(X)
    assert memory.score(corrupt(X, flip=0.1, random_state=0), X) >= 0.98
    X = make_patterns(40, 400, random_state=0)  # a load of .1
    assert HopfieldMemory(temperature=temperature).fit(X).score(X, X) > 0.995


def test_default_annealing_does_not_erase_cues():
    for seed in range(3):
        X = make_patterns(20, 400, activity=0.1, random_state=seed)
        sparse = HopfieldMemory(activity="auto").fit(X)
        cues = corrupt(X, flip=0.02, random_state=seed)
        assert (sparse.anneal(cues, random_state=0) * X).mean() > 0.98
        X = make_patterns(240, 400, random_state=seed)
        loaded = HopfieldMemory("pseudo_inverse").fit(X)
        cues = corrupt(X, flip=0.02, random_state=seed)
        assert (loaded.anneal(cues, random_state=0) * X).mean() > 0.98


@pytest.mark.parametrize("binarize", [0.0, 0.5, 127, 8, -3])
def test_a_memory_reads_what_it_gave_at_every_threshold(binarize):
    digits = digit_patterns(10)
    images = np.where(digits > 0, binarize + 7, binarize - 2)
    memory = HopfieldMemory("pseudo_inverse", binarize=binarize, temperature=0.1).fit(images)
    recalled = memory.transform(images)
    np.testing.assert_array_equal(recalled, memory.patterns_)
    np.testing.assert_array_equal(memory.transform(recalled), recalled)
    np.testing.assert_allclose(memory.energy(recalled), memory.energy(images))
    np.testing.assert_array_equal(memory.overlaps(recalled), memory.overlaps(images))
    assert memory.score(recalled, memory.patterns_) == memory.score(images, images) == 1
    assert {d.kind for d in memory.diagnose(recalled)} == {"stored"}
    given = np.where(np.arange(64) < 32, recalled, np.nan)
    completed = memory.sample(given=given, random_state=0)
    np.testing.assert_array_equal(completed[:, :32], recalled[:, :32])
    assert memory.overlaps(memory.anneal(recalled, random_state=0)).max(axis=1).min() > 0.9
    again = HopfieldMemory("pseudo_inverse", binarize=binarize).fit(memory.patterns_)
    np.testing.assert_array_equal(again.patterns_ > 0, memory.patterns_ > 0)
    memory.partial_fit(memory.patterns_[:2]).forget(memory.patterns_[:3])
    assert len(memory.patterns_) == 9


def test_counts_below_the_threshold_are_not_taken_for_states():
    counts = np.array([[0, 1, 3, 1], [0, 1, 1, 0], [4, 0, 0, 2]])
    memory = HopfieldMemory(binarize=1).fit(counts)
    np.testing.assert_array_equal(memory.patterns_, counts > 1)


def test_what_is_given_in_the_other_encoding_is_answered_in_the_memorys():
    memory = HopfieldMemory(temperature=0.1).fit([[1, 1, 1, -1, -1]])
    row = memory.sample(given=[[1, np.nan, np.nan, 0, np.nan]], random_state=0)
    np.testing.assert_array_equal(row, [[1, 1, 1, -1, -1]])
    memory = ModernHopfieldMemory("exponential").fit([[1, 1, 1, 0, 0]])
    row = memory.sample(given=[[1, np.nan, np.nan, -1, np.nan]], random_state=0)
    assert set(np.unique(row)) <= {0, 1}


def test_memories_pickle_to_about_the_size_of_their_patterns():
    for n_patterns, n_features in ((5, 64), (5, 20_011)):
        X = make_patterns(n_patterns, n_features, random_state=0)
        memory = HopfieldMemory().fit(X)
        memory.transform(X)  # computes what is derived
        assert len(pickle.dumps(memory)) < 6 * X.nbytes + 10_000


def test_bad_parameters_and_schedules_have_errors_of_their_own():
    X = make_patterns(3, 20, random_state=0)
    memory = HopfieldMemory().fit(X)
    with pytest.raises(ValueError, match="learning_rule"):
        memory.set_params(learning_rule="foo").forget(X[:1])
    memory.set_params(learning_rule="hebb")
    for temperatures in (0.5, [], [[1, 2]], [1, np.nan], "warm", [-1.0]):
        with pytest.raises(ValueError, match="temperatures must be a sequence of finite numbers"):
            memory.anneal(temperatures=temperatures)
    with pytest.raises(ValueError, match="y has 19 columns, but HopfieldMemory has 20 features"):
        memory.score(X, X[:, 1:])
    assert memory.score(X, [0, 1, 2]) == memory.score(X, [[0], [1], [2]]) == 1.0
    np.testing.assert_array_equal(memory.transform(X), X)


@pytest.mark.parametrize("n_patterns", [5, 150])
def test_unlearning_in_place_is_that_of_the_definition(n_patterns):
    X = make_patterns(n_patterns, 53, random_state=0)
    rng = as_generator(3)
    model = hebb(X.astype(np.int8))
    coupling = model.coupling()
    result = unlearn(model, 7, 0.02, as_generator(3))
    for _ in range(7):
        state = np.where(rng.random((1, 53)) < 0.5, -1, 1)[0]
        while True:
            before = state.copy()
            for i in range(53):
                field = coupling[i] @ state
                state[i] = state[i] if abs(field) < 1e-9 else np.sign(field)
            if (state == before).all():
                break
        coupling = coupling - 0.02 / 53 * np.outer(state, state)
        np.fill_diagonal(coupling, 0)
    np.testing.assert_allclose(result.coupling(), coupling, atol=1e-6)


def test_thresholds_may_be_larger_than_integers_of_numpy():
    X = np.array([[1, -1, 1], [1, 1, -1]])
    huge = HopfieldMemory(binarize=10**30).fit(X)
    expected = HopfieldMemory(binarize=1e30).fit(X).transform(X)
    np.testing.assert_array_equal(huge.transform(X), expected)
    with pytest.raises(ValueError, match="Got nan instead"):
        HopfieldMemory(binarize=np.nan).fit(X)
