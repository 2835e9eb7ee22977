import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import make_pipeline

import skebm
from skebm import HopfieldMemory, _validation
from skebm._validation import all_or_nothing, as_generator, read


def draw(random_state):
    return as_generator(random_state).random(3)


def test_seeds_repeat_and_differ():
    np.testing.assert_array_equal(draw(3), draw(3))
    assert not np.array_equal(draw(3), draw(4))
    assert not np.array_equal(draw(None), draw(None))
    for source in (np.random.RandomState, np.random.default_rng):
        np.testing.assert_array_equal(draw(source(3)), draw(source(3)))
        shared = source(3)
        assert not np.array_equal(draw(shared), draw(shared))


class Thing(BaseEstimator):
    pass


def change(thing, error, *, finish=False):
    with all_or_nothing(thing) as finished:
        thing.old_, thing.new_, thing.parameter = 3, 4, 5
        if finish:
            finished.append("an epoch")
        raise error


def test_all_or_nothing():
    thing = Thing()
    thing.old_, thing.parameter = 1, 2
    with pytest.raises(RuntimeError):
        change(thing, RuntimeError)
    assert vars(thing) == {"old_": 1, "parameter": 5}
    with pytest.raises(KeyboardInterrupt):
        change(thing, KeyboardInterrupt)
    assert thing.old_ == 1
    with pytest.raises(RuntimeError):
        change(thing, RuntimeError, finish=True)
    assert thing.old_ == 1
    with pytest.raises(KeyboardInterrupt):
        change(thing, KeyboardInterrupt, finish=True)
    assert thing.old_ == 3


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.float64, np.float64),
        (bool, np.float32),
        (np.uint8, np.float32),
        (np.int16, np.float32),
        (np.int32, np.float64),
        (np.int64, np.float64),
    ],
)
def test_precision(given, expected):
    X = np.ones((2, 3), given)
    result = read(Thing(), X, reset=True)
    assert result.dtype == expected
    assert (result is X) == (given == expected)


FORMS = {
    "list": lambda D: D,
    "object": lambda D: np.array(D, dtype=object),
    "float16": lambda D: np.array(D, dtype=np.float16),
    "nullable": lambda D: pd.DataFrame(D).astype("Int64"),
    "categorical": lambda D: pd.DataFrame(D).astype("category"),
    "arrow": lambda D: pd.DataFrame(D).convert_dtypes(dtype_backend="pyarrow"),
    "polars": lambda D: pl.DataFrame(D, schema=["a", "b"], orient="row"),
}


@pytest.mark.filterwarnings("ignore:X has feature names")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "estimator",
    [
        skebm.HopfieldMemory(),
        skebm.BoltzmannMachine(1),
        skebm.ModernHopfieldMemory(),
        skebm.RBM(2, max_iter=2),
        skebm.HopfieldClassifier(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_missing_values_are_refused_in_every_form(estimator, form):
    X = FORMS[form]([[1, 0], [None, 1], [0, 1], [1, 0]])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        clone(estimator).fit(X, [0, 1, 0, 1])
    memory = clone(estimator).fit([[1, 0], [0, 1], [0, 1], [1, 0]], [0, 1, 0, 1])
    method = "predict_proba" if hasattr(memory, "predict_proba") else "transform"
    with pytest.raises(ValueError, match="Input X contains NaN"):
        getattr(memory, method)(X)


def test_text_has_a_message_of_its_own():
    with pytest.raises(ValueError, match="could not convert string to float"):
        skebm.RBM(2).fit(pd.DataFrame([["a", "b"], ["c", "d"]]))
    with pytest.raises(ValueError, match="X has entries that are no numbers"):
        skebm.RBM(2).fit(pd.DataFrame([["a", "b"], ["c", "d"]], dtype="category"))


def caller(estimator, method, *args):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        getattr(estimator, method)(*args)
    return {record.filename for record in caught}


def test_warnings_name_the_line_of_the_caller():
    rng = np.random.default_rng(0)
    grey = 16 * rng.random((30, 5))
    assert caller(skebm.RBM(2, max_iter=1), "fit", grey) == {__file__}
    assert caller(make_pipeline(skebm.RBM(2, max_iter=1)), "fit", grey) == {__file__}
    patterns = np.where(rng.random((40, 10)) < 0.5, -1, 1)
    assert caller(skebm.HopfieldMemory("perceptron", margin=2.0), "fit", patterns) == {__file__}
    memory = skebm.HopfieldMemory(max_iter=1).fit(patterns[:5])
    assert caller(memory, "transform", patterns[5:]) == {__file__}
    machine = skebm.RBM.from_parameters(3 * rng.normal(size=(40, 40)), np.zeros(40), np.zeros(40))
    machine.set_params(warm_start=True, max_iter=1, n_components=40)
    X = (rng.random((9, 40)) < 0.5).astype(float)
    machine.fit(X)
    assert caller(machine, "fit", X) == {__file__}


@pytest.mark.parametrize(
    ("memory", "threshold"),
    [
        (skebm.HopfieldMemory(), 8),
        (skebm.ModernHopfieldMemory("exponential"), 8),
        (skebm.BoltzmannMachine(0), 8),
        (skebm.BoltzmannMachine(0, binarize=15.5), 8),
    ],
)
def test_thresholds_at_the_edge_of_grey_values_warn(memory, threshold):
    grey = np.round(16 * np.random.default_rng(0).random((13, 7)))
    grey[0, :2] = 0, 16
    with pytest.warns(UserWarning, match=rf"from 0 to 16, of which .*binarize={threshold} for"):
        memory.fit(grey)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        memory.set_params(binarize=threshold).fit(grey)
        memory.fit((grey > threshold).astype(float))


def test_rows_that_become_one_pattern_warn():
    rows = 3 + np.random.default_rng(0).random((13, 7))
    rows[:, 0] = -3.5
    with pytest.warns(UserWarning, match=r"All 13 rows of X are the same .*standardise"):
        skebm.HopfieldMemory().fit(rows)


@pytest.mark.parametrize("method", ["fit", "transform", "score_samples"])
def test_missing_values_are_told_what_fills_them(method):
    X = (np.random.default_rng(0).random((13, 7)) < 0.5).astype(float)
    rbm = skebm.RBM(2, max_iter=1).fit(X)
    X[2, 3] = np.nan
    with pytest.raises(ValueError, match=r"contains NaN. RBM needs .* sample\(given=X\)"):
        getattr(rbm, method)(X)


def test_counts_that_nobody_can_wait_for_are_refused_by_name():
    rbm = skebm.RBM.from_parameters([[0.0, 0.0]], [0.0, 0.0], [0.0])
    for name in ("n_samples", "n_sweeps"):
        with pytest.raises(ValueError, match=rf"{name}=100000000000000000000 is too many"):
            rbm.sample(**{name: 10**20})


@pytest.mark.parametrize("dtype", ["f4", "f8", "?", "i1", "u1", "i8"])
def test_plain_arrays_are_read_at_once_and_the_same(dtype, monkeypatch):
    rng = np.random.default_rng(0)
    memory = HopfieldMemory().fit(rng.integers(0, 2, size=(3, 5)))
    X = rng.integers(0, 2, size=(2, 5)).astype(dtype)
    with monkeypatch.context() as patch:
        patch.setattr(_validation, "_is_plain", lambda X, estimator: False)
        expected = _validation.read(memory, X)
    monkeypatch.setattr(_validation, "validate_data", None)
    found = _validation.read(memory, X)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype
    # views in any order, too
    np.testing.assert_array_equal(_validation.read(memory, np.asfortranarray(X)[::-1]), X[::-1])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.full((2, 5), np.nan), "NaN"),
        (np.full((2, 5), np.inf), "infinity"),
        (np.zeros((2, 4)), "4 features"),
        (np.zeros(5), "1D array"),
        (np.zeros((0, 5)), "0 sample"),
        (np.zeros((2, 5), complex), "[Cc]omplex"),
    ],
)
def test_what_is_not_plain_is_judged_as_ever(X, message):
    memory = HopfieldMemory().fit(np.eye(5))
    with pytest.raises(ValueError, match=message):
        _validation.read(memory, X)
