"""Learning, ln Z and samples with Dask: in threads, and on a real cluster of two processes."""

import os
import signal
import subprocess
import sys
import threading
import time
import warnings

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from skebm import RBM, BoltzmannMachine, HopfieldMemory, distributed
from skebm.datasets import make_bars_and_stripes

da = pytest.importorskip("dask.array")
dask_distributed = pytest.importorskip("distributed")


def bars(n_samples, seed):
    X = make_bars_and_stripes(3)
    X = np.maximum(X, 0)  # 0 and 1
    return X[np.random.default_rng(seed).integers(len(X), size=n_samples)].astype(np.float32)


def machine(**changes):
    options = {"max_iter": 60, "batch_size": 20, "learning_rate": 0.1, "random_state": 0}
    return RBM(9, **(options | changes))


@pytest.fixture(scope="module")
def cluster():
    with (
        warnings.catch_warnings(),
        dask_distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            silence_logs=50,
        ) as cluster,
    ):
        yield cluster


@pytest.fixture
def client(cluster):
    with dask_distributed.Client(cluster) as client:
        yield client


@pytest.mark.parametrize("n_replicas", [1, 2, 4])
def test_learning_in_chunks_is_as_good_as_in_memory(n_replicas):
    X, test = bars(2000, 0), bars(500, 1)
    scores, ours = [], []
    for seed in range(2):
        in_memory = machine(random_state=seed, alpha=0.0).fit(X)
        scores.append(in_memory.score(test))
        chunked = machine(random_state=seed)
        assert distributed.fit(chunked, da.from_array(X, chunks=(250, 9)), n_replicas=n_replicas)
        ours.append(chunked.score(test))
        assert chunked.n_iter_ == len(chunked.loss_curve_) == 60
        assert chunked.learning_rate == 0.1
    independent = machine(max_iter=1, learning_rate=1e-9).fit(X).score(test)
    gain = np.mean(scores) - independent
    assert gain > 1.5
    assert np.mean(ours) > np.mean(scores) - 0.15 * gain


def test_a_seed_gives_the_same_machine_and_other_chains_differ():
    X = da.from_array(bars(600, 0), chunks=(200, 9))
    one, two = (distributed.fit(machine(max_iter=2), X, n_replicas=3).components_ for _ in range(2))
    np.testing.assert_array_equal(one, two)
    alone = distributed.fit(machine(max_iter=2), X).components_
    assert (one != alone).any()


def test_the_mean_of_replicas_is_that_of_their_parameters():
    X = da.from_array(bars(400, 0), chunks=(200, 9))
    learned = []
    original = distributed._averaged

    def watched(replicas):
        learned.append(([replica.components_ for replica in replicas], original(replicas)))
        return learned[-1][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distributed, "_averaged", watched)
        rbm = distributed.fit(machine(max_iter=1), X, n_replicas=2)
    ((parts, mean),) = learned
    assert (parts[0] != parts[1]).any()
    np.testing.assert_allclose(mean.components_, (parts[0] + parts[1]) / 2, rtol=1e-6)
    np.testing.assert_array_equal(rbm.components_, mean.components_)


def test_replicas_differ_by_their_chains_and_tasks_leave_them_alone():
    rows = bars(200, 0)
    learned = []
    original = distributed._averaged
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distributed, "_averaged", lambda found: learned.extend(found) or found[0])
        same = da.concatenate([da.from_array(rows, chunks=(200, 9))] * 2)
        distributed.fit(machine(max_iter=1), same, n_replicas=2)
    assert (learned[0].components_ != learned[1].components_).any()
    one, two = (distributed._learn(learned[0], rows, 0.05).components_ for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert learned[0].learning_rate != 0.05
    assert original(learned).n_iter_ == learned[0].n_iter_


def test_training_goes_on_and_an_error_loses_nothing():
    X = da.from_array(bars(400, 0), chunks=(200, 9))
    rbm = distributed.fit(machine(max_iter=2), X)
    before = rbm.components_.copy()
    bad = da.from_array(np.full((400, 9), np.nan, np.float32), chunks=(200, 9))
    with pytest.raises(ValueError, match="NaN"):
        distributed.fit(rbm, bad)
    np.testing.assert_array_equal(rbm.components_, before)
    with pytest.raises(ValueError, match="'learning_rate' parameter of RBM must be"):
        distributed.fit(machine(learning_rate="fast"), X)
    rbm.set_params(warm_start=True)
    distributed.fit(rbm, X, max_iter=3)
    assert rbm.n_iter_ == 5
    assert len(rbm.loss_curve_) == 5
    assert np.isfinite(rbm.partial_fit(bars(50, 1)).score(bars(50, 2)))


def test_nothing_of_an_earlier_training_remains():
    X = bars(400, 0)
    rbm = machine(early_stopping=True, max_iter=5, algorithm="tempering").fit(X)
    assert {"validation_scores_", "best_iter_", "swap_rates_"} <= vars(rbm).keys()
    rbm.set_params(early_stopping=False, algorithm="cd")
    distributed.fit(rbm, da.from_array(X, chunks=(200, 9)), max_iter=1)
    fresh = machine(max_iter=5, algorithm="cd").partial_fit(X)
    assert vars(rbm).keys() == vars(fresh).keys()


def test_boltzmann_machines_learn_in_chunks_too():
    X = bars(1000, 0)
    one = distributed.fit(
        BoltzmannMachine(0, max_iter=20, algorithm="gibbs", random_state=0),
        da.from_array(X, chunks=(250, 9)),
        n_replicas=2,
    )
    free = BoltzmannMachine(0, max_iter=1, algorithm="gibbs", learning_rate=1e-9)
    independent = free.fit(X).score(X)
    in_memory = BoltzmannMachine(0, max_iter=20, algorithm="gibbs", random_state=0)
    gain = in_memory.fit(X).score(X) - independent
    assert gain > 0.5
    assert one.score(X) > independent + 0.8 * gain


def test_a_memory_map_is_read_by_chunks(tmp_path):
    expected = np.random.default_rng(0).normal(size=(1009, 5))
    np.save(tmp_path / "rows.npy", expected)
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    X = distributed.from_memmap(rows, 100)
    assert X.numblocks == (11, 1)
    np.testing.assert_array_equal(X.compute(), expected)
    part = distributed.from_memmap(rows[7:300], 100)
    np.testing.assert_array_equal(part.compute(), expected[7:300])
    for bad in (expected, np.asfortranarray(rows), rows[:, 1:], rows[0]):
        with pytest.raises(TypeError, match=r"two-dimensional numpy\.memmap"):
            distributed.from_memmap(bad)


@pytest.mark.parametrize(
    ("model", "X", "options", "message"),
    [
        (HopfieldMemory(), da.ones((4, 3)), {}, "must be an RBM or a BoltzmannMachine"),
        (RBM(2), np.ones((4, 3)), {}, r"must be a two-dimensional dask\.array\.Array, got ndarray"),
        (RBM(2), da.ones(4), {}, "two-dimensional"),
        (RBM(2), da.ones((4, 3)), {"n_replicas": 0}, "n_replicas must be an integer"),
        (RBM(2), da.ones((4, 3)), {"max_iter": 0}, "max_iter must be an integer"),
    ],
)
def test_bad_arguments_are_named(model, X, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        distributed.fit(model, X, **options)


def test_parts_of_an_annealing_agree_with_the_exact_value():
    rng = np.random.default_rng(0)
    rbm = RBM.from_parameters(rng.normal(size=(9, 13)), rng.normal(size=13), rng.normal(size=9))
    exact = rbm.log_partition().value
    assert distributed.log_partition(rbm).method == "exact"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distributed, "LARGEST_WORK", 0)
        found = distributed.log_partition(rbm, n_parts=4, n_temperatures=100, n_chains=50)
    assert found.lower <= exact <= found.upper
    assert abs(found.value - exact) < 5 * found.standard_error + 1e-9
    one = rbm.log_partition(method="ais", n_temperatures=100, n_chains=50)
    assert found.standard_error < one.standard_error


def test_the_score_of_a_large_machine_uses_the_parts():
    rng = np.random.default_rng(0)
    rbm = RBM.from_parameters(
        rng.normal(size=(30, 40)) / 5, rng.normal(size=40), rng.normal(size=30)
    )
    found = distributed.log_partition(rbm, n_parts=3)
    X = rng.random((5, 40)) < 0.5
    with pytest.MonkeyPatch.context() as patch:  # nothing is annealed again
        patch.setattr(RBM, "log_partition", None)
        np.testing.assert_allclose(
            rbm.score_samples(X), -rbm.free_energy(X) - found.value, rtol=1e-10
        )


def test_samples_come_in_chunks_with_the_law_of_the_machine():
    rbm = RBM.from_parameters([[3.0, 3.0, -3.0]], [-1.0, -1.0, 1.0], [-1.0])
    X = distributed.sample(rbm, 6007, chunk_size=1000, n_sweeps=50, random_state=0)
    assert X.chunks == ((1000,) * 6 + (7,), (3,))
    drawn = X.compute()
    np.testing.assert_array_equal(drawn, X.compute(scheduler="single-threaded"))
    assert (drawn[:1000] != drawn[1000:2000]).any()
    codes = drawn @ [1, 2, 4]
    states = (np.arange(8)[:, np.newaxis] >> np.arange(3)) & 1
    p = np.exp(rbm.score_samples(states))
    observed = np.bincount(codes.astype(int), minlength=8)
    assert ((observed - 6007 * p) ** 2 / (6007 * p)).sum() < 29.9  # 1e-4 of chi2(7)


# ---------------------------------------------------------------- a cluster


def test_a_cluster_gives_what_threads_give(client):
    X = da.from_array(bars(800, 0), chunks=(200, 9))
    here = machine(max_iter=3)
    with pytest.MonkeyPatch.context() as patch:
        import dask

        patch.setitem(dask.config.config, "scheduler", "threads")
        distributed.fit(here, X, n_replicas=2)
    there = distributed.fit(machine(max_iter=3), X, n_replicas=2)
    np.testing.assert_array_equal(here.components_, there.components_)
    rows = X.map_blocks(there.transform, chunks=(200, 9), dtype=np.float32).compute()
    np.testing.assert_array_equal(rows, there.transform(X.compute()))


def test_grid_search_and_several_starts_run_on_a_cluster(client):
    X, grid = bars(300, 0), {"random_state": [0, 1, 2]}
    alone = GridSearchCV(machine(max_iter=2), grid, cv=2).fit(X)
    with joblib.parallel_config("dask"):
        there = GridSearchCV(machine(max_iter=2), grid, cv=2).fit(X)
    np.testing.assert_allclose(
        there.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )


def test_a_worker_that_dies_costs_nothing(cluster, client):
    X = da.from_array(bars(2000, 0), chunks=(100, 9))
    expected = distributed.fit(machine(max_iter=15), X, n_replicas=2).components_
    client.wait_for_workers(2, timeout=60)
    killed = []

    def kill():
        time.sleep(0.5)
        victim = next(iter(client.run(os.getpid).values()))
        os.kill(victim, signal.SIGKILL)
        killed.append(victim)

    thread = threading.Thread(target=kill)
    thread.start()
    rbm = distributed.fit(machine(max_iter=15), X, n_replicas=2)
    thread.join()
    assert killed
    np.testing.assert_array_equal(rbm.components_, expected)
    client.wait_for_workers(2, timeout=60)  # its nanny started another


BEYOND_MEMORY = """
import resource, sys
import numpy as np
import dask
from skebm import RBM, distributed
# large machines load a compiler, which is not of the data
import skebm.units._compiled

rows = np.memmap(sys.argv[1], np.uint8, "r", shape=(150_000, 1000))
used = int(open("/proc/self/statm").read().split()[5]) * resource.getpagesize()
limit = used + 120_000_000
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
X = distributed.from_memmap(rows, 5000)
with dask.config.set(scheduler="single-threaded"):
    rbm = distributed.fit(RBM(4, batch_size=500, random_state=0), X, max_iter=1)
assert np.isfinite(rbm.score(rows[:100]))
try:
    RBM(4, batch_size=500, max_iter=1).fit(rows)
except MemoryError:
    print("too large for memory,", rbm.n_iter_, "epoch")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and RLIMIT_DATA")
def test_data_larger_than_memory(tmp_path):
    rows = np.memmap(tmp_path / "rows", np.uint8, "w+", shape=(150_000, 1000))
    rows[:] = np.random.default_rng(0).integers(0, 2, size=(5000, 1000)).repeat(30, axis=0)
    rows.flush()
    done = subprocess.run(
        [sys.executable, "-c", BEYOND_MEMORY, tmp_path / "rows"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.stdout == "too large for memory, 1 epoch\n", done.stderr[-2000:]
