import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits, load_iris, make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.preprocessing import StandardScaler

import skebm
from skebm import HopfieldClassifier, ModernHopfieldMemory

INTERACTIONS = ["softmax", "entmax", "sparsemax"]
SIMILARITIES = ["dot", "euclidean", "cosine", "manhattan"]


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X, y, train_size=1000, random_state=0, stratify=y)


@pytest.mark.parametrize("interaction", INTERACTIONS)
@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_probabilities_are_the_weights_of_the_classes(interaction, similarity):
    X, number = make_blobs(61, 3, centers=3, random_state=0)
    y = np.array(["a", "b", "c"])[number]
    classifier = HopfieldClassifier(
        interaction=interaction, similarity=similarity, temperature=0.7
    ).fit(X, y)
    memory = ModernHopfieldMemory(interaction, similarity=similarity, temperature=0.7).fit(X)
    queries = X + np.random.default_rng(0).normal(size=X.shape)
    weights = memory.association(queries)
    expected = np.column_stack([weights[:, y == c].sum(axis=1) for c in "abc"])
    np.testing.assert_allclose(classifier.predict_proba(queries), expected, atol=1e-10)
    np.testing.assert_array_equal(
        classifier.predict(queries), np.array(["a", "b", "c"])[expected.argmax(axis=1)]
    )


def test_euclidean_similarity_is_bayes_rule_for_kernel_densities():
    X, y = make_blobs(40, 2, centers=2, random_state=0)
    classifier = HopfieldClassifier(temperature=0.5).fit(X, y)
    queries = np.random.default_rng(0).normal(0, 4, (9, 2))
    joint = [
        ModernHopfieldMemory(similarity="euclidean", temperature=0.5)
        .fit(X[y == c])
        .score_samples(queries)
        + np.log(np.mean(y == c))
        for c in (0, 1)
    ]
    expected = 1 / (1 + np.exp(joint[1] - joint[0]))
    np.testing.assert_allclose(classifier.predict_proba(queries)[:, 0], expected, rtol=1e-9)


def test_digits_at_defaults(digits):
    X_train, X_test, y_train, y_test = digits
    classifier = HopfieldClassifier().fit(X_train, y_train)
    assert classifier.score(X_test, y_test) >= 0.98
    assert HopfieldClassifier().fit(X_train / 16, y_train).score(X_test / 16, y_test) >= 0.98


@pytest.mark.parametrize("similarity", ["dot", "euclidean", "cosine"])
def test_stored_rows_come_in_parts_and_sparse(digits, similarity):
    X_train, X_test, y_train, y_test = digits
    whole = HopfieldClassifier(similarity=similarity).fit(X_train, y_train)
    order = np.argsort(y_train, kind="stable")  # classes arrive one after another
    shuffled = HopfieldClassifier(similarity=similarity).fit(X_train[order], y_train[order])
    parts = HopfieldClassifier(similarity=similarity)
    for part in np.array_split(order, 7):
        parts.partial_fit(sparse.csr_array(X_train[part]), y_train[part], classes=[0])
    assert parts.temperature_ == pytest.approx(shuffled.temperature_, rel=1e-5)
    np.testing.assert_array_equal(parts.classes_, whole.classes_)
    expected = shuffled.predict_proba(X_test)
    for rows in (X_test, sparse.csr_array(X_test), sparse.coo_matrix(X_test)):
        np.testing.assert_allclose(parts.predict_proba(rows), expected, atol=1e-6)
    assert whole.score(X_test, y_test) == pytest.approx(parts.score(X_test, y_test), abs=0.01)


def test_partial_fit_keeps_the_classifier_when_it_fails(digits):
    X_train, _, y_train, _ = digits
    classifier = HopfieldClassifier().fit(X_train, y_train)
    before = classifier.predict_proba(X_train[:9])
    with pytest.raises(ValueError, match="64 features"):
        classifier.partial_fit(X_train[:, :3], y_train)
    np.testing.assert_array_equal(classifier.predict_proba(X_train[:9]), before)
    with pytest.raises(AttributeError, match="n_memories=3"):
        HopfieldClassifier(3).partial_fit(X_train, y_train)
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        HopfieldClassifier(3).fit(sparse.csr_array(X_train), y_train)


def test_powers_suit_the_number_of_features(digits):
    X, y = load_iris(return_X_y=True)
    few = HopfieldClassifier(7, max_iter=3, random_state=0).fit(X, y)
    many = HopfieldClassifier(7, max_iter=3, random_state=0).fit(digits[0], digits[2])
    assert (few._model_.degree, many._model_.degree) == (3, 20)


def test_digits_at_a_temperature_from_grid_search(digits):
    X_train, X_test, y_train, y_test = digits
    search = GridSearchCV(HopfieldClassifier(), {"temperature": [3, 10, 30, 50, 100, 300]}, cv=5)
    assert search.fit(X_train, y_train).score(X_test, y_test) >= 0.985


@pytest.mark.parametrize("degree", [3, 20])
def test_trained_memories_classify_digits(digits, degree):
    X_train, X_test, y_train, y_test = digits
    classifier = HopfieldClassifier(60, degree=degree, max_iter=40, random_state=0)
    classifier.fit(X_train, y_train)
    assert classifier.patterns_.shape == (60, 64)
    assert classifier.pattern_labels_.shape == (60, 10)
    assert np.abs(classifier.pattern_labels_).max() <= 1
    assert classifier.patterns_.min() >= -1e-9
    assert classifier.patterns_.max() <= 16 + 1e-9
    assert classifier.score(X_test, y_test) > 0.93
    assert len(classifier.loss_curve_) == classifier.n_iter_ == 40
    assert classifier.loss_curve_[-1] < 0.3 * classifier.loss_curve_[0]
    # far fewer memories than rows, and better than so many stored rows
    few = HopfieldClassifier(temperature=30).fit(X_train[:60], y_train[:60])
    assert classifier.score(X_test, y_test) > few.score(X_test, y_test) + 0.03


def test_same_seed_same_memories():
    X, y = make_blobs(50, 3, random_state=0)
    one, other = (HopfieldClassifier(7, max_iter=3, random_state=3).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(one.patterns_, other.patterns_)
    third = HopfieldClassifier(7, max_iter=3, random_state=4).fit(X, y)
    assert not np.array_equal(one.patterns_, third.patterns_)


def test_trained_memories_separate_blobs():
    X, y = make_blobs(300, random_state=0)
    X = StandardScaler().fit_transform(X)
    classifier = HopfieldClassifier(20, degree=2, batch_size=20, random_state=0)
    assert classifier.fit(X, y).score(X, y) > 0.9


def test_failed_fit_leaves_the_classifier_whole():
    X, y = make_blobs(30, random_state=0)
    classifier = HopfieldClassifier().fit(X, y)
    before = classifier.predict_proba(X)
    with pytest.raises(ValueError, match="NaN"):
        classifier.fit(np.full_like(X, np.nan), y)
    with pytest.raises(ValueError, match="continuous"):
        classifier.fit(X, np.linspace(0, 1, 30))
    np.testing.assert_array_equal(classifier.predict_proba(X), before)
    with pytest.raises(ValueError, match="changed after fit"):
        classifier.set_params(similarity="dot").predict(X)
    with pytest.raises(NotFittedError):
        HopfieldClassifier().predict(X)


def test_timestamps_are_classified_like_the_same_data_near_zero():
    X, y = load_iris(return_X_y=True)
    near = HopfieldClassifier(temperature=0.1).fit(X[::2], y[::2])
    far = HopfieldClassifier(temperature=0.1).fit(X[::2] + 1.7e9, y[::2])
    assert far.score(X[1::2] + 1.7e9, y[1::2]) >= near.score(X[1::2], y[1::2]) - 0.01
    single = HopfieldClassifier(temperature=0.1).fit((X[::2] + 1e4).astype(np.float32), y[::2])
    assert single.score((X[1::2] + 1e4).astype(np.float32), y[1::2]) >= 0.94


@pytest.mark.parametrize("degree", [2, 20, 200])
def test_trained_memories_have_probabilities_far_outside_their_range(degree):
    X, y = load_iris(return_X_y=True)
    X = X.astype(np.float32) - 3
    classifier = HopfieldClassifier(20, degree=degree, max_iter=20, random_state=0).fit(X, y)
    for scale in (-1e3, 1e3, 1e8, -1e30):
        probabilities = classifier.predict_proba(np.float32(scale) * X)
        assert np.isfinite(probabilities).all()
        np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_an_interrupt_keeps_the_last_finished_epoch(monkeypatch):
    X, y = load_iris(return_X_y=True)
    original, calls = skebm._hopfield_classifier.train_epoch, []

    def interrupted(*arguments, **options):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    classifier = HopfieldClassifier(5, degree=2, max_iter=9, random_state=0)
    monkeypatch.setattr(skebm._hopfield_classifier, "train_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(X, y)
    assert classifier.n_iter_ == len(classifier.loss_curve_) == 3
    assert classifier.predict(X).shape == (150,)
