import matplotlib

from skebm import ModernHopfieldMemory

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skebm import HopfieldMemory, theory
from skebm.datasets import corrupt, make_patterns
from skebm.inspection import (
    DenseCapacityDisplay,
    EnergyLandscapeDisplay,
    EnergyTraceDisplay,
    PhaseDiagramDisplay,
    RecallCurveDisplay,
    RecalledImagesDisplay,
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def drawn(figure):
    """The figure renders, and not to an empty page."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].std() > 5


def test_recall_curve():
    memory = HopfieldMemory()
    display = RecallCurveDisplay.from_estimator(
        memory, loads=[0.05, 0.3], n_features=200, random_state=0
    )
    assert not hasattr(memory, "patterns_")
    assert drawn(display.figure_)
    np.testing.assert_allclose(display.loads, [0.05, 0.3])
    assert display.overlaps[0] > 0.99
    assert display.overlaps[1] < 0.8
    assert display.ax_.get_xlabel() == "load (patterns per unit)"
    assert display.ax_.get_ylabel() == "overlap after recall"
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["theory, Hebb's rule", r"$\alpha_c = 0.138$", "hebb, 200 units"]
    # a second rule on the same axes repeats neither theory nor figure
    other = RecallCurveDisplay.from_estimator(
        HopfieldMemory("storkey"), loads=[0.1], n_features=101, random_state=0, ax=display.ax_
    )
    assert other.figure_ is display.figure_
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    before = ["theory, Hebb's rule", r"$\alpha_c = 0.138$", "hebb, 200 units"]
    assert labels == [*before, "storkey, 101 units"]


@pytest.mark.slow
def test_phase_diagram():
    display = PhaseDiagramDisplay.from_theory(n_points=6)
    assert drawn(display.figure_)
    assert display.ax_.get_xlabel() == "load (patterns per unit)"
    assert display.ax_.get_ylabel() == "temperature"
    assert display.critical_loads[0] == theory.critical_load()
    assert display.critical_loads[-1] == 0
    assert (np.diff(display.ground_state) < 0).all()
    fig, ax = plt.subplots()
    assert display.plot(ax=ax).figure_ is fig


def test_energy_trace_goes_down_to_that_of_the_recalled_rows():
    patterns = make_patterns(5, 101, random_state=0)
    memory = HopfieldMemory().fit(patterns)
    cues = corrupt(patterns, flip=0.3, random_state=0)
    display = EnergyTraceDisplay.from_estimator(memory, cues)
    assert drawn(display.figure_)
    assert display.ax_.get_ylabel() == "energy"
    assert (np.diff(display.energies) <= 0).all()
    np.testing.assert_allclose(display.energies[:, 0], memory.energy(cues))
    np.testing.assert_allclose(display.energies[:, -1], memory.energy(memory.transform(cues)))
    assert len(display.ax_.lines) == 5
    with pytest.raises(NotFittedError):
        EnergyTraceDisplay.from_estimator(HopfieldMemory(), cues)


def test_recalled_images():
    patterns = make_patterns(3, 35, random_state=0)
    memory = HopfieldMemory("pseudo_inverse").fit(patterns)
    cues = corrupt(patterns, flip=0.1, random_state=0)
    display = RecalledImagesDisplay.from_estimator(memory, cues, shape=(5, 7), targets=patterns)
    assert drawn(display.figure_)
    assert list(display.images) == ["cue", "during", "recalled", "stored"]
    assert [ax.get_ylabel() for ax in display.axes_[:, 0]] == list(display.images)
    np.testing.assert_array_equal(display.images["cue"], cues)
    np.testing.assert_array_equal(display.images["during"][:, 18:], cues[:, 18:])
    np.testing.assert_array_equal(display.images["recalled"], patterns)
    with pytest.raises(ValueError, match=r"shape=\(5, 8\).*35 features"):
        RecalledImagesDisplay.from_estimator(memory, cues, shape=(5, 8))


@pytest.mark.parametrize("interaction", ["softmax", "entmax", "exponential", "polynomial"])
def test_displays_of_modern_memories(interaction):
    patterns = make_patterns(3, 35, random_state=0)
    cues = corrupt(patterns, flip=0.1, random_state=0)
    memory = ModernHopfieldMemory(interaction).fit(patterns)
    display = RecalledImagesDisplay.from_estimator(memory, cues, shape=(5, 7), targets=patterns)
    assert drawn(display.figure_)
    np.testing.assert_allclose(display.images["recalled"], memory.transform(cues))
    trace = EnergyTraceDisplay.from_estimator(memory, cues)
    assert (np.diff(trace.energies) <= 1e-9).all()
    np.testing.assert_allclose(trace.energies[:, 0], memory.energy(cues))
    np.testing.assert_allclose(
        trace.energies[:, -1], memory.energy(memory.transform(cues)), atol=1e-6
    )
    curve = RecallCurveDisplay.from_estimator(memory, loads=[0.05], n_features=50, random_state=0)
    labels = [text.get_text() for text in curve.ax_.get_legend().get_texts()]
    assert labels == [f"{interaction}, 50 units"]
    assert curve.overlaps[0] > 0.99


def test_uniform_images_are_drawn_as_dark_as_they_are():
    patterns = np.array([[1.0, 1, 1, 1], [0, 0, 0, 0], [1, 0, 0, 1]])
    memory = HopfieldMemory("pseudo_inverse").fit(patterns)
    display = RecalledImagesDisplay.from_estimator(memory, patterns, shape=(2, 2))
    images = [ax.images[0] for ax in display.axes_.ravel()]
    assert len({image.get_clim() for image in images}) == 1
    on, off = (image.norm(image.get_array()).mean() for image in images[:2])
    assert (on, off) == (1, 0)


def test_arguments_reach_the_artists_and_patterns_are_marked():
    patterns = make_patterns(3, 50, random_state=0)
    memory = HopfieldMemory().fit(patterns)
    _, axes = plt.subplots(2, 2)
    trace = EnergyTraceDisplay.from_estimator(memory, corrupt(patterns), ax=axes[0, 0], lw=3)
    assert [line.get_linewidth() for line in trace.ax_.lines] == [3, 3, 3]
    assert len({line.get_color() for line in trace.ax_.lines}) == 3
    np.testing.assert_allclose(trace.stored, memory.energy(patterns))
    names = [text.get_text() for text in trace.ax_.get_legend().get_texts()]
    assert names == ["cue 0", "cue 1", "cue 2", "stored patterns"]
    landscape = EnergyLandscapeDisplay.from_estimator(
        memory, n_points=11, ax=axes[0, 1], cmap="Greys", levels=5
    )
    marks = [line.get_xydata()[0].tolist() for line in landscape.ax_.lines]
    assert marks == [[1, 0], [0, 1], [-1, 0], [0, -1]]
    curve = RecallCurveDisplay.from_estimator(
        HopfieldMemory(), loads=[0.05], n_features=100, ax=axes[1, 0], color="r", random_state=0
    )
    assert curve.ax_.lines[0].get_color() == "r"
    phases = PhaseDiagramDisplay.from_theory(n_points=6, ax=axes[1, 1], lw=4)
    assert {line.get_linewidth() for line in phases.ax_.lines} == {4}
    figure = plt.figure()
    part = figure.subfigures(1, 2)[1]
    images = RecalledImagesDisplay.from_estimator(
        memory, patterns, shape=(5, 10), figure=part, cmap="Blues"
    )
    assert images.figure_ is part
    assert images.axes_[0, 0].images[0].get_cmap().name == "Blues"


@pytest.mark.parametrize("interaction", ["polynomial", "rectified_polynomial"])
def test_dense_capacity_follows_theory(interaction):
    memory = ModernHopfieldMemory(interaction, degree=3)
    display = DenseCapacityDisplay.from_estimator(
        memory, n_features=60, n_bits=6000, random_state=0, color="C3"
    )
    expected = np.geomspace(1e-3, 0.2, 8)
    # theory is for many units; errors of .1 % are tails of sums that are not normal yet
    np.testing.assert_allclose(np.log(display.errors[2:] / expected[2:]), 0, atol=0.35)
    assert display.ax_.lines[0].get_color() == "C3"
    with pytest.raises(ValueError, match="interaction='polynomial'"):
        DenseCapacityDisplay.from_estimator(ModernHopfieldMemory())
