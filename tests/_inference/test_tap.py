"""Fixed points of the TAP equations against exact marginals, and against their own free energy."""

import itertools
import warnings

import numpy as np
import pytest
from scipy.special import logsumexp
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from skebm import RBM
from skebm._inference import tap
from skebm.datasets import make_bars_and_stripes
from skebm.units import Bernoulli, Spin

LEVELS = {"bernoulli": (0.0, 1.0), "spin": (-1.0, 1.0)}
UNITS = {"bernoulli": Bernoulli(), "spin": Spin()}
PAIRS = list(itertools.product(LEVELS, LEVELS))


def small(visible, hidden, scale, seed, temperature=1.0):
    rng = np.random.default_rng(seed)
    return RBM.from_parameters(
        scale * rng.normal(size=(3, 5)),
        0.5 * rng.normal(size=5),
        0.5 * rng.normal(size=3),
        visible=visible,
        hidden=hidden,
        temperature=temperature,
    )


def exact_marginals(rbm):
    v = np.array(list(itertools.product(LEVELS[rbm.visible], repeat=5)))
    log_p = rbm.score_samples(v)
    assert logsumexp(log_p) == pytest.approx(0)
    return np.exp(log_p) @ v, np.exp(log_p) @ rbm.transform(v)


@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
@pytest.mark.parametrize("temperature", [1.0, 1.7])
def test_tap_is_closer_to_exact_marginals_than_naive_mean_field(visible, hidden, temperature):
    errors = {"tap": [], "mean_field": []}
    partition = []
    # a spin has four times the variance of a bit
    scale = 0.5 * temperature * 0.5 ** [visible, hidden].count("spin")
    for seed in range(10):
        rbm = small(visible, hidden, scale, seed, temperature)
        exact = np.concatenate(exact_marginals(rbm))
        for method, error in errors.items():
            found = rbm.fixed_points(method=method, random_state=0)
            error.append(np.abs(np.append(found.visible[0], found.hidden[0]) - exact).mean())
        partition.append(rbm.tap_log_partition() - rbm.log_partition().value)
    # the error is of third order in the weights instead of second
    assert np.mean(errors["tap"]) < 0.5 * np.mean(errors["mean_field"])
    assert np.abs(partition).mean() < 0.05


@pytest.mark.parametrize(("visible", "hidden"), PAIRS)
@pytest.mark.parametrize("reaction", [1.0, 0.0])
def test_fixed_points_are_stationary_points_of_the_free_energy(visible, hidden, reaction):
    rbm = small(visible, hidden, 0.4, 3, 1.3)
    model = rbm._model()
    means = np.random.default_rng(0).uniform(0.2, 0.8, (1, 8))
    found, settled = tap.fixed_points(model, means[:, :5], means[:, 5:], reaction=reaction)
    assert settled.all()
    point = np.concatenate([found.visible, found.hidden], axis=1)

    def free_energy(m):
        return tap.free_energy(model, m[:, :5], m[:, 5:], reaction=reaction)[0]

    for i in range(8):
        change = 1e-5 * np.eye(8)[i]
        slope = (free_energy(point + change) - free_energy(point - change)) / 2e-5
        assert abs(slope) < 1e-4
    assert found.free_energy[0] == pytest.approx(free_energy(point))


def test_fixed_points_are_distinct_and_ordered():
    rbm = RBM.from_parameters(np.full((20, 20), 0.3), np.full(20, -3.1), np.full(20, -3.0))
    found = rbm.fixed_points(n_starts=50, random_state=0)
    assert len(found.free_energy) == 2
    assert found.free_energy[0] < found.free_energy[1]
    assert found.visible[0].mean() < 0.2 < 0.8 < found.visible[1].mean()
    # from rows only
    assert len(rbm.fixed_points(np.ones((3, 20)), n_starts=0).free_energy) == 1


@pytest.mark.filterwarnings("ignore:The TAP equations settled")
def test_learning_makes_fixed_points():
    X = (load_digits().data >= 8).astype(float)
    rows = X[:300]
    untrained = RBM(max_iter=1, learning_rate=1e-9, random_state=0).fit(X)
    assert len(untrained.fixed_points(rows, random_state=0).free_energy) == 1
    assert untrained.phase().name == "paramagnetic"
    trained = RBM(alpha=0, random_state=0).fit(X)
    assert trained.phase().name == "ferromagnetic"
    # 11; one or two of them may depend on rounding during training
    assert len(trained.fixed_points(rows, n_starts=0).free_energy) > 8
    # 16; the colder, the more
    colder = trained.set_params(temperature=0.8).fixed_points(rows, n_starts=0)
    assert len(colder.free_energy) > 10


def test_bad_input():
    rbm = small("bernoulli", "bernoulli", 0.5, 0)
    with pytest.raises(ValueError, match="method must be 'tap', 'adaptive' or 'mean_field'"):
        rbm.fixed_points(method="bethe")
    with pytest.raises(ValueError, match="n_starts must be an integer of at least 1"):
        rbm.fixed_points(n_starts=0)
    gaussian = RBM.from_parameters([[0.5]], [0.0], [0.0], visible="gaussian")
    with pytest.raises(ValueError, match="needs Bernoulli units or spins"):
        gaussian.fixed_points()
    frustrated = RBM.from_parameters(50 * np.eye(2), [0.0, 0.0], [0.0, 0.0])
    with pytest.raises(ValueError, match="did not settle"):
        frustrated.fixed_points(random_state=0)


def long_marginals(rbm):
    states = rbm._model().visible.states(rbm.n_features_in_, np.arange(2**rbm.n_features_in_))
    return np.exp(rbm.score_samples(states)) @ states


@pytest.mark.parametrize("temperature", [1.0, 1.7])
@pytest.mark.parametrize(
    ("visible", "hidden"),
    [("bernoulli", "bernoulli"), ("spin", "spin"), ("spin", "bernoulli"), ("bernoulli", "spin")],
)
def test_adaptive_tap_has_the_marginals_and_ln_z_of_small_machines(visible, hidden, temperature):
    rng = np.random.default_rng(0)
    scale = 0.25 if visible == hidden == "spin" else 0.6
    rbm = RBM.from_parameters(
        scale * rng.normal(size=(5, 8)),
        0.3 * rng.normal(size=8),
        0.3 * rng.normal(size=5),
        visible=visible,
        hidden=hidden,
        temperature=temperature,
    )
    found = rbm.fixed_points(n_starts=5, method="adaptive", random_state=0)
    assert len(found.free_energy) == 1
    np.testing.assert_allclose(found.visible[0], long_marginals(rbm), atol=0.02)
    assert abs(rbm.tap_log_partition() - rbm.log_partition().value) < 0.05
    naive = rbm.fixed_points(n_starts=5, method="mean_field", random_state=0)
    exact = long_marginals(rbm)
    error = np.abs(found.visible[0] - exact).mean()
    assert error < np.abs(naive.visible[0] - exact).mean()
    # ln Z is exact without couplings
    free = RBM.from_parameters(
        np.zeros((5, 8)), rbm.intercept_visible_, rbm.intercept_hidden_, visible=visible
    )
    assert abs(free.tap_log_partition() - free.log_partition().value) < 1e-6


def test_tap_says_where_its_expansion_fails():
    weights = 0.3 * np.random.default_rng(0).normal(size=(30, 30))
    units = {"visible": "spin", "hidden": "spin"}
    strong = RBM.from_parameters(weights, np.zeros(30), np.zeros(30), **units)
    with pytest.warns(ConvergenceWarning, match=r"expansion in them fails.*'adaptive'"):
        strong.fixed_points(n_starts=20, random_state=0)
    X = load_digits().data / 16
    rbm = RBM(32, max_iter=10, random_state=0).fit(X)
    chains = rbm.sample(500, random_state=0)
    found = rbm.fixed_points(X[:20], n_starts=0, method="adaptive")
    assert np.abs(found.visible[0] - chains.mean(axis=0)).mean() < 0.05
    weak = RBM.from_parameters(0.1 * np.ones((3, 4)), np.zeros(4), np.zeros(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        weak.fixed_points(n_starts=3, random_state=0)


@pytest.mark.parametrize("deviation", [0.5, 1.0, 2.0, 10.0, 1e4])
def test_the_phase_of_saturated_random_machines_is_not_made_up(deviation):
    for seed in range(5):
        weights = np.random.default_rng(seed).normal(0, deviation, (50, 100))
        rbm = RBM.from_parameters(weights, np.zeros(100), np.zeros(50))
        assert rbm.phase().name in ("undecided", "spin-glass-like")


def test_the_phase_of_a_machine_that_has_learned_is_not_a_spin_glass():
    X = make_bars_and_stripes(4)
    rbm = RBM(16, max_iter=1000, random_state=0).fit(X)
    assert len(rbm.fixed_points(X, n_starts=0, method="mean_field").free_energy) > 20
    assert rbm.phase().name in ("ferromagnetic", "undecided")
