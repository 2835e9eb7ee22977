"""Compiled loops of two-state units beside the plain ones, and their numbers."""

import numpy as np
import pytest
from scipy.stats import kstest, norm

from skebm import RBM
from skebm.units import Bernoulli, Spin, _compiled, _two_states

pytestmark = pytest.mark.skipif(_compiled.respond is None, reason="numba is not installed")

UNITS = [Bernoulli(), Spin()]
each_unit = pytest.mark.parametrize("unit", UNITS, ids=repr)
N_ROWS, N_UNITS = 401, 89


def generator(seed):
    return np.random.Generator(np.random.SFC64(seed))


def fields(seed=0, scale=3.0):
    return generator(seed).normal(scale=scale, size=(N_ROWS, N_UNITS)).astype(np.float32)


@pytest.fixture
def calls(monkeypatch):
    """Names of the compiled loops that were called."""
    names = []
    for name in ("respond", "fall_and_draw"):
        function = getattr(_compiled, name)

        def count(*arguments, name=name, function=function):
            names.append(name)
            return function(*arguments)

        monkeypatch.setattr(_compiled, name, count)
    return names


def without_compiled(monkeypatch):
    monkeypatch.setattr(_two_states, "_compiled_for", lambda *arrays: None)


@each_unit
@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("rows", [None, 1, N_ROWS])
def test_means_are_those_of_the_field(unit, share, rows, calls):
    field = fields()
    base = generator(1).normal(size=N_UNITS if rows is None else (rows, N_UNITS)).astype("f4")
    expected = unit.mean(share * field.astype(float) + base, 1.7)
    means, states = np.empty_like(field), np.empty_like(field)
    unit.respond(field, share, base, 1.7, generator(2), means=means, states=states)
    assert calls == ["respond"]
    np.testing.assert_allclose(means, expected, rtol=2e-6, atol=2e-7)
    assert set(np.unique(states)) == set(unit.levels)


@each_unit
@pytest.mark.parametrize("n_last", [1, 7, N_ROWS])
def test_states_are_of_the_last_rows(unit, n_last, calls, monkeypatch):
    field, base = np.zeros((N_ROWS, N_UNITS), np.float32), np.zeros(N_UNITS, np.float32)
    field[-n_last:] = 100
    for _ in range(2):
        means, states = np.empty_like(field), np.empty((n_last, N_UNITS), np.float32)
        unit.respond(field.copy(), 1.0, base, 1.0, generator(0), means=means, states=states)
        assert (states == 1).all()
        assert (means[-n_last:] == 1).all()
        assert (means[:-n_last] == unit.mean(np.zeros(1), 1.0)).all()
        without_compiled(monkeypatch)
    assert calls == ["respond"]


@each_unit
def test_tangents_are_exact_to_rounding_and_never_too_large(unit):
    values = np.concatenate([np.linspace(-12, 12, 40_000), np.geomspace(1e-30, 1, 10_000)])
    field = values.astype(np.float32).reshape(-1, 100)
    means = np.empty_like(field)
    Spin().respond(field, 1.0, np.zeros(100, np.float32), 1.0, None, means=means)
    np.testing.assert_allclose(means, np.tanh(field.astype(float)), rtol=5e-7)
    assert np.abs(means).max() == 1
    assert (means[np.abs(field) >= 9] == np.sign(field[np.abs(field) >= 9])).all()


@each_unit
def test_states_have_the_means(unit, calls):
    field = np.repeat(fields(scale=2.0)[:1], 40_001, axis=0)
    mean = unit.mean(field[0].astype(float), 0.8)
    deviation = np.sqrt(unit.variance(field[0].astype(float), 0.8) / len(field))
    drawn = unit.sample(field, 0.8, generator(3)).mean(axis=0, dtype=float)
    assert calls == ["respond"]
    assert kstest((drawn - mean) / deviation, norm.cdf).pvalue > 0.001
    np.testing.assert_allclose(drawn, mean, atol=5 * deviation.max())


@each_unit
def test_certain_states_stay_certain_and_what_is_none_stays_low(unit):
    field = np.full((2000, N_UNITS), np.inf, np.float32)
    field[:, ::2], field[:, ::3] = -np.inf, np.nan
    states = unit.sample(field, 1.0, generator(0))
    low = unit.low
    np.testing.assert_array_equal(states, np.where(field == np.inf, 1, low))
    field = np.full((2000, N_UNITS), 30, np.float32)
    assert (unit.sample(field, 1.0, generator(0)) == 1).all()


@each_unit
def test_rises_are_those_of_the_cumulants(unit, calls):
    field = fields()
    here, there, temperature = 0.47, 0.51, 1.3
    before, after = (
        unit.cumulant(share * field.astype(float), temperature).sum(axis=1)
        for share in (here, there)
    )
    rise, states = unit.rise_and_sample(field.copy(), here, there, temperature, generator(1))
    assert calls == ["fall_and_draw"]
    assert rise.dtype == np.float64
    np.testing.assert_allclose(rise, after - before, rtol=1e-5)
    expected = unit.sample(there * field, temperature, generator(1))
    # fields within rounding of a threshold may fall on either side of it
    assert (states != expected).sum() <= 1
    field[0, 0], field[1, 1] = np.inf, -np.inf
    rise, _ = unit.rise_and_sample(field, here, there, temperature, generator(1))
    assert np.isinf(rise).nonzero()[0].tolist() == ([0] if unit.low == 0 else [0, 1])


def test_many_units_neither_overflow_nor_underflow():
    field = np.full((20, 3011), 50.0, np.float32)
    rise, _ = Spin().rise_and_sample(field.copy(), 0.0, 1.0, 1.0, generator(0))
    np.testing.assert_allclose(rise, 3011 * (50 - np.log(2)), rtol=1e-6)
    rise, _ = Spin().rise_and_sample(field.copy(), 1.0, 0.0, 1.0, generator(0))
    np.testing.assert_allclose(rise, -3011 * (50 - np.log(2)), rtol=1e-6)


def xoshiro(state, n_words):
    """Words of xoshiro128+, one at a time."""
    a, b, c, d = (int(word) for word in state)
    for _ in range(n_words):
        yield (a + d) % 2**32
        shifted = (b << 9) % 2**32
        c ^= a
        d ^= b
        b ^= c
        a ^= d
        c ^= shifted
        d = (d << 11 | d >> 21) % 2**32


def test_numbers_are_those_of_generators_side_by_side():
    lanes = _compiled.N_LANES
    seeds = generator(5).integers(2**32, size=(4, lanes), dtype=np.uint32)
    streams = [list(xoshiro(seeds[:, lane], 3)) for lane in range(lanes)]
    numbers = np.empty(3 * lanes, np.int32)
    _compiled._fill(numbers, 3 * lanes, seeds.copy())
    np.testing.assert_array_equal(numbers.view(np.uint32).reshape(3, lanes).T, streams)
    # and go on in the next row
    first, both = numbers[:lanes].copy(), seeds.copy()
    _compiled._fill(first, lanes, both)
    _compiled._fill(first, lanes, both)
    np.testing.assert_array_equal(first.view(np.uint32), [stream[1] for stream in streams])


@each_unit
@pytest.mark.parametrize("kind", [np.random.SFC64, np.random.PCG64, np.random.MT19937])
def test_the_generator_decides(unit, kind):
    first, again, other = (
        unit.sample(fields(), 1.0, np.random.Generator(kind(seed))) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    rng = np.random.Generator(kind(0))
    unit.sample(fields(), 1.0, rng)
    assert (first != unit.sample(fields(), 1.0, rng)).any()


@each_unit
@pytest.mark.parametrize(
    "field",
    [
        fields().astype(np.float64),
        np.asfortranarray(fields()),
        fields()[:, :70],
        fields()[:20],
        fields().reshape(-1, 1),
    ],
    ids=["float64", "column-major", "columns", "few", "narrow"],
)
def test_other_arrays_go_the_plain_way(unit, field, calls):
    states = unit.sample(field, 1.0, generator(0))
    assert set(np.unique(states)) <= set(unit.levels)
    assert not calls


def test_what_a_subclass_defines_holds():
    class Off(Bernoulli):
        def sample(self, field, temperature, rng, out=None):
            out = np.empty_like(field) if out is None else out
            out[...] = 0
            return out

    states, field = np.empty((2, N_ROWS, N_UNITS), np.float32)
    field[...] = 5
    Off().respond(field, 1.0, np.zeros(N_UNITS, np.float32), 1.0, generator(0), states=states)
    assert not states.any()


@pytest.mark.parametrize("units", ["bernoulli", "spin"])
@pytest.mark.parametrize("algorithm", ["cd", "pcd"])
def test_machines_learn_as_well_either_way(units, algorithm, calls, monkeypatch):
    monkeypatch.setattr(_two_states, "COMPILED_SIZE", 0)
    monkeypatch.setattr(_two_states, "COMPILED_WIDTH", 1)
    rng = np.random.default_rng(0)
    X = (rng.random((1200, 1)) < 0.5) ^ (rng.random((1200, 67)) < 0.15)
    X = X.astype(np.float32) if units == "bernoulli" else 2 * X.astype(np.float32) - 1
    options = {"visible": units, "hidden": units, "algorithm": algorithm, "n_chains": 600}
    machine = RBM(7, **options, batch_size=600, learning_rate=0.1, max_iter=60, random_state=0)
    compiled = machine.fit(X).score(X)
    assert "respond" in calls
    calls.clear()
    without_compiled(monkeypatch)
    plain = machine.fit(X).score(X)
    assert not calls
    independent = RBM(1, visible=units, max_iter=1, learning_rate=1e-9).fit(X).score(X)
    assert compiled > independent + 5
    assert abs(compiled - plain) < 0.3
