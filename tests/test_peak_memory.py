"""What methods need at their peak, beside rows and results: what the page of promises says."""

import tracemalloc
import warnings

import numpy as np
import pytest
from scipy import sparse

from skebm import RBM, BoltzmannMachine, HopfieldClassifier, HopfieldMemory, ModernHopfieldMemory

N_ROWS, N_FEATURES = 20_011, 499
# what blocks of rows take, however many rows there are
BLOCKS = 100e6


def peak_of(call):
    """Bytes that a call has allocated at most, and its result."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tracemalloc.start()
        try:
            result = call()
            return tracemalloc.get_traced_memory()[1], result
        finally:
            tracemalloc.stop()


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return (rng.random((N_ROWS, N_FEATURES)) < 0.3).astype(np.float32)


def fitted(name, rows):
    models = {
        "rbm": RBM(17, max_iter=1, random_state=0),
        "boltzmann": BoltzmannMachine(0, max_iter=1, algorithm="pseudo_likelihood"),
        "hopfield": HopfieldMemory(),
        "softmax": ModernHopfieldMemory(),
        "polynomial": ModernHopfieldMemory("polynomial", degree=3),
    }
    return models[name].fit(rows[:31])


ROW_WISE = [
    ("rbm", "transform"),
    ("rbm", "free_energy"),
    ("rbm", "score_samples"),
    ("hopfield", "energy"),
    ("hopfield", "overlaps"),
    ("hopfield", "transform"),
    ("softmax", "energy"),
    ("softmax", "transform"),
    ("softmax", "score_samples"),
    ("softmax", "association"),
    ("polynomial", "energy"),
    ("polynomial", "association"),
]


@pytest.mark.parametrize(("name", "method"), ROW_WISE)
def test_row_wise_methods_need_three_copies_of_the_rows_at_most(name, method, rows):
    model = fitted(name, rows)
    cues = rows.copy()
    cues[:, :31] = 1 - cues[:, :31]
    peak, result = peak_of(lambda: getattr(model, method)(cues))
    assert peak <= result.nbytes + 3 * rows.nbytes + BLOCKS


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("rbm", {}),
        ("rbm", {"algorithm": "tempering"}),
        ("boltzmann", {}),
        ("boltzmann", {"algorithm": "tempering"}),
        ("hopfield", {}),
        ("softmax", {}),
    ],
)
def test_samples_need_four_copies_of_the_result_at_most(name, arguments, rows):
    model = fitted(name, rows)
    peak, result = peak_of(lambda: model.sample(N_ROWS, n_sweeps=1, random_state=0, **arguments))
    assert peak <= 4 * N_ROWS * N_FEATURES * 4 + 2 * BLOCKS
    assert result.shape == rows.shape


def test_gibbs_steps_need_the_result_and_a_block(rows):
    model = fitted("rbm", rows)
    peak, result = peak_of(lambda: model.gibbs(rows, 1, random_state=0))
    assert peak <= result.nbytes + BLOCKS


@pytest.mark.parametrize("algorithm", ["auto", "cd", "tempering"])
def test_learning_needs_two_and_a_half_copies_of_the_rows(algorithm, rows):
    model = RBM(17, algorithm=algorithm, max_iter=1, random_state=0)
    peak, _ = peak_of(lambda: model.fit(rows))
    assert peak <= 2.5 * rows.nbytes + BLOCKS


def test_a_pass_over_sparse_rows_makes_none_of_them_dense():
    rng = np.random.default_rng(0)
    places = rng.integers(5003, size=100_000), rng.integers(20_011, size=100_000)
    X = sparse.csr_array((np.ones(100_000), places), shape=(5003, 20_011))
    X.data[:] = 1
    model = RBM(3, max_iter=1, batch_size=50, random_state=0)
    peak, _ = peak_of(lambda: model.fit(X))
    assert peak < 0.5 * 5003 * 20_011 * 4


def test_many_classes_need_no_table_of_rows_and_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6007, 11))
    peak, classifier = peak_of(lambda: HopfieldClassifier().fit(X, np.arange(6007)))
    assert peak < 0.5 * 6007**2 * 8
    peak, predicted = peak_of(lambda: classifier.predict(X))
    np.testing.assert_array_equal(predicted, np.arange(6007))
    assert peak < 0.5 * 6007**2 * 8


def test_what_nobody_has_the_memory_for_is_refused_by_its_size():
    X = np.ones((2, 30_011), dtype=np.float32)
    with pytest.raises(ValueError, match=r"30011 columns takes 7.21 GB"):
        HopfieldMemory("perceptron").fit(X)
    with pytest.raises(ValueError, match="GB"):
        BoltzmannMachine().fit(np.ones((2, 50_021), dtype=np.float32))


def test_minutes_are_announced(monkeypatch):
    monkeypatch.setattr("skebm._validation.VISITS_A_MINUTE", 1000.0)
    rbm = RBM.from_parameters(np.zeros((10, 10)), np.zeros(10), np.zeros(10))
    with pytest.warns(UserWarning, match=r"^sample takes about 2 minutes. Lower n_sweeps"):
        rbm.sample(2, n_sweeps=10, random_state=0)
    with pytest.warns(UserWarning, match=r"^gibbs takes about 3 minutes. Lower n_steps"):
        rbm.gibbs(np.zeros((3, 10)), 10, random_state=0)
    with pytest.warns(UserWarning, match=r"^Annealing takes about 16 minutes"):
        rbm.log_partition(method="ais", n_temperatures=8, n_chains=10)
    memory = HopfieldMemory(temperature=1.0).fit(np.ones((5, 10)))
    with pytest.warns(UserWarning, match=r"^sample takes about 2 minutes"):
        memory.sample(4, n_sweeps=10, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rbm.sample(2, n_sweeps=4, random_state=0)
