import itertools

import numpy as np
import pytest
from scipy.special import softmax

from skebm import RBM, BoltzmannMachine, HopfieldMemory, ModernHopfieldMemory
from skebm.datasets import make_ising_grid, make_patterns
from skebm.theory import ising_torus

rng = np.random.default_rng(0)
PATTERNS = rng.choice([-1.0, 1.0], (3, 7))
COUPLING = np.triu(rng.normal(0, 0.5, (7, 7)), 1)
MODELS = {
    "HopfieldMemory": HopfieldMemory(temperature=0.7).fit(PATTERNS),
    "dense": ModernHopfieldMemory("polynomial", degree=3, temperature=0.7).fit(PATTERNS),
    "BoltzmannMachine": BoltzmannMachine.from_coupling(
        COUPLING + COUPLING.T, rng.normal(0, 0.3, 7), temperature=0.7
    ),
    "RBM": RBM.from_parameters(
        rng.normal(0, 1, (2, 7)),
        rng.normal(0, 0.3, 7),
        rng.normal(0, 0.3, 2),
        visible="spin",
        temperature=0.7,
    ),
}
STATES = np.array(list(itertools.product([-1.0, 1.0], repeat=7)))


def energy(model, states, temperature):
    """Energy whose Boltzmann weights at a temperature are those of the states."""
    if isinstance(model, RBM):
        return RBM.from_parameters(
            model.components_,
            model.intercept_visible_,
            model.intercept_hidden_,
            visible="spin",
            temperature=temperature,
        ).free_energy(states)
    return model.energy(states)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("temperature", [None, 1.3])
def test_states_come_with_their_probabilities(name, temperature):
    model = MODELS[name]
    path = model.trajectory(
        n_samples=500, n_sweeps=130, temperature=temperature, every=10, random_state=0
    )
    assert len(path) == 13
    numbers = np.concatenate(
        [(states > 0) @ 2 ** np.arange(7)[::-1] for states in itertools.islice(path, 3, None)]
    )
    share = np.bincount(numbers, minlength=128) / len(numbers)
    temperature = temperature or 0.7
    expected = softmax(-energy(model, STATES, temperature) / temperature)
    # 5000 states of chains, a little dependent: a distance that chance reaches
    distance = np.abs(share - expected).sum() / 2
    assert distance < 1.5 * np.sqrt(expected * (1 - expected) / len(numbers)).sum() / 2


@pytest.mark.parametrize("name", MODELS)
def test_paths_start_where_they_are_told_and_hold_what_is_given(name):
    model = MODELS[name]
    start, given = PATTERNS[:2], PATTERNS[:2].copy()
    cold = model.trajectory(start, n_samples=2, n_sweeps=3, temperature=1e-5, random_state=0)
    records = list(cold)
    assert [rows.shape for rows in records] == [(4, 7)] * 3
    np.testing.assert_array_equal(records, list(cold))  # gone through again
    if name in ("HopfieldMemory", "dense"):
        stays = model.trajectory(model.transform(start), n_sweeps=2, temperature=0, random_state=0)
        np.testing.assert_array_equal(list(stays)[-1], model.transform(start))
    given[:, ::2] = np.nan
    path = model.trajectory(given=given, n_samples=3, n_sweeps=5, random_state=0)
    for states in path:
        np.testing.assert_array_equal(states[:, 1::2], np.repeat(PATTERNS[:2, 1::2], 3, axis=0))
    assert len({states.tobytes() for states in path}) > 1
    schedule = np.linspace(3, 0.5, 8)
    assert len(model.trajectory(temperature=schedule, every=3)) == 2
    single = model.trajectory(start, temperature=schedule, every=8, random_state=1)
    np.testing.assert_array_equal(
        next(iter(single)),
        list(model.trajectory(start, temperature=schedule, random_state=1))[-1],
    )


@pytest.mark.parametrize("name", MODELS)
def test_bad_arguments_are_refused_at_once(name):
    model = MODELS[name]
    for arguments, message in (
        ({"n_sweeps": 0}, "n_sweeps"),
        ({"every": 0}, "every"),
        ({"every": 101}, "every=101"),
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": []}, "temperature"),
        ({"n_samples": 0}, "n_samples"),
        ({"X": PATTERNS, "given": PATTERNS[:1]}, "same number of rows"),
    ):
        with pytest.raises(ValueError, match=message):
            model.trajectory(**arguments)


def test_continuous_memories_have_no_sweeps():
    with pytest.raises(AttributeError, match="interaction='softmax'"):
        ModernHopfieldMemory().fit(PATTERNS).trajectory()


def test_overlap_with_a_cue_at_half_the_critical_temperature():
    patterns = make_patterns(3, 3001, random_state=0)
    memory = HopfieldMemory().fit(patterns)
    path = memory.trajectory(patterns, n_sweeps=60, temperature=0.5, random_state=0)
    overlaps = [memory.overlaps(states).diagonal() for states in path][20:]
    # m = tanh(m / T), up to the load of .001
    assert np.mean(overlaps) == pytest.approx(0.9575, abs=0.004)


def test_hidden_units_of_a_boltzmann_machine_take_part():
    coupling = np.array([[0, 0, 2.0], [0, 0, -2.0], [2.0, -2.0, 0]])
    machine = BoltzmannMachine.from_coupling(coupling, n_components=1)
    path = machine.trajectory([[1, -1]], n_samples=50, n_sweeps=20, random_state=0)
    for states in path:
        assert states.shape == (50, 3)
    assert (states[:, 2] * states[:, 0]).mean() > 0.8
    whole = machine.trajectory([[1, -1, 1]], n_sweeps=2, temperature=1e-3, random_state=0)
    np.testing.assert_array_equal(list(whole)[-1], [[1, -1, 1]])
    with pytest.raises(ValueError, match="3 units, 2 of them"):
        machine.trajectory(np.ones((1, 4)))


@pytest.mark.parametrize("temperature", [1.8, 2.269, 3.0])
def test_an_ising_grid_has_its_exact_energy(temperature):
    grid = BoltzmannMachine.from_coupling(make_ising_grid(5))
    path = grid.trajectory(
        n_samples=200, n_sweeps=600, every=3, temperature=temperature, random_state=0
    )
    energies = np.array([grid.energy(states) for states in itertools.islice(path, 50, None)])
    means = energies.mean(axis=0)  # chains are independent
    exact = ising_torus((5, 5), temperature).energy
    assert abs(means.mean() - exact) < 4 * means.std() / np.sqrt(len(means))
