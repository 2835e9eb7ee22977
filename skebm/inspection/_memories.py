"""Memories: recall curves, phase diagrams, energies, recalled images."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from .. import theory
from .._hopfield import HopfieldMemory
from .._typing import Seed
from .._validation import as_generator, as_spins, check_count
from ..datasets import make_patterns
from ..theory._hopfield import ground_state_line
from ._axes import check_shape, grey_range, image_grid, new_axes

# cues that have a colour and a name each
FEW_CUES = 8


class RecallCurveDisplay:
    """Overlap of recalled with stored random patterns against the load, and the theory of it.

    Parameters
    ----------
    loads : ndarray of shape (n_loads,)
        Patterns per unit.
    overlaps, errors : ndarray of shape (n_loads,)
        Mean overlap over the patterns, and its standard error.
    label : str
        Name of the curve.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.

    See Also
    --------
    skebm.theory.retrieval_state : The dashed line.
    """

    def __init__(
        self, loads: ArrayLike, overlaps: ArrayLike, errors: ArrayLike, *, label: str = "simulation"
    ) -> None:
        self.loads = loads
        self.overlaps = overlaps
        self.errors = errors
        self.label = label

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        loads: ArrayLike | None = None,
        n_features: int = 500,
        n_rows: int = 100,
        random_state: Seed = None,
        ax: Any = None,
        **errorbar_kwargs,
    ) -> Self:
        """Store random patterns at every load, start recall at them, and plot where it ends.

        Parameters
        ----------
        estimator : HopfieldMemory or ModernHopfieldMemory
            Its parameters are used; it is cloned and not changed.
        loads : array-like of shape (n_loads,), default=None
            Patterns per unit; None for 12 values from 0.02 to 0.24.
        n_features : int, default=500
            Units of the memories.
        n_rows : int, default=100
            Patterns to recall at every load, at most.
        random_state : int, RandomState, numpy.random.Generator or None, default=None
            Seed.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot into; None for new ones.
        **errorbar_kwargs : dict
            Passed on to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        display : RecallCurveDisplay
            The display.
        """
        check_count("n_features", n_features, 2)
        check_count("n_rows", n_rows, 1)
        loads = np.linspace(0.02, 0.24, 12) if loads is None else np.asarray(loads, float)
        rng = as_generator(random_state)
        numbers = np.maximum(np.rint(loads * n_features).astype(int), 1)
        found = []
        for number in numbers:
            patterns = make_patterns(number, n_features, random_state=rng)
            rows = patterns[:n_rows]
            recalled = np.asarray(clone(estimator).fit(patterns).transform(rows))
            aligned = (as_spins(recalled, 0.0) * rows).mean(axis=1)
            found.append((aligned.mean(), aligned.std() / np.sqrt(len(rows))))
        overlaps, errors = np.array(found).T
        is_classic = isinstance(estimator, HopfieldMemory)
        kind = estimator.learning_rule if is_classic else estimator.interaction
        display = cls(numbers / n_features, overlaps, errors, label=f"{kind}, {n_features} units")
        return display.plot(ax=ax, theory_line=is_classic, **errorbar_kwargs)

    def plot(self, ax: Any = None, *, theory_line: bool = True, **errorbar_kwargs) -> Self:
        """Plot the curve.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to plot into; None for new ones.
        theory_line : bool, default=True
            Whether to add what theory says about Hebb's rule to new axes.
        **errorbar_kwargs : dict
            Passed on to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        display : RecallCurveDisplay
            The display.
        """
        self.ax_ = ax = new_axes(ax)
        self.figure_ = ax.figure
        first = not ax.lines
        options = {"fmt": "o", "ms": 4, "label": self.label} | errorbar_kwargs
        ax.errorbar(self.loads, self.overlaps, self.errors, **options)
        if first and theory_line:
            highest = theory.critical_load()
            loads = np.linspace(1e-3, highest - 1e-9, 100)
            line = [theory.retrieval_state(load).overlap for load in loads]
            ax.plot(loads, line, "k--", lw=1, label="theory, Hebb's rule")
            ax.axvline(highest, color="0.6", lw=1, ls=":", label=rf"$\alpha_c = {highest:.3f}$")
        ax.set(xlabel="load (patterns per unit)", ylabel="overlap after recall", ylim=(0, 1.04))
        ax.legend(loc="lower left")
        return self


class PhaseDiagramDisplay:
    """Phases of the memory in the plane of load and temperature, in replica symmetry.

    Parameters
    ----------
    temperatures, critical_loads : ndarray of shape (n_temperatures,)
        Line of retrieval: the largest load at which there are retrieval states.
    loads, ground_state : ndarray of shape (n_loads,)
        Line below which they have the lowest free energy.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.

    See Also
    --------
    skebm.theory.phase_boundaries : The same lines at given loads.
    """

    def __init__(
        self,
        temperatures: ArrayLike,
        critical_loads: ArrayLike,
        loads: ArrayLike,
        ground_state: ArrayLike,
    ) -> None:
        self.temperatures = temperatures
        self.critical_loads = critical_loads
        self.loads = loads
        self.ground_state = ground_state

    @classmethod
    def from_theory(cls, *, n_points: int = 20, ax: Any = None, **line_kwargs) -> Self:
        """Compute and plot the phase diagram.

        Parameters
        ----------
        n_points : int, default=20
            Points of the line of retrieval; half as many of the other.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot into; None for new ones.
        **line_kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`, for all lines.

        Returns
        -------
        display : PhaseDiagramDisplay
            The display.
        """
        check_count("n_points", n_points, 6)
        temperatures = np.linspace(0, 1, n_points)
        critical_loads = np.array([theory.critical_load(t) for t in temperatures])
        # dense at both ends, where the line is steep
        loads = 0.0518 * np.sin(np.linspace(0.12, np.pi / 2, max(n_points // 2, 5))) ** 2
        ground_state = np.array([ground_state_line(float(load)) for load in loads])
        return cls(temperatures, critical_loads, loads, ground_state).plot(ax=ax, **line_kwargs)

    def plot(self, ax: Any = None, **line_kwargs) -> Self:
        """Plot the lines, and name the phases.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to plot into; None for new ones.
        **line_kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`, for all lines.

        Returns
        -------
        display : PhaseDiagramDisplay
            The display.
        """
        self.ax_ = ax = new_axes(ax)
        self.figure_ = ax.figure
        wide = np.linspace(0, 0.16, 50)
        loads = np.concatenate([[0], self.loads, [0.05185]])
        line = np.concatenate([[1], self.ground_state, [0]])
        lines = (
            (wide, 1 + np.sqrt(wide), {"color": "C0", "label": r"$T_g$: spin glass"}),
            (
                self.critical_loads,
                self.temperatures,
                {"color": "C1", "label": r"$T_M$: retrieval"},
            ),
            (loads, line, {"color": "C2", "ls": "--", "label": r"$T_c$: ground state"}),
        )
        for x, y, options in lines:
            ax.plot(x, y, **(options | line_kwargs))
        ax.fill_betweenx(self.temperatures, self.critical_loads, color="C1", alpha=0.12, lw=0)
        ax.fill_between(loads, line, color="C2", alpha=0.15, lw=0)
        ax.text(0.004, 0.12, "patterns are\nground states", fontsize=8)
        ax.text(0.063, 0.1, "patterns are\nmetastable", fontsize=8)
        ax.text(0.035, 0.88, "spin glass", fontsize=8)
        ax.text(0.02, 1.32, "paramagnet", fontsize=8)
        ax.set(
            xlabel="load (patterns per unit)", ylabel="temperature", xlim=(0, 0.16), ylim=(0, 1.5)
        )
        ax.legend(fontsize=8, loc="center right")
        return self


class EnergyTraceDisplay:
    """Energy along the recall of some cues.

    Parameters
    ----------
    sweeps : ndarray of shape (n_steps,)
        Position in the recall, in sweeps over all units.
    energies : ndarray of shape (n_rows, n_steps)
        Energy of every row.
    xlabel : str, default="sweeps"
        What positions count.
    stored : ndarray of shape (n_patterns,), default=None
        Energies of stored patterns, to mark where they lie.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    """

    def __init__(
        self,
        sweeps: ArrayLike,
        energies: ArrayLike,
        *,
        xlabel: str = "sweeps",
        stored: ArrayLike | None = None,
    ) -> None:
        self.stored = stored
        self.sweeps = sweeps
        self.energies = energies
        self.xlabel = xlabel

    @classmethod
    def from_estimator(cls, estimator: Any, X: ArrayLike, *, ax: Any = None, **line_kwargs) -> Self:
        """Recall cues and plot their energies.

        Spins follow their fields one after another, at temperature 0; continuous states move step
        by step.

        Parameters
        ----------
        estimator : HopfieldMemory or ModernHopfieldMemory
            A fitted memory.
        X : array-like of shape (n_rows, n_features)
            Cues.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot into; None for new ones.
        **line_kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : EnergyTraceDisplay
            The display.
        """
        check_is_fitted(estimator)
        n_features = estimator.n_features_in_
        every = max(1, n_features // 50)
        energies = [energy for _, energy in estimator._recall_steps(X, every)]
        has_spins = isinstance(estimator, HopfieldMemory) or estimator._dense()
        per_sweep, xlabel = (-(-n_features // every), "sweeps") if has_spins else (1, "steps")
        positions = np.arange(len(energies)) / per_sweep
        stored = estimator.energy(estimator.patterns_)
        display = cls(positions, np.array(energies).T, xlabel=xlabel, stored=stored)
        return display.plot(ax=ax, **line_kwargs)

    def plot(self, ax: Any = None, **line_kwargs) -> Self:
        """Plot a line for every row.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to plot into; None for new ones.
        **line_kwargs : dict
            Passed on to `matplotlib.axes.Axes.plot`.

        Returns
        -------
        display : EnergyTraceDisplay
            The display.
        """
        self.ax_ = ax = new_axes(ax)
        self.figure_ = ax.figure
        few = len(self.energies) <= FEW_CUES
        for k, line in enumerate(self.energies):
            options = {"lw": 1, "label": f"cue {k}" if few else None}
            options |= {} if few else {"color": "C0", "alpha": 0.7}
            ax.plot(self.sweeps, line, **(options | line_kwargs))
        if self.stored is not None:
            low, high = np.min(self.stored), np.max(self.stored)
            ax.axhspan(low, high, color="0.6", alpha=0.3, lw=1, label="stored patterns")
        ax.set(xlabel=self.xlabel, ylabel="energy")
        ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
        return self


class EnergyLandscapeDisplay:
    """Energy over the plane of two patterns.

    Parameters
    ----------
    first, second : ndarray of shape (n_points,)
        Shares of the two patterns in a state, the axes.
    energy : ndarray of shape (n_points, n_points)
        Energy of ``first * pattern + second * other``, a row for every value of `second`.
    names : tuple of str
        Names of the two patterns.
    minima : array-like of shape (n_marks, 2), default=()
        Where patterns (and, of spins, their negatives) lie.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    """

    def __init__(
        self,
        first: ArrayLike,
        second: ArrayLike,
        energy: ArrayLike,
        *,
        names: tuple,
        minima: ArrayLike = (),
    ) -> None:
        self.minima = minima
        self.first = first
        self.second = second
        self.energy = energy
        self.names = names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        patterns: tuple = (0, 1),
        *,
        n_points: int = 41,
        ax: Any = None,
        **contour_kwargs,
    ) -> Self:
        """Compute and plot the energies.

        Parameters
        ----------
        estimator : HopfieldMemory or ModernHopfieldMemory
            A fitted memory. Of spins the states are means: the energy is the expected one of
            independent spins with these means.
        patterns : tuple of int, default=(0, 1)
            Numbers of two stored patterns.
        n_points : int, default=41
            Points along each axis, from -1 to 1 (continuous memories: from -.5 to 1.5).
        ax : matplotlib.axes.Axes, default=None
            Axes to plot into; None for new ones.
        **contour_kwargs : dict
            Passed on to `matplotlib.axes.Axes.contourf`.

        Returns
        -------
        display : EnergyLandscapeDisplay
            The display.

        Raises
        ------
        ValueError
            If a number is not that of a stored pattern, or the memory is a dense one, whose energy
            is that of spins only.
        """
        check_is_fitted(estimator)
        check_count("n_points", n_points, 2)
        n_patterns = len(estimator.patterns_)
        if len(patterns) != 2 or not all(0 <= k < n_patterns for k in patterns):
            raise ValueError(
                f"patterns must be two numbers from 0 to {n_patterns - 1}, got {patterns!r}."
            )
        rows = estimator.patterns_[list(patterns)].astype(np.float64)
        is_spins = isinstance(estimator, HopfieldMemory)
        if not is_spins and estimator.interaction not in ("softmax", "entmax", "sparsemax"):
            raise ValueError(
                f"interaction={estimator.interaction!r} has an energy of spins only; there is no "
                "landscape between them."
            )
        axis = np.linspace(-1, 1, n_points) if is_spins else np.linspace(-0.5, 1.5, n_points)
        x, y = np.meshgrid(axis, axis)
        if is_spins:
            rows = np.where(rows > 0, 1.0, -1.0)
        states = x.reshape(-1, 1) * rows[0] + y.reshape(-1, 1) * rows[1]
        if is_spins:
            possible = np.abs(states).max(axis=1) <= 1 + 1e-12
            energy = np.full(len(states), np.nan)
            energy[possible] = estimator._model_.energy(states[possible])
        else:
            energy = estimator.energy(states)
        names = tuple(f"share of pattern {k}" for k in patterns)
        minima = np.eye(2)
        if is_spins:
            minima = np.concatenate([minima, -minima])
        display = cls(axis, axis, energy.reshape(x.shape), names=names, minima=minima)
        return display.plot(ax=ax, **contour_kwargs)

    def plot(self, ax: Any = None, **contour_kwargs) -> Self:
        """Plot lines of equal energy.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to plot into; None for new ones.
        **contour_kwargs : dict
            Passed on to `matplotlib.axes.Axes.contourf`.

        Returns
        -------
        display : EnergyLandscapeDisplay
            The display.
        """
        self.ax_ = ax = new_axes(ax)
        self.figure_ = ax.figure
        options = {"levels": 20, "cmap": "viridis"} | contour_kwargs
        filled = ax.contourf(self.first, self.second, self.energy, **options)
        ax.contour(self.first, self.second, self.energy, 20, colors="w", linewidths=0.3)
        for x, y in self.minima:
            ax.plot(x, y, "o", color="w", mec="k", ms=5, clip_on=False)
        self.figure_.colorbar(filled, ax=ax, label="energy")
        ax.set(xlabel=self.names[0], ylabel=self.names[1], aspect="equal")
        return self


class RecalledImagesDisplay:
    """Images before, during and after recall, a column for every cue.

    Parameters
    ----------
    images : dict of str to ndarray of shape (n_rows, n_features)
        What to show in every row of the figure, by its label.
    shape : tuple of int
        Height and width of an image.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.
    """

    def __init__(self, images: dict, *, shape: tuple) -> None:
        self.images = images
        self.shape = shape

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        *,
        shape: tuple,
        targets: ArrayLike | None = None,
        figure: Any = None,
        **image_kwargs,
    ) -> Self:
        """Recall image cues and plot them on the way.

        Parameters
        ----------
        estimator : HopfieldMemory or ModernHopfieldMemory
            A fitted memory; "during" is in the middle of the first sweep at temperature 0, of
            continuous states after the first step.
        X : array-like of shape (n_rows, n_features)
            Cues, an image each.
        shape : tuple of int
            Height and width of an image.
        targets : array-like of shape (n_rows, n_features), default=None
            Clean images to show below.
        figure : matplotlib.figure.Figure or SubFigure, default=None
            What to plot into; None for a new figure.
        **image_kwargs : dict
            Passed on to `matplotlib.axes.Axes.imshow`, cmap for example.

        Returns
        -------
        display : RecalledImagesDisplay
            The display.
        """
        X = check_array(X)
        check_shape(shape, X.shape[1])
        check_is_fitted(estimator)
        steps = estimator._recall_steps(X, -(-X.shape[1] // 2))
        (before, _), (during, _) = next(steps), next(steps)
        recalled = np.asarray(estimator.transform(X))
        images = {"cue": before, "during": during, "recalled": recalled}
        if targets is not None:
            images["stored"] = check_array(targets)
        return cls(images, shape=shape).plot(figure, **image_kwargs)

    def plot(self, figure: Any = None, **image_kwargs) -> Self:
        """Plot the images.

        Parameters
        ----------
        figure : matplotlib.figure.Figure or SubFigure, default=None
            What to plot into; None for a new figure.
        **image_kwargs : dict
            Passed on to `matplotlib.axes.Axes.imshow`, cmap for example.

        Returns
        -------
        display : RecalledImagesDisplay
            The display.
        """
        self.figure_, self.axes_, _ = image_grid(
            list(self.images.values()),
            self.shape,
            list(self.images),
            figure=figure,
            **(grey_range(*self.images.values()) | image_kwargs),
        )
        return self


class DenseCapacityDisplay:
    """Share of unstable bits of stored random patterns against the load, and the theory of it.

    Dense memories hold a number of patterns that grows like a power of the number of units, so the
    load is the number of patterns over ``N^(degree - 1)``.

    Parameters
    ----------
    loads : ndarray of shape (n_loads,)
        Patterns over ``N^(degree - 1)``.
    errors : ndarray of shape (n_loads,)
        Share of bits whose turning over lowers the energy.
    n_bits : int
        Bits looked at for each.
    n_features, degree : int
        Units, and the power of the memory.
    rectified : bool, default=False
        Whether negative overlaps are left out.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure.

    See Also
    --------
    skebm.theory.dense_capacity : The line.

    References
    ----------
    D. Krotov and J. Hopfield, "Dense associative memory for pattern recognition" (2016).
    """

    def __init__(
        self,
        loads: ArrayLike,
        errors: ArrayLike,
        n_bits: int,
        *,
        n_features: int,
        degree: int,
        rectified: bool = False,
    ) -> None:
        self.loads = loads
        self.errors = errors
        self.n_bits = n_bits
        self.n_features = n_features
        self.degree = degree
        self.rectified = rectified

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        loads: ArrayLike | None = None,
        n_features: int = 80,
        n_bits: int = 4000,
        random_state: Seed = None,
        ax: Any = None,
        **line_kwargs,
    ) -> Self:
        """Store random patterns at every load, and count the bits that are not stable.

        Parameters
        ----------
        estimator : ModernHopfieldMemory
            With ``interaction="polynomial"`` or ``"rectified_polynomial"``; it is cloned and not
            changed.
        loads : array-like of shape (n_loads,), default=None
            Patterns over ``N^(degree - 1)``; None for eight values at which theory expects errors
            of .1 % to 20 %.
        n_features : int, default=80
            Units N of the memories.
        n_bits : int, default=4000
            Bits to look at for every load.
        random_state : int, RandomState, numpy.random.Generator or None, default=None
            Seed.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot into; None for new ones.
        **line_kwargs : dict
            Passed on to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        display : DenseCapacityDisplay
            The display.

        Raises
        ------
        ValueError
            If the memory is not a polynomial one.
        """
        check_count("n_features", n_features, 2)
        check_count("n_bits", n_bits, 1)
        kind = getattr(estimator, "interaction", None)
        if kind not in ("polynomial", "rectified_polynomial"):
            raise ValueError(
                "The estimator must be a ModernHopfieldMemory with interaction='polynomial' or "
                f"'rectified_polynomial', got {estimator!r}."
            )
        degree, rectified = estimator.degree, kind == "rectified_polynomial"
        scale = float(n_features) ** (degree - 1)
        if loads is None:
            errors = np.geomspace(1e-3, 0.2, 8)
            loads = [
                theory.dense_capacity(n_features, degree, error=error, rectified=rectified) / scale
                for error in errors
            ]
        rng, found = as_generator(random_state), []
        numbers = np.maximum(np.rint(np.asarray(loads, float) * scale).astype(int), 1)
        for number in numbers:
            patterns = make_patterns(number, n_features, random_state=rng)
            memory = clone(estimator).fit(patterns)
            rows = patterns[rng.integers(number, size=n_bits)]
            turned, bits = rows.copy(), rng.integers(n_features, size=n_bits)
            turned[np.arange(n_bits), bits] *= -1
            found.append(np.mean(memory.energy(turned) < memory.energy(rows)))
        display = cls(
            numbers / scale,
            np.array(found),
            n_bits,
            n_features=n_features,
            degree=degree,
            rectified=rectified,
        )
        return display.plot(ax=ax, **line_kwargs)

    def plot(self, ax: Any = None, **line_kwargs) -> Self:
        """Plot errors, on logarithmic axes, with the theory as a line.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to plot into; None for new ones.
        **line_kwargs : dict
            Passed on to `matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        display : DenseCapacityDisplay
            The display.
        """
        self.ax_ = ax = new_axes(ax)
        self.figure_ = ax.figure
        deviation = np.sqrt(self.errors * (1 - self.errors) / self.n_bits)
        label = f"degree {self.degree}, {self.n_features} units"
        points = ax.errorbar(
            self.loads,
            self.errors,
            deviation,
            **({"fmt": "o", "ms": 4, "label": label} | line_kwargs),
        )
        errors = np.geomspace(
            max(self.errors.min() / 3, 1e-6), min(self.errors.max() * 1.5, 0.4), 60
        )
        scale = float(self.n_features) ** (self.degree - 1)
        loads = [
            theory.dense_capacity(
                self.n_features, self.degree, error=error, rectified=self.rectified
            )
            / scale
            for error in errors
        ]
        ax.plot(loads, errors, "--", lw=1, color=points[0].get_color())
        ax.set(
            xlabel=r"load, $K / N^{n-1}$",
            ylabel="share of unstable bits",
            xscale="log",
            yscale="log",
        )
        ax.legend(loc="lower right")
        return self
