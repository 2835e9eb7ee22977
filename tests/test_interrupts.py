"""Ctrl-C at random moments: a machine as an epoch left it, or as it was."""

import signal
import time
import warnings

import numpy as np
import pytest
import sklearn

from skebm import (
    RBM,
    BoltzmannMachine,
    EnergyImputer,
    EnergyOutlierDetector,
    HopfieldClassifier,
    HopfieldMemory,
    ModernHopfieldMemory,
)

pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers"),
    pytest.mark.filterwarnings("ignore"),
]
RNG = np.random.default_rng(0)
X = (RNG.random((151, 11)) < 0.4).astype(float)
HOLES = np.where(RNG.random(X.shape) < 0.1, np.nan, X)
Y = np.arange(151) % 3
N_MOMENTS = 12
LEARNERS = {
    "pcd": (RBM(5, max_iter=60, random_state=0), X),
    "tempering": (RBM(5, max_iter=20, algorithm="tempering", random_state=0), X),
    "watched": (RBM(5, max_iter=60, early_stopping=True, random_state=0), X),
    "holes": (RBM(5, max_iter=40, missing="draw", random_state=0), HOLES),
    "auto units": (RBM(5, max_iter=60, visible="auto", random_state=0), X),
    "gibbs": (BoltzmannMachine(3, max_iter=30, algorithm="gibbs", random_state=0), X),
    "exact": (BoltzmannMachine(2, max_iter=30, algorithm="exact", random_state=0), X[:, :5]),
    "mean field": (BoltzmannMachine(3, max_iter=30, algorithm="mean_field", random_state=0), X),
    "classifier": (HopfieldClassifier(7, max_iter=60, random_state=0), X),
}
OTHERS = {
    "perceptron": (HopfieldMemory("perceptron", margin=0.1), X[:9]),
    "stored": (HopfieldClassifier(), X),
    "memory": (ModernHopfieldMemory(), X),
    "imputer": (EnergyImputer(random_state=0), HOLES),
    "detector": (EnergyOutlierDetector(), X),
}


@pytest.fixture(autouse=True)
def restored_configuration():
    """Whatever an interrupt leaves of scikit-learn's own contexts ends with the test."""
    with sklearn.config_context():
        yield


def interrupted(call, delay):
    """Whether a call was interrupted after that many seconds."""

    armed = [True]

    def interrupt(*_):
        # never after the call, where nobody expects it
        if armed:
            armed.clear()
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, delay)
        call()
        armed.clear()
    except KeyboardInterrupt:
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return False


def moments(call):
    """Random delays within the time that a call takes."""
    begin = time.perf_counter()
    call()
    taken = time.perf_counter() - begin
    return np.random.default_rng(1).uniform(1e-4, taken, size=N_MOMENTS)


def use(estimator, X):
    rows = np.nan_to_num(X)
    method = "transform" if hasattr(estimator, "transform") else "predict"
    result = getattr(estimator, method)(X if isinstance(estimator, EnergyImputer) else rows)
    assert np.isfinite(np.asarray(result, dtype=float)).all()
    return result


def same(before, after):
    """Whether attributes are the same objects, or equal arrays."""
    if before.keys() != after.keys():
        return False
    return all(
        before[name] is after[name] or np.array_equal(before[name], after[name])
        for name in before
        if isinstance(before[name], np.ndarray)
    )


@pytest.mark.parametrize("name", LEARNERS)
def test_learning_keeps_the_last_epoch(name):
    estimator, X = LEARNERS[name]
    estimator = estimator.fit(X, Y)
    horizon, hits = estimator.n_iter_, 0
    for delay in moments(lambda: estimator.fit(X, Y)):
        before = vars(estimator).copy()
        if not interrupted(lambda: estimator.fit(X, Y), delay):
            continue
        hits += 1
        # as before if no epoch had ended, else of the new training
        if not same(before, vars(estimator)):
            assert 0 < estimator.n_iter_ <= max(horizon, estimator.max_iter)
            assert len(estimator.loss_curve_) == estimator.n_iter_
        assert "_holes_" not in vars(estimator)
        use(estimator, X)
    assert hits
    # the same training from here on, whatever was interrupted
    fresh = type(estimator)(**estimator.get_params()).fit(X, Y)
    np.testing.assert_array_equal(use(estimator.fit(X, Y), X), use(fresh, X))


@pytest.mark.parametrize("name", ["pcd", "tempering", "holes", "gibbs"])
def test_an_interrupted_fit_goes_on_to_the_same_result(name):
    estimator, X = LEARNERS[name]
    whole = type(estimator)(**estimator.get_params()).fit(X)
    for delay in moments(lambda: type(estimator)(**estimator.get_params()).fit(X))[:6]:
        part = type(estimator)(**estimator.get_params()).set_params(warm_start=True)
        if interrupted(lambda part=part: part.fit(X), delay):
            part.fit(X)
        np.testing.assert_array_equal(use(part, X), use(whole, X))


@pytest.mark.parametrize("name", OTHERS)
def test_what_has_no_epochs_stays_as_it_was(name):
    estimator, X = OTHERS[name]
    y = Y[: len(X)]
    expected = use(estimator.fit(X, y), X)
    for delay in moments(lambda: estimator.fit(X, y)):
        before = vars(estimator).copy()
        if interrupted(lambda: estimator.fit(X, y), delay):
            assert same(before, vars(estimator))
        np.testing.assert_array_equal(use(estimator, X), expected)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("pcd", lambda machine: machine.sample(50, n_sweeps=200)),
        ("pcd", lambda machine: machine.log_partition(method="ais", n_temperatures=60)),
        ("pcd", lambda machine: machine.score(X)),
        ("gibbs", lambda machine: machine.sample(50, n_sweeps=200)),
        ("gibbs", lambda machine: machine.conditional_mean(HOLES)),
        ("memory", lambda memory: memory.transform(X)),
        ("perceptron", lambda memory: memory.anneal(n_samples=20)),
    ],
)
def test_other_methods_change_nothing(name, call):
    estimator, rows = {**LEARNERS, **OTHERS}[name]
    estimator = estimator.fit(rows, Y[: len(rows)])
    expected = use(estimator, rows)
    for delay in moments(lambda: call(estimator)):
        before = vars(estimator).copy()
        before.pop("_log_partition_", None)
        interrupted(lambda: call(estimator), delay)
        after = {name: value for name, value in vars(estimator).items() if name in before}
        assert same(before, after)
        np.testing.assert_array_equal(use(estimator, rows), expected)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call(estimator)
