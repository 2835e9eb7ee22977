"""Machines: images of what they hold, their spectra, weights and courses of training."""

from __future__ import annotations

from itertools import cycle
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from .._typing import Seed
from .._validation import check_count
from ..monitors import weights_of
from ._axes import check_shape, grey_range, image_grid, new_axes


class ImagesDisplay:
    """Grid of images: filters of a machine, patterns of a memory, or samples of either.

    Parameters
    ----------
    images : ndarray of shape (n_images, n_features)
        Images, a row each.
    shape : tuple of int
        Height and width of an image.
    kind : str
        What they are.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    """

    def __init__(self, images: ArrayLike, *, shape: tuple, kind: str) -> None:
        self.images = images
        self.shape = shape
        self.kind = kind

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        shape: tuple,
        kind: str = "auto",
        n_images: int = 25,
        n_columns: int | None = None,
        random_state: Seed = None,
        figure: Any = None,
        **image_kwargs,
    ) -> Self:
        """Take images from a fitted estimator, and plot them.

        Parameters
        ----------
        estimator : estimator
            Fitted, on images.
        shape : tuple of int
            Height and width of an image.
        kind : {"auto", "filters", "patterns", "samples"}, default="auto"
            "filters" are weights of the hidden units, those of the largest norm first; "patterns"
            are stored rows; "samples" are drawn. "auto" takes the first of them that it has.
        n_images : int, default=25
            Number of images at most.
        n_columns : int, default=None
            Images side by side; None for a square.
        random_state : int, RandomState, numpy.random.Generator or None, default=None
            Seed of samples.
        figure : matplotlib.figure.Figure or SubFigure, default=None
            What to plot into; None for a new figure.
        **image_kwargs : dict
            Passed on to `matplotlib.axes.Axes.imshow`, cmap for example.

        Returns
        -------
        display : ImagesDisplay
            The display.

        Raises
        ------
        ValueError
            If the estimator has no such images, or they have another number of pixels.
        """
        check_is_fitted(estimator)
        check_count("n_images", n_images, 1)
        has_filters = hasattr(estimator, "components_") or hasattr(estimator, "coupling_")
        if kind == "auto":
            kind = "filters" if has_filters else "patterns"
        if kind == "filters" and has_filters:
            weights = weights_of(estimator)
            order = np.argsort(-np.linalg.norm(weights, axis=1), kind="stable")
            images = weights[order[:n_images]]
        elif kind == "patterns" and hasattr(estimator, "patterns_"):
            images = estimator.patterns_[:n_images]
        elif kind == "samples" and hasattr(estimator, "sample"):
            images = estimator.sample(n_images, random_state=random_state)
        else:
            raise ValueError(
                f"kind={kind!r} is not something that {type(estimator).__name__} has; kinds are "
                "'filters', 'patterns' and 'samples'."
            )
        check_shape(shape, images.shape[1])
        return cls(images, shape=shape, kind=kind).plot(
            n_columns=n_columns, figure=figure, **image_kwargs
        )

    def plot(self, *, n_columns: int | None = None, figure: Any = None, **image_kwargs) -> Self:
        """Plot the images.

        Parameters
        ----------
        n_columns : int, default=None
            Images side by side; None for a square.
        figure : matplotlib.figure.Figure or SubFigure, default=None
            What to plot into; None for a new figure.
        **image_kwargs : dict
            Passed on to `matplotlib.axes.Axes.imshow`, cmap for example.

        Returns
        -------
        display : ImagesDisplay
            The display.
        """
        n_columns = n_columns or int(np.ceil(np.sqrt(len(self.images))))
        starts = range(0, len(self.images), n_columns)
        rows = [self.images[start : start + n_columns] for start in starts]
        options = grey_range(self.images)
        if self.kind == "filters":
            low, high = float(self.images.min()), float(self.images.max())
            size = max(-low, high) or 1.0
            options = {"cmap": "RdBu_r", "vmin": -size, "vmax": size}
        self.figure_, self.axes_, image = image_grid(
            rows, self.shape, figure=figure, **(options | image_kwargs)
        )
        if self.kind == "filters":
            self.figure_.colorbar(image, ax=self.axes_, label="weight", shrink=0.8)
        self.figure_.suptitle(self.kind, fontsize=10)
        return self


class CompletionDisplay:
    """Images, what was given of them, and completions, a column for every image.

    Parameters
    ----------
    images : ndarray of shape (n_rows, n_features)
        Whole images.
    given : ndarray of shape (n_rows, n_features)
        NaN where a pixel was free.
    completions : ndarray of shape (n_rows, n_samples, n_features)
        Samples.
    shape : tuple of int
        Height and width of an image.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    """

    def __init__(
        self, images: ArrayLike, given: ArrayLike, completions: ArrayLike, *, shape: tuple
    ) -> None:
        self.images = images
        self.given = given
        self.completions = completions
        self.shape = shape

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        known: ArrayLike,
        *,
        shape: tuple,
        n_samples: int = 3,
        random_state: Seed = None,
        figure: Any = None,
        **image_kwargs,
    ) -> Self:
        """Complete images from a part of their pixels, and plot them.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `sample`.
        X : array-like of shape (n_rows, n_features)
            Images.
        known : array-like of bool of shape (n_features,)
            Pixels that are given.
        shape : tuple of int
            Height and width of an image.
        n_samples : int, default=3
            Completions of every image.
        random_state : int, RandomState, numpy.random.Generator or None, default=None
            Seed.
        figure : matplotlib.figure.Figure or SubFigure, default=None
            What to plot into; None for a new figure.
        **image_kwargs : dict
            Passed on to `matplotlib.axes.Axes.imshow`, cmap for example.

        Returns
        -------
        display : CompletionDisplay
            The display.
        """
        X = check_array(X)
        check_shape(shape, X.shape[1])
        known = np.asarray(known, dtype=bool)
        if known.shape != (X.shape[1],):
            raise ValueError(
                f"known has the shape {known.shape}, but X has {X.shape[1]} features; give a "
                "boolean for each."
            )
        given = np.where(known, X, np.nan)
        samples = estimator.sample(n_samples, given=given, random_state=random_state)
        completions = samples.reshape(len(X), n_samples, -1)
        return cls(X, given, completions, shape=shape).plot(figure=figure, **image_kwargs)

    def plot(self, *, figure: Any = None, **image_kwargs) -> Self:
        """Plot the images.

        Parameters
        ----------
        figure : matplotlib.figure.Figure or SubFigure, default=None
            What to plot into; None for a new figure.
        **image_kwargs : dict
            Passed on to `matplotlib.axes.Axes.imshow`, cmap for example.

        Returns
        -------
        display : CompletionDisplay
            The display.
        """
        rows = [self.images, self.given, *np.swapaxes(self.completions, 0, 1)]
        labels = ["image", "given", *["completed"] * self.completions.shape[1]]
        options = grey_range(self.images, self.completions)
        self.figure_, self.axes_, _ = image_grid(
            rows, self.shape, labels, figure=figure, **(options | image_kwargs)
        )
        for ax in self.axes_[1]:
            ax.set_facecolor("#f3d9b1")  # what is free, in a colour that no pixel has
        return self


class SingularValuesDisplay:
    """Singular values of the weights against training.

    Parameters
    ----------
    epochs : ndarray of shape (n_records,)
        When they were recorded.
    values : ndarray of shape (n_records, n_values)
        Singular values.
    edge : float, default=None
        Where the bulk of a random matrix ends.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    """

    def __init__(self, epochs: ArrayLike, values: ArrayLike, *, edge: float | None = None) -> None:
        self.epochs = epochs
        self.values = values
        self.edge = edge

    @classmethod
    def from_monitor(
        cls,
        monitor: Any,
        quantity: str = "values",
        *,
        edge: float | None = None,
        ax: Any = None,
        **line_kwargs,
    ) -> Self:
        """Plot what a monitor recorded with `skebm.monitors.singular_values`.

        Parameters
        ----------
        monitor : Monitor
            After training.
        quantity : str, default="values"
            Its name there.
        edge : float, default=None
            Where the bulk of the weights ended before training; see
            `skebm.theory.marchenko_pastur_edge`.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot into; None for new ones.
        **line_kwargs : dict
            Passed on to `matplotlib.axes.Axes.loglog`.

        Returns
        -------
        display : SingularValuesDisplay
            The display.
        """
        data = monitor.data()
        return cls(data["epoch"], data[quantity], edge=edge).plot(ax=ax, **line_kwargs)

    def plot(self, ax: Any = None, *, cmap: Any = "viridis", **line_kwargs) -> Self:
        """Plot a line for every singular value, on logarithmic axes.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to plot into; None for new ones.
        cmap : str or Colormap, default="viridis"
            Colours of the values, the largest first.
        **line_kwargs : dict
            Passed on to `matplotlib.axes.Axes.loglog`.

        Returns
        -------
        display : SingularValuesDisplay
            The display.
        """
        self.ax_ = ax = new_axes(ax)
        self.figure_ = ax.figure
        shades = np.linspace(0, 0.8, self.values.shape[1])
        import matplotlib as mpl

        colors = mpl.colormaps.get_cmap(cmap)(shades)
        for line, color in zip(self.values.T, colors, strict=True):
            ax.loglog(self.epochs, line, **({"color": color, "lw": 0.8} | line_kwargs))
        if self.edge is not None:
            ax.axhline(self.edge, color="k", ls="--", lw=1, label="edge of the random bulk")
            ax.legend()
        ax.set(xlabel="epoch", ylabel="singular value of W / T")
        return self


class WeightHistogramDisplay:
    """Histogram of the weights, beside a normal distribution of the same variance.

    Parameters
    ----------
    weights : ndarray
        All weights.
    label : str
        Name of the histogram.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    """

    def __init__(self, weights: ArrayLike, *, label: str = "weights") -> None:
        self.weights = weights
        self.label = label

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        bins: int = 60,
        label: str = "weights",
        ax: Any = None,
        **hist_kwargs,
    ) -> Self:
        """Plot the weights of a fitted machine.

        Parameters
        ----------
        estimator : RBM or BoltzmannMachine
            The machine.
        bins : int, default=60
            Number of bins.
        label : str, default="weights"
            Name of the histogram.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot into; None for new ones.
        **hist_kwargs : dict
            Passed on to `matplotlib.axes.Axes.hist`.

        Returns
        -------
        display : WeightHistogramDisplay
            The display.
        """
        check_is_fitted(estimator)
        return cls(weights_of(estimator).ravel(), label=label).plot(ax=ax, bins=bins, **hist_kwargs)

    def plot(self, ax: Any = None, *, bins: int = 60, **hist_kwargs) -> Self:
        """Plot the histogram, with a logarithmic density: a normal one is a parabola.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to plot into; None for new ones.
        bins : int, default=60
            Number of bins.
        **hist_kwargs : dict
            Passed on to `matplotlib.axes.Axes.hist`.

        Returns
        -------
        display : WeightHistogramDisplay
            The display.
        """
        self.ax_ = ax = new_axes(ax)
        self.figure_ = ax.figure
        options = {"histtype": "step", "lw": 1.2, "label": self.label} | hist_kwargs
        density, _, _ = ax.hist(self.weights, bins, density=True, **options)
        mean, deviation = self.weights.mean(), self.weights.std()
        x = np.linspace(self.weights.min(), self.weights.max(), 200)
        lowest = 0.5 * density[density > 0].min()
        if deviation > 0:
            curve = norm.pdf(x, mean, deviation)
            ax.plot(x[curve > lowest], curve[curve > lowest], "--", color="0.5", lw=1)
        ax.set(yscale="log", xlabel="weight", ylabel="density")
        ax.set_ylim(bottom=lowest)
        ax.legend()
        return self


class TrainingCurveDisplay:
    """Quantities against the epochs of training.

    Parameters
    ----------
    epochs : ndarray of shape (n_records,)
        When they were recorded.
    curves : dict of str to ndarray of shape (n_records,)
        What was recorded, by its name.
    ylabel : str
        What they are, and its unit.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    """

    def __init__(self, epochs: ArrayLike, curves: dict, *, ylabel: str) -> None:
        self.epochs = epochs
        self.curves = curves
        self.ylabel = ylabel

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None, **line_kwargs) -> Self:
        """Plot what the machine itself remembers: log-likelihoods, else its loss.

        Parameters
        ----------
        estimator : RBM or BoltzmannMachine
            A machine after `fit`.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot into; None for new ones.
        **line_kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : TrainingCurveDisplay
            The display.
        """
        check_is_fitted(estimator)
        epochs, ylabel = estimator.score_epochs_, "mean log-likelihood (nats)"
        curves = {"rows trained on": estimator.train_scores_}
        held_out = getattr(estimator, "validation_scores_", [])
        if len(held_out) == len(epochs):
            curves["rows held out"] = held_out
        if len(epochs) < 2:
            name = getattr(estimator, "_loss_name_", estimator._loss_name)
            curves = {name: estimator.loss_curve_}
            epochs = np.arange(len(estimator.loss_curve_)) + 1
            ylabel = "nats" if "(nats)" in name else "difference of energies"
        curves = {name: np.array(values) for name, values in curves.items()}
        return cls(np.array(epochs), curves, ylabel=ylabel).plot(ax=ax, **line_kwargs)

    @classmethod
    def from_monitor(
        cls,
        monitor: Any,
        quantities: list,
        *,
        ylabel: str = "mean log-likelihood (nats)",
        ax: Any = None,
        **line_kwargs,
    ) -> Self:
        """Plot numbers that a monitor recorded.

        Parameters
        ----------
        monitor : Monitor
            After training.
        quantities : list of str
            Their names there, train and held-out scores say.
        ylabel : str, default="mean log-likelihood (nats)"
            What they are, and its unit.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot into; None for new ones.
        **line_kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : TrainingCurveDisplay
            The display.
        """
        data = monitor.data()
        return cls(data["epoch"], {q: data[q] for q in quantities}, ylabel=ylabel).plot(
            ax=ax, **line_kwargs
        )

    def plot(self, ax: Any = None, **line_kwargs) -> Self:
        """Plot a line for every quantity.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to plot into; None for new ones.
        **line_kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : TrainingCurveDisplay
            The display.
        """
        self.ax_ = ax = new_axes(ax)
        self.figure_ = ax.figure
        # markers tell the lines apart in grey, too
        for (name, values), marker in zip(self.curves.items(), cycle("osv^D"), strict=False):
            options = {"marker": marker, "ms": 3.5, "lw": 1, "label": name} | line_kwargs
            ax.plot(self.epochs, values, **options)
        ax.set(xlabel="epoch", ylabel=self.ylabel)
        ax.legend()
        return self
