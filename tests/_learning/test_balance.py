import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skebm import RBM
from skebm._energies.bipartite import Bipartite
from skebm._learning import balance
from skebm._learning.balance import (
    copied,
    divergence,
    equilibrate,
    look,
    representatives,
    shift,
)
from skebm.units import Bernoulli, Spin

N_UNITS = 47


def two_modes(mass, visible):
    """All units low, or all high with a probability; chains cannot pass."""
    rng = np.random.default_rng(0)
    low, high = visible.low, visible.high
    weights = np.concatenate([np.full((1, N_UNITS), 10 / (high - low)), np.zeros((3, N_UNITS))])
    weights[1:] = 0.1 * rng.normal(size=(3, N_UNITS))
    a = np.full(N_UNITS, -5.0 / (high - low))
    model = Bipartite(weights, a, np.zeros(4), visible, Bernoulli())
    hidden = Bernoulli().states(4, np.arange(16))
    log_weights = model.swapped().log_weight(hidden)
    on = hidden[:, 0] == 1
    gap = np.logaddexp.reduce(log_weights[~on]) - np.logaddexp.reduce(log_weights[on])
    bias = np.array([gap + np.log(mass / (1 - mass)), 0.0, 0.0, 0.0])
    return model.replace(intercept_hidden=bias)


def rows_of(model, share, n_rows, rng):
    start = np.where(rng.random((n_rows, 1)) < share, model.visible.high, model.visible.low)
    return model.sweeps(start * np.ones(N_UNITS), [1.0] * 20, rng)


@pytest.mark.parametrize("visible", [Bernoulli(), Spin()])
@pytest.mark.parametrize(("mass", "share"), [(0.97, 0.1), (1e-6, 0.4), (0.4, 0.4)])
def test_regions_get_their_shares(mass, share, visible):
    rng = np.random.default_rng(1)
    model = two_modes(mass, visible)
    rows = rows_of(model, share, 1000, rng)
    before_weights = model.weights.copy()
    before = look(model, rows, rows[:100], rng, 60, 200)
    found, after = equilibrate(model, before, rows, rng, 60, 200)

    def exact(machine):
        return (machine.log_weight(rows) - machine.exact_log_partition()).mean()

    np.testing.assert_array_equal(model.weights, before_weights)
    np.testing.assert_allclose(before.score, exact(model), atol=0.3)
    np.testing.assert_allclose(after.score, exact(found), atol=0.3)
    present = (rows.mean(axis=1) > 0.5 * (visible.low + visible.high)).mean()
    lost = divergence(np.array([1 - present, present]), np.array([1 - mass, mass]))
    np.testing.assert_allclose(before.lag, lost, atol=0.05 + 0.1 * lost)
    if lost < 0.1:
        assert found is model
    else:
        assert after.lag < 0.1
        # all that the regions had lost comes back, and nothing else is
        np.testing.assert_allclose(exact(found), exact(model) + lost, atol=0.15)


def test_a_shift_follows_the_gradient_of_the_likelihood():
    rng = np.random.default_rng(2)
    model = two_modes(0.9, Bernoulli())
    rows = rows_of(model, 0.2, 500, rng)
    offsets = rows.mean(axis=0), model.mean_hidden(rows).mean(axis=0)
    found = look(model, rows, rows[:100], rng, 60, 200)
    moved = copied(model)
    shift(moved, offsets, *representatives(moved, found.strata, rng), found.shares)
    # by enumeration: the probability of the upper region is the share of the rows
    hidden = Bernoulli().states(4, np.arange(16))
    log_weights = moved.swapped().log_weight(hidden)
    on = np.logaddexp.reduce(log_weights[hidden[:, 0] == 1])
    mass = np.exp(on - np.logaddexp.reduce(log_weights))
    np.testing.assert_allclose(mass, (rows.mean(axis=1) > 0.5).mean(), atol=0.05)


def test_a_step_of_a_shift_is_the_centred_gradient(monkeypatch):
    monkeypatch.setattr(balance, "N_STEPS", 1)
    rng = np.random.default_rng(3)
    weights, a, b = rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=3)
    model = Bipartite(weights, a, b, Bernoulli(), Bernoulli())
    states = (rng.random((40, 5)) < 0.5).astype(float)
    regions, shares = np.repeat([0, 1], 20), np.array([0.7, 0.3])
    mu, nu, log_weights = rng.random(5), rng.random(3), rng.normal(0, 0.1, 40)
    moved = copied(model)
    shift(moved, (mu, nu), states, regions, log_weights, shares)
    parts = np.exp(log_weights)
    parts /= parts.sum()
    masses = np.array([parts[regions == region].sum() for region in (0, 1)])
    steps = [np.zeros_like(weights), np.zeros_like(a), np.zeros_like(b)]
    for v, region, part in zip(states, regions, parts, strict=True):
        h = 1 / (1 + np.exp(-(weights @ v + b)))
        pull = (shares - masses)[region] * part / masses[region]
        weight_step = pull * np.outer(h - nu, v - mu)
        steps[0] += weight_step
        steps[1] += pull * v - nu @ weight_step
        steps[2] += pull * h - weight_step @ mu
    found = moved.weights - weights, moved.intercept_visible - a, moved.intercept_hidden - b
    length = np.abs(found[0]).max() / np.abs(steps[0]).max()
    assert length > 0
    for step, expected in zip(found, steps, strict=True):
        np.testing.assert_allclose(step, length * expected, rtol=1e-6, atol=1e-12)


def test_a_shift_that_does_not_help_is_not_kept(monkeypatch):
    def spoil(model, *arguments):
        model.intercept_visible[...] += 1.0

    rng = np.random.default_rng(4)
    model = two_modes(0.9, Bernoulli())
    rows = rows_of(model, 0.2, 500, rng)
    before = look(model, rows, rows[:100], rng, 60, 200)
    monkeypatch.setattr(balance, "shift", spoil)
    found, after = equilibrate(model, before, rows, rng, 60, 200)
    assert found is model
    assert after is before


def separated(n_rows):
    """Rows of three kinds that differ in all of 60 columns, and one of them is rare."""
    rng = np.random.default_rng(0)
    kinds = rng.random((3, 60)) < 0.5
    rows = kinds[rng.choice(3, n_rows, p=[0.5, 0.45, 0.05])]
    return np.where(rng.random(rows.shape) < 0.03, ~rows, rows).astype(float)


@pytest.mark.parametrize("seed", [0, 1])
def test_fit_mends_the_lag_of_its_chains(seed):
    X = separated(600)
    options = {"n_components": 60, "learning_rate": 0.5, "max_iter": 100, "random_state": seed}
    with pytest.warns(ConvergenceWarning, match=r"nats of likelihood a row; .*algorithm='auto'"):
        lagging = RBM(algorithm="pcd", **options).fit(X)
    mended = RBM(**options).fit(X)
    assert lagging.lag_ > 0.5
    assert mended.lag_ < 0.1
    assert mended.score(X) > lagging.score(X) + 0.5 * lagging.lag_
    # the chains of the mended machine are its samples
    np.testing.assert_allclose(
        mended.inverse_transform(mended.chains_).mean(axis=0), X.mean(0), atol=0.2
    )
    # and training goes on as if nobody had looked
    again = RBM(warm_start=True, learning_rate_schedule="constant", **options)
    again.set_params(max_iter=60).fit(X).set_params(max_iter=100).fit(X)
    whole = RBM(learning_rate_schedule="constant", **options).fit(X)
    np.testing.assert_array_equal(again.components_, whole.components_)


def test_fit_looks_where_that_costs_little():
    X = separated(200)
    assert not hasattr(RBM(20, max_iter=3, random_state=0).fit(X), "lag_")
    assert not hasattr(RBM(20, algorithm="cd", random_state=0).fit(X), "lag_")
    rbm = RBM(20, random_state=0).fit(X)
    assert rbm.lag_ < 0.1
    assert not hasattr(rbm.set_params(max_iter=3).fit(X), "lag_")


def test_score_uses_what_fit_found():
    X = separated(600)
    rbm = RBM(60, random_state=0).fit(X)
    ((name, kept),) = rbm._log_partition_[1]
    assert name[0] == "look"
    np.testing.assert_allclose(rbm.score(X), -rbm.free_energy(X).mean() - kept.value)
    assert [key for key, _ in rbm._log_partition_[1]] == [name]
    longer = rbm.log_partition()
    assert kept.lower < longer.upper
    assert longer.lower < kept.upper
