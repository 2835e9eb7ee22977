"""What every estimator of the package must do. A new estimator joins by a line in ESTIMATORS."""

import inspect
import pickle
from copy import deepcopy
from io import BytesIO

import cloudpickle
import joblib
import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.fixes import parse_version

import skebm

sklearn_version = parse_version(sklearn.__version__)

# what estimators say about tiny data is the matter of their own tests
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ESTIMATORS = {
    "RBM": skebm.RBM(n_components=5, max_iter=3),
    "RBM-cd": skebm.RBM(n_components=5, max_iter=3, algorithm="cd"),
    "RBM-tempering": skebm.RBM(n_components=5, max_iter=3, algorithm="tempering", n_chains=7),
    "RBM-spin": skebm.RBM(n_components=5, max_iter=3, visible="spin", hidden="spin"),
    "RBM-gaussian": skebm.RBM(n_components=5, max_iter=3, visible="gaussian"),
    "RBM-relu": skebm.RBM(n_components=5, max_iter=3, visible="relu"),
    "HopfieldMemory": skebm.HopfieldMemory(),
    "HopfieldMemory-storkey": skebm.HopfieldMemory("storkey"),
    "HopfieldMemory-pseudo_inverse": skebm.HopfieldMemory("pseudo_inverse", temperature=0.1),
    "HopfieldMemory-perceptron": skebm.HopfieldMemory("perceptron"),
    "HopfieldMemory-synchronous": skebm.HopfieldMemory(update="synchronous"),
    "HopfieldMemory-sparse": skebm.HopfieldMemory(activity="auto"),
    "HopfieldMemory-unlearning": skebm.HopfieldMemory(unlearning_steps=5),
    "ModernHopfieldMemory": skebm.ModernHopfieldMemory(),
    "ModernHopfieldMemory-euclidean": skebm.ModernHopfieldMemory(similarity="euclidean"),
    "ModernHopfieldMemory-manhattan": skebm.ModernHopfieldMemory(similarity="manhattan"),
    "ModernHopfieldMemory-entmax": skebm.ModernHopfieldMemory("entmax"),
    "ModernHopfieldMemory-sparsemax": skebm.ModernHopfieldMemory("sparsemax"),
    "ModernHopfieldMemory-polynomial": skebm.ModernHopfieldMemory("polynomial"),
    "ModernHopfieldMemory-rectified": skebm.ModernHopfieldMemory("rectified_polynomial"),
    "ModernHopfieldMemory-exponential": skebm.ModernHopfieldMemory("exponential"),
    "BoltzmannMachine": skebm.BoltzmannMachine(1),
    "BoltzmannMachine-spin": skebm.BoltzmannMachine(5, units="spin", algorithm="gibbs", max_iter=3),
    "BoltzmannMachine-gibbs": skebm.BoltzmannMachine(5, algorithm="gibbs", max_iter=3),
    "BoltzmannMachine-lateral": skebm.BoltzmannMachine(
        5, connectivity="lateral", algorithm="gibbs", max_iter=3
    ),
    "BoltzmannMachine-restricted": skebm.BoltzmannMachine(
        5, connectivity="restricted", algorithm="gibbs", max_iter=3
    ),
    "BoltzmannMachine-deep": skebm.BoltzmannMachine(
        (5, 3), connectivity="deep", algorithm="mean_field", max_iter=3
    ),
    "BoltzmannMachine-annealed": skebm.BoltzmannMachine(
        3, algorithm="gibbs", annealing=[4, 2, 1], max_iter=3
    ),
    "RBM-early-stopping": skebm.RBM(n_components=5, max_iter=3, early_stopping=True),
}
# what predicts has no samples and no rows to transform
CLASSIFIERS = {
    "HopfieldClassifier": skebm.HopfieldClassifier(),
    "HopfieldClassifier-cosine": skebm.HopfieldClassifier(similarity="cosine", temperature=0.05),
    "HopfieldClassifier-dot": skebm.HopfieldClassifier(similarity="dot"),
    "HopfieldClassifier-manhattan": skebm.HopfieldClassifier(similarity="manhattan"),
    "HopfieldClassifier-entmax": skebm.HopfieldClassifier(interaction="entmax"),
    "HopfieldClassifier-sparsemax": skebm.HopfieldClassifier(interaction="sparsemax"),
    "HopfieldClassifier-trained": skebm.HopfieldClassifier(
        20, degree=2, batch_size=10, max_iter=50
    ),
}
# what reads tables of mixed columns has tests of its own
TABLES = {
    "EnergyImputer": skebm.EnergyImputer(random_state=0),
    "EnergyImputer-indicator": skebm.EnergyImputer(add_indicator=True, random_state=0),
    "EnergyOutlierDetector": skebm.EnergyOutlierDetector(),
    "EnergyOutlierDetector-memory": skebm.EnergyOutlierDetector(
        skebm.ModernHopfieldMemory(similarity="euclidean")
    ),
}
CHECKED = ESTIMATORS | CLASSIFIERS | TABLES
CONTINUOUS_MEMORIES = [
    f"ModernHopfieldMemory{kind}"
    for kind in ("", "-euclidean", "-manhattan", "-entmax", "-sparsemax")
]
# with the default number of updates of few rows these would take minutes
SHORT = {"RBM": {"max_iter": 3}, "BoltzmannMachine": {"algorithm": "gibbs", "max_iter": 3}}
DEFAULTS = {
    type(e).__name__: type(e)(**SHORT.get(type(e).__name__, {})) for e in ESTIMATORS.values()
}
# what the data of an estimator look like, from numbers in [0, 1]; identity where not named
ENCODE = {
    "RBM-spin": lambda X: 2 * X - 1,
    "RBM-gaussian": lambda X: (X - X.mean(axis=0)) / X.std(),
    "RBM-relu": lambda X: X * np.linspace(0.5, 1.5, X.shape[1]),
}
ENCODE |= dict.fromkeys(CONTINUOUS_MEMORIES, ENCODE["RBM-gaussian"])
# checks that scikit-learn runs on its own estimators but leaves out of check_estimator
MORE_CHECKS = [
    "check_dataframe_column_names_consistency",
    "check_estimators_partial_fit_n_features",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_param_validation",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
]
ROW_WISE = [
    "transform",
    "free_energy",
    "score_samples",
    "energy",
    "overlaps",
    "pseudo_likelihood",
]
NOT_FOR = {("RBM-gaussian", "pseudo_likelihood"), ("RBM-relu", "pseudo_likelihood")}

each_estimator = pytest.mark.parametrize("name", list(ESTIMATORS))


def rows(name, n_samples=23, n_features=7, dtype=np.float64):
    X = np.random.default_rng(0).random((n_samples, n_features)).round()
    return ENCODE.get(name, lambda X: X)(X).astype(dtype)


def new(name, **parameters):
    estimator = clone(ESTIMATORS[name])
    seeded = {"random_state": 0, **parameters}
    # what draws nothing in fit has no seed
    return estimator.set_params(**{k: v for k, v in seeded.items() if k in estimator.get_params()})


def fitted(name, **parameters):
    return new(name, **parameters).fit(rows(name))


def row_wise_methods(name):
    """Methods of X alone that give a row, or a number, for every row."""
    for method in ROW_WISE:
        function = getattr(ESTIMATORS[name], method, None)
        if function is None or (name, method) in NOT_FOR:
            continue
        if len(inspect.signature(function).parameters) == 1:
            yield method


def fitted_arrays(estimator):
    return {
        key: np.array(value)
        for key, value in vars(estimator).items()
        if key.endswith("_") and isinstance(value, (np.ndarray, list))
    }


def assert_same_fit(one, other):
    ours, theirs = fitted_arrays(one), fitted_arrays(other)
    assert ours.keys() == theirs.keys()
    for key in ours:
        np.testing.assert_array_equal(ours[key], theirs[key], err_msg=key)


def test_every_estimator_is_listed():
    public = {
        value
        for value in vars(skebm).values()
        if inspect.isclass(value) and issubclass(value, BaseEstimator)
    }
    assert public == {type(estimator) for estimator in CHECKED.values()}


@pytest.mark.parametrize(
    "estimator",
    [*CHECKED.values(), *DEFAULTS.values()],
    ids=[*CHECKED, *(f"{name}()" for name in DEFAULTS)],
)
@pytest.mark.filterwarnings("ignore:.*lie outside:UserWarning")
@pytest.mark.filterwarnings("ignore:.*standard deviation:UserWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_check_estimator(estimator):
    results = check_estimator(estimator, on_skip=None, on_fail=None)
    assert len(results) > 40
    bad = {r["check_name"]: r["exception"] for r in results if r["status"] != "passed"}
    assert not bad


@each_estimator
@pytest.mark.parametrize("check", MORE_CHECKS)
@pytest.mark.filterwarnings("ignore:.*lie outside:UserWarning")
@pytest.mark.filterwarnings("ignore:.*standard deviation:UserWarning")
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
def test_checks_that_scikit_learn_keeps_to_itself(name, check):
    getattr(estimator_checks, check)(type(ESTIMATORS[name]).__name__, ESTIMATORS[name])


@pytest.mark.parametrize("name", list(CLASSIFIERS))
@pytest.mark.parametrize(
    "check", ["check_dataframe_column_names_consistency", "check_param_validation"]
)
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names:UserWarning")
def test_more_checks_of_classifiers(name, check):
    getattr(estimator_checks, check)(type(CLASSIFIERS[name]).__name__, CLASSIFIERS[name])


@each_estimator
def test_outputs_are_finite(name):
    estimator = fitted(name)
    for method in row_wise_methods(name):
        result = getattr(estimator, method)(rows(name))
        assert len(result) == 23
        assert np.isfinite(result).all(), method
    assert isinstance(estimator.score(rows(name)), float)


@each_estimator
def test_rows_do_not_depend_on_each_other(name):
    estimator = new(name).fit(rows(name, n_features=53))
    X = rows(name, n_features=53)
    order = np.random.default_rng(1).permutation(len(X))
    for method in row_wise_methods(name):
        function = getattr(estimator, method)
        together = function(X)
        np.testing.assert_allclose(function(X[order]), together[order], rtol=1e-10, atol=1e-12)
        for i in range(3):
            np.testing.assert_allclose(function(X[i : i + 1])[0], together[i], rtol=1e-10)


@each_estimator
def test_fit_twice_gives_the_same(name):
    estimator = fitted(name)
    again = new(name).fit(rows(name))
    assert_same_fit(estimator, again)
    assert_same_fit(estimator.fit(rows(name)), again)


@each_estimator
@pytest.mark.parametrize(
    "random_state", [3, np.random.RandomState(3), np.random.default_rng(3), None]
)
def test_every_kind_of_random_state(name, random_state):
    estimator = new(name, random_state=random_state).fit(rows(name))
    assert np.isfinite(estimator.sample(2, random_state=random_state)).all()


@each_estimator
def test_global_seed_reaches_fit(name):
    fits = []
    for _ in range(2):
        np.random.seed(5)  # noqa: NPY002
        fits.append(new(name, random_state=None).fit(rows(name)))
    assert_same_fit(*fits)


@each_estimator
def test_partial_fit_returns_self_and_goes_on(name):
    estimator = new(name)
    assert estimator.partial_fit(rows(name)) is estimator
    before = fitted_arrays(estimator)
    estimator.partial_fit(rows(name))
    after = fitted_arrays(estimator)
    assert any(not np.array_equal(before[key], after[key]) for key in before)


@each_estimator
def test_caller_keeps_the_arrays(name):
    X = rows(name)
    before = X.copy()
    estimator = fitted(name).partial_fit(X)
    for method in row_wise_methods(name):
        getattr(estimator, method)(X)
    given = np.where(np.arange(7) % 2, X[:2], np.nan)
    given_before = given.copy()
    estimator.sample(given=given, random_state=0)
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(given, given_before)


@each_estimator
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sample(name, dtype):
    estimator = new(name).fit(rows(name, dtype=dtype))
    samples = estimator.sample(11, random_state=0)
    assert samples.shape == (11, 7)
    assert samples.dtype == dtype
    levels = np.unique(rows(name))
    if len(levels) == 2:
        assert set(np.unique(samples)) <= set(levels)
    np.testing.assert_array_equal(samples, estimator.sample(11, random_state=0))
    assert not np.array_equal(samples, estimator.sample(11, random_state=1))
    assert len(np.unique(samples, axis=0)) > 1
    assert not np.array_equal(estimator.sample(11), estimator.sample(11))


@each_estimator
def test_sample_given(name):
    estimator = fitted(name)
    given = rows(name)[:3].copy()
    given[:, ::2] = np.nan
    samples = estimator.sample(2, given=given, random_state=0)
    expected = np.repeat(given, 2, axis=0)
    assert samples.shape == (6, 7)
    assert np.isfinite(samples).all()
    np.testing.assert_array_equal(samples[:, 1::2], expected[:, 1::2])
    complete = rows(name)[:3]
    np.testing.assert_array_equal(estimator.sample(given=complete), complete)


@each_estimator
@pytest.mark.parametrize(
    ("given", "message"),
    [(np.zeros((2, 5)), "features"), (np.full((1, 7), np.inf), "infinity"), (np.zeros(7), "1D")],
)
def test_sample_refuses_bad_rows(name, given, message):
    with pytest.raises(ValueError, match=message):
        fitted(name).sample(given=given)


@each_estimator
def test_sample_refuses_bad_counts(name):
    for value in (0, -1, 1.5, "two", None):
        with pytest.raises(ValueError, match="n_samples must be an integer"):
            fitted(name).sample(value)


@each_estimator
def test_unfitted(name):
    estimator = new(name)
    with pytest.raises(NotFittedError):
        estimator.sample()
    for method in row_wise_methods(name):
        with pytest.raises(NotFittedError):
            getattr(estimator, method)(rows(name))


def by_joblib(estimator):
    file = BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


COPIES = {
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "cloudpickle": lambda estimator: pickle.loads(cloudpickle.dumps(estimator)),
    "deepcopy": deepcopy,
    "joblib": by_joblib,
}


@pytest.mark.parametrize("way", COPIES)
@each_estimator
def test_clone_and_copies(name, way):
    estimator = fitted(name)
    assert clone(estimator).get_params() == estimator.get_params()
    copy = COPIES[way](estimator)
    assert_same_fit(estimator, copy)
    np.testing.assert_array_equal(
        estimator.sample(3, random_state=0), copy.sample(3, random_state=0)
    )
    assert_same_fit(estimator.partial_fit(rows(name)), copy.partial_fit(rows(name)))


BAD_DATA = {
    "nan": lambda X: np.where(X == X[0, 0], np.nan, X),
    "infinity": lambda X: np.where(X == X[0, 0], np.inf, X),
    "empty": lambda X: X[:0],
    "one-dimensional": lambda X: X[0],
    "strings": lambda X: np.full(X.shape, "a"),
    "objects": lambda X: np.full(X.shape, {}),
    "complex": lambda X: X + 1j,
    "three-dimensional": lambda X: X[np.newaxis],
    "wrong-width": lambda X: X[:, :5],
}


@each_estimator
@pytest.mark.parametrize("kind", list(BAD_DATA))
def test_bad_data_leave_the_fitted_model_whole(name, kind):
    estimator = fitted(name)
    before = pickle.dumps(fitted_arrays(estimator))
    samples = estimator.sample(3, random_state=0)
    bad = BAD_DATA[kind](rows(name))
    calls = [estimator.partial_fit, estimator.score]
    calls += [getattr(estimator, method) for method in row_wise_methods(name)]
    if kind != "wrong-width":  # fit takes any width
        calls.append(estimator.fit)
    for call in calls:
        with pytest.raises((ValueError, TypeError)):
            call(bad)
    assert pickle.dumps(fitted_arrays(estimator)) == before
    np.testing.assert_array_equal(estimator.sample(3, random_state=0), samples)


@each_estimator
def test_bad_parameters_leave_the_fitted_model_whole(name):
    estimator = fitted(name)
    before = pickle.dumps(fitted_arrays(estimator))
    bad = {"temperature": -1, "random_state": "seed"}
    for key, value in bad.items():
        if key not in estimator.get_params():
            continue
        good = estimator.get_params()[key]
        estimator.set_params(**{key: value})
        for call in (estimator.fit, estimator.partial_fit):
            with pytest.raises(ValueError, match=f"The '{key}' parameter"):
                call(rows(name))
        estimator.set_params(**{key: good})
    assert pickle.dumps(fitted_arrays(estimator)) == before


@each_estimator
def test_temperature_is_read_at_call_time(name):
    X = rows(name, n_features=53)
    estimator = new(name).fit(X)

    def outputs():
        return np.hstack([estimator.transform(X), estimator.sample(23, random_state=0)])

    before = outputs()
    estimator.set_params(temperature=0.25)
    assert not np.allclose(before, outputs())


@each_estimator
def test_no_public_property_computes(name):
    for key, value in inspect.getmembers(type(ESTIMATORS[name])):
        if isinstance(value, property):
            assert key.startswith("_"), key


@each_estimator
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, bool, np.int64])
def test_precision(name, dtype):
    tags = get_tags(ESTIMATORS[name])
    assert tags.transformer_tags.preserves_dtype == ["float64", "float32"]
    X = rows("RBM", dtype=dtype)  # 0 and 1 in every type
    if name == "RBM-spin":
        with pytest.raises(ValueError, match="spins are -1 and"):
            new(name).fit(X)
        if np.dtype(dtype).kind in "ub":  # which have no -1
            return
        X = 2 * X - 1
    out = new(name).fit(X).transform(X)
    assert out.dtype == (np.float64 if dtype in (np.float64, np.int64) else np.float32)


@each_estimator
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(name, library):
    frames = pytest.importorskip(library)
    if library == "polars" and sklearn_version < parse_version("1.8"):
        pytest.skip("scikit-learn < 1.8 does not know polars 2")
    columns = [f"pixel {i}" for i in range(7)]
    if library == "pandas":
        X = frames.DataFrame(rows(name), columns=columns)
    else:
        X = frames.DataFrame(rows(name), schema=columns)
    estimator = new(name).fit(X)
    assert list(estimator.feature_names_in_) == columns
    # columns of a frame may lie in memory in another order, and add up to another last digit
    np.testing.assert_allclose(
        estimator.transform(X), fitted(name).transform(rows(name)), rtol=1e-9
    )
    out = estimator.set_output(transform=library).transform(X)
    assert isinstance(out, frames.DataFrame)
    assert list(out.columns) == list(estimator.get_feature_names_out())
    assert estimator.sample(given=X[:2], random_state=0).shape == (2, 7)
