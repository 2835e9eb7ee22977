import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skebm import RBM, BoltzmannMachine
from skebm._callbacks import CallbackSupportMixin
from skebm.monitors import (
    Monitor,
    free_energy_gap,
    log_likelihood,
    n_fixed_points,
    singular_values,
    weight_histogram,
)

X = np.random.default_rng(0).integers(0, 2, (61, 7)).astype(float)
needs_callbacks = pytest.mark.skipif(
    not hasattr(CallbackSupportMixin, "set_callbacks"), reason="callbacks need scikit-learn 1.9"
)
EVERYTHING = {
    "values": singular_values,
    "histogram": weight_histogram(np.linspace(-1, 1, 12)),
    "score": log_likelihood(X, n_temperatures=20),
    "gap": free_energy_gap(X[:31], X[31:]),
}


@needs_callbacks
@pytest.mark.parametrize(
    "machine",
    [
        RBM(5, max_iter=20, random_state=0),
        RBM(5, max_iter=20, algorithm="tempering", n_chains=7, random_state=0),
        BoltzmannMachine(5, algorithm="gibbs", max_iter=20, random_state=0),
    ],
)
def test_monitors_record_and_change_nothing(machine):
    alone = machine.fit(X)
    before = {k: v for k, v in vars(alone).items() if k.endswith("_") and not k.startswith("_")}
    monitor = Monitor(**EVERYTHING)
    watched = type(machine)(**machine.get_params()).set_callbacks(monitor).fit(X)
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(watched, name), value)
    data = monitor.data()
    np.testing.assert_array_equal(data["epoch"], [1, 2, 3, 4, 5, 7, 9, 12, 15, 19])
    assert data["values"].shape == (10, 5)
    assert data["histogram"].shape == (10, 11)
    assert data["score"].shape == data["gap"].shape == (10,)
    assert all(np.isfinite(values).all() for values in data.values())
    frame = monitor.frame()
    assert len(frame) == 10
    assert frame.columns[:3].tolist() == ["epoch", "values_0", "values_1"]


@needs_callbacks
def test_cadence_and_a_second_fit():
    monitor = Monitor(every=7, values=singular_values)
    rbm = RBM(3, max_iter=20, random_state=0).set_callbacks(monitor).fit(X)
    np.testing.assert_array_equal(monitor.data()["epoch"], [7, 14])
    last = monitor.data()["values"][-1]
    rbm.fit(X)
    np.testing.assert_array_equal(monitor.data()["epoch"], [7, 14])
    np.testing.assert_array_equal(monitor.data()["values"][-1], last)


def test_records_by_hand_and_what_they_hold():
    rbm = RBM(4, random_state=0, temperature=2.0)
    monitor = Monitor(**EVERYTHING, points=n_fixed_points(X[:9]), n=lambda machine: machine.n_iter_)
    for _ in range(3):
        monitor.record(rbm.partial_fit(X))
    data = monitor.data()
    np.testing.assert_array_equal(data["epoch"], [1, 2, 3])
    np.testing.assert_array_equal(data["n"], [1, 2, 3])
    np.testing.assert_allclose(
        data["values"][-1], np.linalg.svd(rbm.components_ / 2.0, compute_uv=False)
    )
    assert data["score"][-1] == rbm.score(X)
    assert data["histogram"][-1].sum() == np.sum(np.abs(rbm.components_) <= 1)
    expected = (rbm.free_energy(X[31:]).mean() - rbm.free_energy(X[:31]).mean()) / 2.0
    assert data["gap"][-1] == pytest.approx(expected)
    np.testing.assert_array_equal(data["points"], 1)


def test_weights_of_a_boltzmann_machine_are_those_to_hidden_units():
    machine = BoltzmannMachine(2, algorithm="gibbs", max_iter=2, random_state=0).fit(X)
    expected = np.linalg.svd(machine.coupling_[:7, 7:], compute_uv=False)
    np.testing.assert_allclose(singular_values(machine), expected)


def test_points_that_are_not_found_count_as_none():
    frustrated = RBM.from_parameters(50 * np.eye(2), [0.0, 0.0], [0.0, 0.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert n_fixed_points(method="tap")(frustrated) == 0
    gaussian = RBM.from_parameters([[0.5]], [0.0], [0.0], visible="gaussian")
    with pytest.raises(ValueError, match="needs Bernoulli units or spins"):
        n_fixed_points()(gaussian)


def test_bad_input():
    with pytest.raises(ValueError, match="needs something to record"):
        Monitor()
    with pytest.raises(ValueError, match="score must be a function of a fitted machine, got 3"):
        Monitor(score=3)
    with pytest.raises(ValueError, match="every must be an integer of at least 1"):
        Monitor(every=0, values=singular_values)


@needs_callbacks
@pytest.mark.parametrize("every", [None, 7])
@pytest.mark.parametrize(
    "machine",
    [BoltzmannMachine(1), RBM(1, visible="gaussian", hidden="gaussian")],
    ids=["exact", "factor analysis"],
)
def test_a_single_climb_is_recorded(machine, every):
    X = np.random.default_rng(0).normal(size=(40, 3)).round(1)
    monitor = Monitor(every=every, score=log_likelihood(X))
    machine = clone(machine).set_params(random_state=0).set_callbacks(monitor).fit(X)
    data = monitor.data()
    np.testing.assert_allclose(data["score"], [machine.score(X)])


@needs_callbacks
def test_a_cheap_likelihood_does_not_change_later_scores():
    X = (np.random.default_rng(0).random((50, 30)) < 0.5).astype(float)
    rbm = RBM(40, max_iter=2, random_state=0).fit(X)
    score = rbm.score(X)
    other = RBM(40, max_iter=2, random_state=0)
    other.set_callbacks(Monitor(every=1, cheap=log_likelihood(X, n_temperatures=3, n_chains=2)))
    assert other.fit(X).score(X) == score
