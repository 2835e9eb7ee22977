import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skebm import RBM, BoltzmannMachine, HopfieldMemory, ModernHopfieldMemory
from skebm.datasets import make_patterns
from skebm.inspection import (
    CompletionDisplay,
    EnergyLandscapeDisplay,
    ImagesDisplay,
    SingularValuesDisplay,
    TrainingCurveDisplay,
    WeightHistogramDisplay,
)
from skebm.monitors import Monitor, singular_values

X = np.random.default_rng(0).integers(0, 2, (41, 6)).astype(float)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def rbm():
    return RBM(4, max_iter=5, random_state=0).fit(X)


@pytest.fixture(scope="module")
def monitor():
    watching = Monitor(values=singular_values, train=lambda m: m.n_iter_, held_out=lambda m: 1.0)
    machine = RBM(4, random_state=0)
    for _ in range(4):
        watching.record(machine.partial_fit(X))
    return watching


def drawn(figure):
    """The figure renders, and not to an empty page."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].std() > 5


def shown(ax):
    return ax.images[0].get_array()


def test_images(rbm):
    filters = ImagesDisplay.from_estimator(rbm, shape=(2, 3), n_images=3)
    assert filters.kind == "filters"
    assert drawn(filters.figure_)
    norms = np.linalg.norm(filters.images, axis=1)
    assert (np.diff(norms) <= 0).all()
    assert norms[0] == np.linalg.norm(rbm.components_, axis=1).max()
    np.testing.assert_array_equal(shown(filters.axes_[0, 0]), filters.images[0].reshape(2, 3))
    samples = ImagesDisplay.from_estimator(
        rbm, shape=(2, 3), kind="samples", n_images=5, n_columns=2, random_state=0
    )
    assert samples.axes_.shape == (3, 2)
    assert not samples.axes_[2, 1].axison
    np.testing.assert_array_equal(samples.images, rbm.sample(5, random_state=0))
    memory = HopfieldMemory().fit(X[:3])
    patterns = ImagesDisplay.from_estimator(memory, shape=(2, 3))
    assert patterns.kind == "patterns"
    np.testing.assert_array_equal(patterns.images, X[:3])
    assert patterns.figure_.get_suptitle() == "patterns"
    machine = BoltzmannMachine(2, algorithm="gibbs", max_iter=1, random_state=0).fit(X)
    assert ImagesDisplay.from_estimator(machine, shape=(2, 3)).images.shape == (2, 6)


def test_images_refuse_what_is_not_there(rbm):
    with pytest.raises(ValueError, match=r"shape=\(2, 2\) does not suit 6 features"):
        ImagesDisplay.from_estimator(rbm, shape=(2, 2))
    with pytest.raises(ValueError, match="kind='patterns' is not something that RBM has"):
        ImagesDisplay.from_estimator(rbm, shape=(2, 3), kind="patterns")
    with pytest.raises(NotFittedError):
        ImagesDisplay.from_estimator(RBM(), shape=(2, 3))


def test_completion(rbm):
    known = np.arange(6) < 2
    display = CompletionDisplay.from_estimator(
        rbm, X[:5], known, shape=(2, 3), n_samples=2, random_state=0
    )
    assert drawn(display.figure_)
    assert display.axes_.shape == (4, 5)
    assert [line[0].get_ylabel() for line in display.axes_] == [
        "image",
        "given",
        "completed",
        "completed",
    ]
    np.testing.assert_array_equal(display.completions[:, :, known][:, 1], X[:5][:, known])
    # column after column: completions belong to the image above them
    expected = rbm.sample(2, given=np.where(known, X[:5], np.nan), random_state=0)
    np.testing.assert_array_equal(shown(display.axes_[3, 4]), expected[9].reshape(2, 3))
    with pytest.raises(ValueError, match=r"known has the shape \(3,\)"):
        CompletionDisplay.from_estimator(rbm, X[:2], known[:3], shape=(2, 3))


def test_singular_values(monitor):
    display = SingularValuesDisplay.from_monitor(monitor, edge=0.5)
    assert drawn(display.figure_)
    assert len(display.ax_.lines) == 4 + 1
    np.testing.assert_array_equal(display.ax_.lines[0].get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(display.ax_.lines[0].get_ydata(), monitor.data()["values"][:, 0])
    assert display.ax_.get_xlabel() == "epoch"
    assert display.ax_.get_ylabel() == "singular value of W / T"


def test_weight_histogram(rbm):
    display = WeightHistogramDisplay.from_estimator(rbm, bins=7, label="trained")
    assert drawn(display.figure_)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("weight", "density")
    assert display.ax_.get_legend().get_texts()[0].get_text() == "trained"
    assert display.weights.size == 24
    figure, ax = plt.subplots()
    assert WeightHistogramDisplay.from_estimator(rbm, ax=ax).figure_ is figure


def test_training_curves(rbm, monitor):
    display = TrainingCurveDisplay.from_monitor(monitor, ["train", "held_out"])
    assert drawn(display.figure_)
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["train", "held_out"]
    np.testing.assert_array_equal(display.ax_.lines[0].get_ydata(), [1, 2, 3, 4])
    assert display.ax_.get_ylabel() == "mean log-likelihood (nats)"
    own = TrainingCurveDisplay.from_estimator(rbm)
    np.testing.assert_array_equal(own.ax_.lines[0].get_ydata(), rbm.loss_curve_)
    assert own.ax_.get_ylabel() == "difference of energies"
    stopped = RBM(4, max_iter=5, early_stopping=True, random_state=0).fit(X)
    display = TrainingCurveDisplay.from_estimator(stopped)
    assert display.ax_.get_ylabel() == "mean log-likelihood (nats)"
    for line, scores in zip(
        display.ax_.lines, (stopped.train_scores_, stopped.validation_scores_), strict=True
    ):
        np.testing.assert_array_equal(line.get_xdata(), stopped.score_epochs_)
        np.testing.assert_array_equal(line.get_ydata(), scores)


def test_energy_landscape_of_spins():
    memory = HopfieldMemory().fit(make_patterns(3, 101, random_state=0))
    display = EnergyLandscapeDisplay.from_estimator(memory, (0, 2), n_points=5)
    assert drawn(display.figure_)
    assert display.ax_.get_xlabel() == "share of pattern 0"
    assert display.ax_.get_ylabel() == "share of pattern 2"
    energies = memory.energy(memory.patterns_)
    # a row for every share of the second pattern
    assert display.energy[2, 4] == pytest.approx(energies[0])
    assert display.energy[4, 2] == pytest.approx(energies[2])
    assert np.isnan(display.energy[0, 0])
    assert display.energy[2, 2] == 0


def test_energy_landscape_of_a_continuous_memory():
    memory = ModernHopfieldMemory(temperature=0.1).fit(np.eye(3))
    display = EnergyLandscapeDisplay.from_estimator(memory, (1, 2), n_points=5)
    assert display.energy[1, 3] == pytest.approx(memory.energy([[0, 1, 0]])[0])
    with pytest.raises(ValueError, match="two numbers from 0 to 2"):
        EnergyLandscapeDisplay.from_estimator(memory, (1, 3))
    dense = ModernHopfieldMemory("polynomial").fit(np.eye(3))
    with pytest.raises(ValueError, match="has an energy of spins only"):
        EnergyLandscapeDisplay.from_estimator(dense)


def test_a_climb_names_what_it_minimised():
    machine = BoltzmannMachine(1, random_state=0).fit([[0, 1], [1, 0], [1, 1.0]])
    display = TrainingCurveDisplay.from_estimator(machine)
    assert list(display.curves) == ["negative log-likelihood, with the penalty (nats)"]
    assert display.ax_.get_ylabel() == "nats"
    machine.set_params(algorithm="gibbs", max_iter=2).fit([[0, 1], [1, 0], [1, 1.0]])
    display = TrainingCurveDisplay.from_estimator(machine)
    assert list(display.curves) == ["energy of data minus chains"]
