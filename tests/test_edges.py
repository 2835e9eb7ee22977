"""Edges of numbers and of sizes: finite results or an error that names the cause; threads too."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from skebm import (
    RBM,
    BoltzmannMachine,
    EnergyOutlierDetector,
    HopfieldClassifier,
    HopfieldMemory,
    ModernHopfieldMemory,
)

pytestmark = pytest.mark.filterwarnings("ignore")
METHODS = "transform", "predict", "score_samples", "free_energy", "pseudo_likelihood", "energy"
RNG = np.random.default_rng(0)
BINARY = (RNG.random((23, 7)) < 0.4).astype(float)
NORMAL = RNG.normal(size=(23, 7))
SHORT = {"max_iter": 2, "random_state": 0}
MODELS = {
    "RBM": lambda **changes: RBM(3, **(SHORT | changes)),
    "Gaussian RBM": lambda **changes: RBM(3, visible="gaussian", **(SHORT | changes)),
    "BoltzmannMachine": lambda **changes: BoltzmannMachine(2, **(SHORT | changes)),
    "HopfieldMemory": lambda **changes: HopfieldMemory(**changes),
    "ModernHopfieldMemory": lambda **changes: ModernHopfieldMemory(**changes),
    "spins": lambda **changes: ModernHopfieldMemory("exponential", **changes),
    "HopfieldClassifier": lambda **changes: HopfieldClassifier(**changes),
    "EnergyOutlierDetector": lambda **changes: EnergyOutlierDetector(**changes),
}
TABLES = {
    "one row": lambda X: X[:1],
    "one column": lambda X: X[:, :1],
    "one row and column": lambda X: X[:1, :1],
    "constant columns": lambda X: np.where(np.arange(7) < 3, 1.0, X),
    "all constant": lambda X: np.ones_like(X),
    "zeros": np.zeros_like,
    "equal rows": lambda X: np.tile(X[:1], (23, 1)),
    "1e12 times": lambda X: 1e12 * X,
    "1e-12 times": lambda X: 1e-12 * X,
    "far from 0": lambda X: X + 1.7e9,
}
OF_NUMBERS = "Gaussian RBM", "ModernHopfieldMemory", "HopfieldClassifier", "EnergyOutlierDetector"


def use(model, X):
    """Everything row-wise that a model gives, and samples of it."""
    found = {}
    for name in METHODS:
        is_continuous = getattr(model, "visible", None) == "gaussian"
        if (name == "energy" and isinstance(model, MACHINES)) or (
            name == "pseudo_likelihood" and is_continuous
        ):
            continue
        if hasattr(model, name):
            found[name] = np.asarray(getattr(model, name)(X))
    if hasattr(model, "sample"):
        found["sample"] = model.sample(3, n_sweeps=2, random_state=0)
        given = np.full((2, X.shape[1]), np.nan)
        found["sample, nothing known"] = model.sample(given=given, n_sweeps=2, random_state=0)
    return found


MACHINES = RBM, BoltzmannMachine


def check(model, X):
    y = np.arange(len(X)) % 2 if len(X) > 1 else np.zeros(1, int)
    for name, result in use(model.fit(X, y), X).items():
        assert np.isfinite(result.astype(float)).all(), name


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", MODELS)
def test_odd_tables(name, table):
    X = TABLES[table](NORMAL if name in OF_NUMBERS else BINARY)
    try:
        check(MODELS[name](), X)
    except ValueError as error:
        # said in words, and of what only some models can take
        if table not in ("1e12 times", "far from 0") or len(str(error)) < 40:
            raise


@pytest.mark.parametrize("temperature", [1e-6, 1e-2, 1e2, 1e6])
@pytest.mark.parametrize("name", ["RBM", "Gaussian RBM", "BoltzmannMachine", *list(MODELS)[3:7]])
def test_temperatures(name, temperature):
    X = NORMAL if name in OF_NUMBERS else BINARY
    changes = {"temperature": temperature}
    if "RBM" in name or "Boltzmann" in name:
        # the same path of training at every temperature
        changes["learning_rate"] = 0.1 * temperature**2
    check(MODELS[name](**changes), X)


@pytest.mark.parametrize("size", [1.0, 1e2, 1e4])
def test_large_weights(size):
    weights = size * RNG.normal(size=(5, 7))
    rbm = RBM.from_parameters(weights, np.zeros(7), np.zeros(5))
    for name, result in use(rbm, BINARY).items():
        assert np.isfinite(result).all(), name
    coupling = size * (weights.T @ weights)
    np.fill_diagonal(coupling, 0)
    machine = BoltzmannMachine.from_coupling(coupling)
    for name, result in use(machine, 2 * BINARY - 1).items():
        assert np.isfinite(result).all(), name


@pytest.mark.parametrize("name", ["RBM", "HopfieldMemory", "ModernHopfieldMemory", "spins"])
def test_many_columns(name):
    X = (RNG.random((5, 100_003)) < 0.3).astype(np.float32)
    model = MODELS[name]().fit(X)
    assert np.isfinite(model.transform(X)).all()
    assert model.sample(1, n_sweeps=1, random_state=0).shape == (1, 100_003)


def test_many_rows():
    X = (RNG.random((1_000_003, 3)) < 0.3).astype(np.float32)
    rbm = RBM(2, max_iter=1, batch_size=10_000, random_state=0).fit(X)
    assert rbm.transform(X).shape == (1_000_003, 2)
    assert np.isfinite(rbm.score(X))


@pytest.mark.parametrize("name", MODELS)
def test_many_threads_get_what_one_gets(name):
    X = NORMAL if name in OF_NUMBERS else BINARY
    model = MODELS[name]().fit(X, np.arange(23) % 2)
    expected = use(model, X)
    with ThreadPoolExecutor(8) as pool, warnings.catch_warnings():
        for found in pool.map(lambda _: use(model, X), range(40)):
            assert found.keys() == expected.keys()
            for method, result in found.items():
                np.testing.assert_array_equal(result, expected[method])
        clones = pool.map(lambda _: MODELS[name]().fit(X, np.arange(23) % 2), range(8))
        for clone in clones:
            for method, result in use(clone, X).items():
                np.testing.assert_array_equal(result, expected[method])
