"""Heat bath of coupled 0/1 units: against units in plain sequence, and against enumeration."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.stats import chisquare, kstest

from skebm._energies import compiled, coupled
from skebm._energies.coupled import Coupled, arrange, logistic

N_CHAINS = 20_011
ALPHA = 1e-4  # a correct sampler fails this rarely
KINDS = ["numpy", *(["fast"] if compiled.sweep_block else [])]


@pytest.fixture(params=KINDS)
def kind(request, monkeypatch):
    if request.param == "numpy":
        monkeypatch.setattr(compiled, "sweep_block", None)
        monkeypatch.setattr(compiled, "sweep_few", None)
    return request.param


def problem(n_units=5, share=1.0, seed=0):
    rng = np.random.default_rng(seed)
    coupling = np.triu(rng.normal(size=(n_units, n_units)), 1)
    coupling *= rng.random(coupling.shape) < share
    return coupling + coupling.T, rng.normal(size=n_units)


def exact(coupling, intercept):
    states = np.array(list(itertools.product([0.0, 1.0], repeat=len(coupling))))
    weight = np.exp(np.einsum("si,ij,sj->s", states, coupling, states) / 2 + states @ intercept)
    return states, weight / weight.sum()


def fits(samples, states, probability):
    place = 2 ** np.arange(samples.shape[1])[::-1]
    counts = np.bincount((samples @ place).astype(int), minlength=len(states))
    assert counts[probability == 0].sum() == 0
    keep = probability > 0
    return chisquare(counts[keep], len(samples) * probability[keep]).pvalue > ALPHA


def run(model, n_sweeps=30, seed=0, betas=None, **options):
    rng = np.random.default_rng(seed)
    n_units = model.intercept.shape[-1]
    start = (rng.random((N_CHAINS, n_units)) < 0.5).astype(model.intercept.dtype)
    start = options.pop("start", start)
    return model.sweeps(start, betas or [1.0] * n_sweeps, rng, **options)


@settings(max_examples=50, deadline=None)
@given(
    n_units=st.integers(1, 23),
    share=st.floats(0, 1),
    seed=st.integers(0, 10**6),
    large=st.integers(1, 5),
)
def test_an_arrangement_visits_every_unit_once_and_never_coupled_ones_at_once(
    n_units, share, seed, large
):
    coupling, _ = problem(n_units, share, seed)
    before = coupled.LARGE_CLASS
    coupled.LARGE_CLASS = large
    try:
        at_once, in_turn = arrange(coupling)
    finally:
        coupled.LARGE_CLASS = before
    numbers = np.arange(n_units)
    assert sorted(np.concatenate([numbers[in_turn], *(numbers[u] for u in at_once)])) == list(
        numbers
    )
    for units in at_once:
        assert not coupling[units][:, units].any()
        assert len(numbers[units]) >= large


def test_checkerboards_and_sides_are_found():
    side = np.zeros((90, 90))
    side[:50, 50:] = side[50:, :50] = 1
    at_once, in_turn = arrange(side)
    assert at_once == (slice(0, 50), slice(50, 90))
    assert len(in_turn) == 0
    ring = np.roll(np.eye(100), 1, axis=1)
    assert [len(u) for u in arrange(ring + ring.T).at_once] == [50, 50]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_chains", [3, 61, 131])
@pytest.mark.parametrize("share", [1.0, 0.05])
def test_blocks_give_what_units_in_plain_sequence_give(dtype, n_chains, share, kind):
    rng = np.random.default_rng(0)
    coupling, intercept = problem(163, share)
    # multiples of a power of 2, so that sums are exact in any order
    coupling, intercept = (np.rint(a * 16).astype(dtype) / 16 for a in (coupling, intercept))
    model = Coupled(coupling, intercept).arranged()
    start = (rng.random((n_chains, 163)) < 0.5).astype(dtype)
    held = rng.random(start.shape) < 0.1
    result = model.sweeps(start, [0.5, 1.0], np.random.default_rng(1), held)

    order = [np.arange(163)[units] for units in (*model.arrangement.at_once,)]
    order = np.concatenate([*order, np.arange(163)[model.arrangement.in_turn]])
    expected, rng = start.copy(), np.random.default_rng(1)
    for beta, draw in zip((0.5, 1.0), logistic(rng, (2, 163, n_chains), dtype), strict=True):
        thresholds = draw.T * dtype(1 / beta) - intercept
        for i in order:
            new = expected @ coupling[i] > thresholds[:, i]
            expected[:, i] = np.where(held[:, i], start[:, i], new)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logistic_numbers(dtype):
    numbers = logistic(np.random.default_rng(0), (211, 97), dtype)
    assert numbers.dtype == dtype
    assert np.isfinite(numbers).all()
    assert kstest(numbers.ravel(), "logistic").pvalue > ALPHA


@pytest.mark.parametrize("large", [2, 32])
@pytest.mark.parametrize("share", [1.0, 0.4])
def test_samples_follow_the_exact_distribution(share, large, kind, monkeypatch):
    monkeypatch.setattr(coupled, "LARGE_CLASS", large)
    coupling, intercept = problem(5, share)
    model = Coupled(coupling, intercept).arranged()
    assert fits(run(model), *exact(coupling, intercept))


def test_sparse_couplings_give_the_same_law(monkeypatch):
    monkeypatch.setattr(coupled, "SPARSE_UNITS", 2)
    monkeypatch.setattr(coupled, "SPARSE_SHARE", 1.0)
    coupling, intercept = problem(5, 0.5)
    model = Coupled(coupling, intercept).arranged()
    assert sparse.issparse(model.coupling)
    states, probability = exact(coupling, intercept)
    assert fits(run(model), states, probability)
    np.testing.assert_allclose(
        np.exp(model.log_weight(states)) / np.exp(model.log_weight(states)).sum(), probability
    )


def test_held_units_stay_and_the_others_follow_the_conditional_law(kind):
    coupling, intercept = problem(5)
    model = Coupled(coupling, intercept).arranged()
    states, probability = exact(coupling, intercept)
    held = np.array([False, True, False, False, True])
    start = np.tile(np.array([0.0, 1.0, 1.0, 0.0, 0.0]), (N_CHAINS, 1))
    keep = (states[:, held] == start[0, held]).all(axis=1)
    conditional = np.where(keep, probability, 0)
    samples = run(model, start=start, held=np.tile(held, (N_CHAINS, 1)))
    assert fits(samples, states, conditional / conditional.sum())


def test_a_bias_of_its_own_for_every_row():
    coupling, intercept = problem(3)
    shift = np.where(np.arange(N_CHAINS) % 2, 0.7, -0.9)[:, np.newaxis]
    samples = run(Coupled(coupling, intercept + shift).arranged())
    for k, value in enumerate([-0.9, 0.7]):
        assert fits(samples[k::2], *exact(coupling, intercept + value))


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_positions_between_free_units_and_the_model(beta):
    coupling, intercept = problem(4)
    base = np.array([0.5, -1.0, 0.2, 0.0])
    model = Coupled(coupling, intercept, 0.37, base).arranged()
    states, probability = exact(beta * coupling, beta * intercept + (1 - beta) * base)
    samples = run(model, betas=[beta] * 30)
    assert fits(samples, states, probability)
    log_weight = model.log_weight(states, beta)
    np.testing.assert_allclose(np.exp(log_weight) / np.exp(log_weight).sum(), probability)
    rows = np.full((len(states), 1), beta)
    np.testing.assert_allclose(model.log_weight(states, rows), log_weight)
    assert fits(run(model, betas=[np.full((N_CHAINS, 1), beta)] * 30), states, probability)


def test_chains_at_different_positions_have_laws_of_their_own(kind):
    coupling, intercept = problem(4)
    beta = np.where(np.arange(N_CHAINS) % 2, 1.4, 0.2)[:, np.newaxis]
    samples = run(Coupled(coupling, intercept).arranged(), betas=[beta] * 30)
    for k, value in enumerate([0.2, 1.4]):
        assert fits(samples[k::2], *exact(value * coupling, value * intercept))


def test_free_units_to_start_from():
    coupling, intercept = problem(3)
    base = np.array([0.5, -1.0, 0.2])
    model = Coupled(coupling, intercept, base=base)
    states, log_partition = model.independent(N_CHAINS, np.random.default_rng(0))
    all_states, probability = exact(0 * coupling, base)
    assert fits(states, all_states, probability)
    np.testing.assert_allclose(log_partition, np.log(np.exp(all_states @ base).sum()))
