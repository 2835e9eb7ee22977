"""Graphs that give what the estimators give."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skebm import RBM, HopfieldClassifier, ModernHopfieldMemory, onnx
from skebm.units import Categorical, Composite

skl2onnx = pytest.importorskip("skl2onnx")
runtime = pytest.importorskip("onnxruntime")
onnx.register()

DIGITS, LABELS = load_digits(return_X_y=True)
DIGITS = (DIGITS / 16).astype(np.float32)
IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = IRIS.astype(np.float32)


def run(model, X, **options):
    """Results of the graph of a model; on other rows than it was converted with."""
    graph = skl2onnx.to_onnx(model, X[:1], **options)
    session = runtime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {session.get_inputs()[0].name: X})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"temperature": 2.0},
        {"visible": "spin", "hidden": "spin"},
        {"hidden": Composite([("bernoulli", 3), ("spin", 2), (Categorical(3), 3)])},
        {"visible": "gaussian"},
    ],
)
def test_features(options, dtype):
    n_components = 3 + 2 + 3 if "hidden" in options and "spin" not in options.values() else 11
    rbm = RBM(n_components, max_iter=3, random_state=0, **options)
    X = DIGITS.astype(dtype)
    X = 2 * X - 1 if options.get("visible") == "spin" else X
    rbm.fit(X[:500])
    (features,) = run(rbm, X[500:])
    assert features.dtype == dtype
    np.testing.assert_allclose(features, rbm.transform(X[500:]), atol=1e-5)


def test_values_outside_of_what_units_take_are_clipped():
    rbm = RBM(5, max_iter=3, random_state=0).fit(DIGITS[:500])
    X = DIGITS[500:600] + np.float32(0.3)
    np.testing.assert_allclose(run(rbm, X)[0], rbm.transform(X), atol=1e-5)
    assert np.abs(rbm.transform(X) - rbm.transform(DIGITS[500:600])).max() > 1e-3


# rows that are not standardised are to be recalled alike all the same
one_state = pytest.mark.filterwarnings("ignore:All 150 rows end in one state")


@pytest.mark.parametrize("similarity", ["dot", "euclidean"])
@pytest.mark.parametrize("max_iter", [1, 3, 1000])
@one_state
@pytest.mark.filterwarnings("ignore:150 of 150 rows did not settle")
def test_recall(similarity, max_iter):
    memory = ModernHopfieldMemory(similarity=similarity, max_iter=max_iter, temperature=0.5)
    memory.fit(IRIS[::5] + 100)
    (recalled,) = run(memory, IRIS + 100)
    expected = memory.transform(IRIS + 100)
    np.testing.assert_allclose(recalled - 100, expected - 100, atol=2e-5 if max_iter < 9 else 1e-3)
    assert (np.abs(recalled - 100 - IRIS).max(axis=1) > 0.1).mean() > 0.5


@one_state
def test_rows_that_have_settled_stay():
    memory = ModernHopfieldMemory(temperature=0.5, tol=0.05).fit(IRIS[::5])
    expected = memory.transform(IRIS)
    np.testing.assert_allclose(run(memory, IRIS)[0], expected, atol=1e-5)
    further = memory.set_params(tol=1e-6).transform(IRIS)
    assert np.abs(further - expected).max() > 1e-3


def test_rows_far_outside_overflow_nothing():
    classifier = HopfieldClassifier(n_memories=9, random_state=0).fit(IRIS[::2], SPECIES[::2])
    X = np.float32(1e20) * (IRIS - IRIS.mean(axis=0))
    _, probabilities = run(classifier, X, options={"zipmap": False})
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities, classifier.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("y", [SPECIES, np.array(["a", "b", "ü"])[SPECIES]])
@pytest.mark.parametrize("options", [{}, {"similarity": "dot"}, {"n_memories": 9}])
def test_classes(options, y):
    classifier = HopfieldClassifier(**options, random_state=0).fit(IRIS[::2], y[::2])
    X = np.concatenate([IRIS[1::2], 30 * IRIS[:3]])
    labels, probabilities = run(classifier, X, options={"zipmap": False})
    np.testing.assert_allclose(probabilities, classifier.predict_proba(X), atol=1e-5)
    assert np.mean(labels == classifier.predict(X)) == 1


def test_classes_as_numbers():
    y = np.array(["a", "b", "c"])[SPECIES]
    classifier = HopfieldClassifier().fit(IRIS, y)
    labels, _ = run(classifier, IRIS, options={"zipmap": False, "nocl": True})
    np.testing.assert_array_equal(classifier.classes_[labels], classifier.predict(IRIS))


def test_a_pipeline():
    pipeline = make_pipeline(
        StandardScaler(), RBM(7, visible="gaussian", random_state=0), LogisticRegression()
    ).fit(IRIS, SPECIES)
    _, probabilities = run(pipeline, IRIS, options={"zipmap": False})
    np.testing.assert_allclose(probabilities, pipeline.predict_proba(IRIS), atol=1e-5)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (RBM(3, hidden="relu", max_iter=1), r"hidden=ReLU\(\) have no conversion"),
        (ModernHopfieldMemory("sparsemax"), "Tsallis"),
        (ModernHopfieldMemory(similarity="cosine"), "'cosine'"),
        (ModernHopfieldMemory("polynomial", binarize=0.5), "'polynomial' has no conversion"),
        (HopfieldClassifier(similarity="manhattan"), "'manhattan'"),
    ],
)
def test_what_has_no_conversion_says_so(model, message):
    model.fit(DIGITS[:50], LABELS[:50])
    with pytest.raises(NotImplementedError, match=message):
        skl2onnx.to_onnx(model, DIGITS[:1])
