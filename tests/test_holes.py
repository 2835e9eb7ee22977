"""Training of an RBM on rows with holes."""

import itertools

import numpy as np
import pytest
from scipy.special import logsumexp

from skebm import RBM
from skebm._energies.bipartite import Bipartite
from skebm._learning.optimizer import State
from skebm._learning.rbm import Parameters, Workspace, epoch
from skebm.units import Bernoulli, Categorical

STATES = np.array(list(itertools.product([0.0, 1.0], repeat=4)))


def machine(seed=0, size=1.5):
    rng = np.random.default_rng(seed)
    weights, visible, hidden = rng.normal(0, size, (3, 4)), rng.normal(0, 0.5, 4), np.zeros(3)
    return RBM.from_parameters(weights, visible - weights.sum(axis=0) / 2, hidden)


def observed_log_likelihood(rbm, X):
    """Mean log-probability of what is known of the rows."""
    log_p = rbm.score_samples(STATES)
    fits = np.isnan(X)[:, np.newaxis] | (X[:, np.newaxis] == STATES)
    return float(np.mean(logsumexp(np.where(fits.all(axis=2), log_p, -np.inf), axis=1)))


def test_holes_are_filled_by_their_conditional_law():
    rbm = machine()
    X = np.array([[1, np.nan, np.nan, 0], [np.nan, 0, np.nan, np.nan], [1, 0, 1, 1]])
    rows, missing = np.repeat(X, 500, axis=0), np.repeat(np.isnan(X), 500, axis=0)
    start = np.where(missing, 0.0, rows)
    fitted = rbm.components_, rbm.intercept_visible_, rbm.intercept_hidden_
    parameters = tuple(array.copy() for array in fitted)
    model = Bipartite(*parameters, Bernoulli(), Bernoulli(), 1.0)
    state = State(parameters, (np.zeros(4), np.zeros(3)), filled=start.copy())
    work = Workspace.allocate(1500, 1500, Parameters(*parameters))
    total = 0.0
    for k in range(60):
        epoch(
            model,
            state,
            start,
            work,
            np.random.default_rng(k),
            rates=[0.0],
            discretize=False,
            shuffle=True,
            rule={"algorithm": "cd", "n_steps": 1, "centered": True},
            regularization={"momentum": 0.0, "l2": 0.0, "l1": 0.0},
            missing=missing,
        )
        total = total + (state.filled if k >= 10 else 0)
    found = (total / 50).reshape(3, 500, 4).mean(axis=1)
    np.testing.assert_allclose(found, rbm.conditional_mean(X), atol=0.02)
    np.testing.assert_array_equal(state.filled[~missing], rows[~missing])


def test_the_likelihood_of_what_is_known_rises():
    truth = machine(1, 4.0)
    rng = np.random.default_rng(0)
    whole = STATES[rng.choice(16, size=3000, p=np.exp(truth.score_samples(STATES)))]
    X = np.where(rng.random(whole.shape) < 0.4, np.nan, whole)
    rbm = RBM(3, missing="draw", max_iter=200, batch_size=50, random_state=0).fit(X)
    mean = np.nanmean(X, axis=0)
    filled = np.where(np.isnan(X), (rng.random(X.shape) < mean).astype(float), X)
    naive = RBM(3, max_iter=200, batch_size=50, random_state=0).fit(filled)
    scores = [observed_log_likelihood(m, X) for m in (truth, rbm, naive)]
    assert scores[1] > scores[0] - 0.004
    assert scores[2] < scores[0] - 0.01
    # marginals of pairs, which filling independently would dilute
    p, q = (np.exp(m.score_samples(STATES)) for m in (truth, rbm))
    np.testing.assert_allclose(q @ STATES, p @ STATES, atol=0.03)
    np.testing.assert_allclose(STATES.T * q @ STATES, STATES.T * p @ STATES, atol=0.04)


def test_complete_rows_train_exactly_as_without():
    X = STATES[np.random.default_rng(0).integers(16, size=200)]
    plain = RBM(3, max_iter=3, random_state=0).fit(X)
    other = RBM(3, max_iter=3, missing="draw", random_state=0).fit(X)
    np.testing.assert_array_equal(plain.components_, other.components_)


@pytest.mark.parametrize(
    ("visible", "algorithm"),
    [
        ("bernoulli", "pcd"),
        ("bernoulli", "tempering"),
        ("spin", "cd"),
        ("gaussian", "pcd"),
        ("poisson", "pcd"),
        (Categorical(2), "auto"),
    ],
)
def test_every_unit_type_resumes_and_streams(visible, algorithm):
    rng = np.random.default_rng(0)
    X = {
        "spin": rng.choice([-1.0, 1.0], (90, 6)),
        "gaussian": rng.normal(size=(90, 6)),
        "poisson": rng.poisson(2.0, (90, 6)).astype(float),
        "bernoulli": rng.random((90, 6)),  # grey, drawn at every visit
    }.get(visible)
    if X is None:
        X = np.eye(2)[rng.integers(2, size=(90, 3))].reshape(90, 6)
        gone = np.repeat(rng.random((90, 3)) < 0.3, 2, axis=1)
    else:
        gone = rng.random(X.shape) < 0.3
    X = np.where(gone, np.nan, X)
    before = X.copy()
    options = {
        "visible": visible,
        "algorithm": algorithm,
        "missing": "draw",
        "learning_rate": 0.05,
        "random_state": 0,
    }
    whole = RBM(4, max_iter=6, learning_rate_schedule="constant", **options).fit(X)
    parts = RBM(4, max_iter=2, learning_rate_schedule="constant", warm_start=True, **options).fit(X)
    parts.set_params(max_iter=6).fit(X)
    np.testing.assert_array_equal(whole.components_, parts.components_)
    np.testing.assert_array_equal(X, before)
    assert np.isfinite(whole.components_).all()
    assert "_holes_" not in vars(whole)
    streamed = RBM(4, **options)
    for part in np.array_split(X, 3):
        streamed.partial_fit(part)
    assert np.isfinite(streamed.components_).all()


def test_bad_holes_are_refused():
    X = STATES[np.random.default_rng(0).integers(16, size=50)]
    holes = np.where(np.random.default_rng(1).random(X.shape) < 0.2, np.nan, X)
    with pytest.raises(ValueError, match="contains NaN"):
        RBM().fit(holes)
    with pytest.raises(ValueError, match="watches complete rows"):
        RBM(missing="draw", early_stopping=True).fit(holes)
    empty = holes.copy()
    empty[:, 2] = np.nan
    with pytest.raises(ValueError, match="Column 2 has no value at all"):
        RBM(missing="draw").fit(empty)
    group = np.eye(2)[[0, 1, 0]]
    group[1, 0] = np.nan
    with pytest.raises(ValueError, match="Columns 0 to 1 are one"):
        RBM(2, visible=Categorical(2), missing="draw").fit(group)
    rbm = RBM(2, missing="draw", max_iter=2, random_state=0).fit(holes)
    with pytest.raises(ValueError, match="contains NaN"):
        rbm.transform(holes)
    infinite = holes.copy()
    infinite[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        rbm.fit(infinite)
    assert rbm.transform(X).shape == (50, 2)
