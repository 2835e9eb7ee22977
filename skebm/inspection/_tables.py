"""Tables: what was filled in, and new rows beside those that they are like."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._table import Categories, Table, columns_of
from .._validation import check_count

# singular values of a column's part of the table that count, relative to the largest
RANK = 1e-6


class SynthesisDisplay:
    """Two tables side by side: the law of every column, and how strongly columns go together.

    Parameters
    ----------
    marginals : dict of str to tuple
        By column, (positions, shares of the first table, shares of the second); positions are
        edges of bins for numbers, names for categories.
    associations : tuple of ndarray of shape (n_columns, n_columns)
        Of either table, the largest canonical correlation of two columns: of numbers the absolute
        correlation, of a number and categories the correlation ratio.
    labels : tuple of str
        Names of the tables.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes
        Axes of the columns, then two of the associations.
    figure_ : matplotlib.figure.Figure
        The figure.

    See Also
    --------
    skebm.metrics.nearest_neighbor_adversarial_accuracy : Whether rows as a whole look alike.

    References
    ----------
    H. Hotelling, "Relations between two sets of variates" (1936).
    """

    def __init__(
        self, marginals: dict, associations: tuple, *, labels: tuple = ("real", "new")
    ) -> None:
        self.marginals = marginals
        self.associations = associations
        self.labels = labels

    @classmethod
    def from_tables(
        cls,
        real: Any,
        new: Any,
        *,
        labels: tuple = ("real", "new"),
        n_bins: int = 20,
        figure: Any = None,
        **artist_kwargs,
    ) -> Self:
        """Compare two complete tables with the same columns.

        Parameters
        ----------
        real, new : data frame or ndarray
            The tables, without holes.
        labels : tuple of str, default=("real", "new")
            Their names.
        n_bins : int, default=20
            Bins of numbers.
        figure : matplotlib.figure.Figure or SubFigure, default=None
            What to plot into; None for a new figure.
        **artist_kwargs : dict
            Passed on to the artists of the columns, alpha for example.

        Returns
        -------
        display : SynthesisDisplay
            The display.

        Raises
        ------
        ValueError
            If the tables have other columns than each other, or holes.
        """
        check_count("n_bins", n_bins, 1)
        table = Table(real)
        if list(columns_of(new)) != table.names:
            raise ValueError(
                f"The tables must have the same columns, got {table.names[:5]} and "
                f"{list(columns_of(new))[:5]}."
            )
        encoded = []
        for name, X in zip(labels, (real, new), strict=True):
            rows, missing = table.read(X, handle_unknown="error")
            if missing.any():
                column = table.names[int(missing.any(axis=0).argmax())]
                raise ValueError(f"Column {column!r} of the {name} table has holes. Fill them.")
            encoded.append(np.where(np.isnan(rows), 0.0, rows))
        marginals = {}
        for (name, kind), *parts in zip(
            zip(table.names, table.columns, strict=True),
            columns_of(real).values(),
            columns_of(new).values(),
            strict=True,
        ):
            values = [part if isinstance(part, np.ndarray) else part.to_numpy() for part in parts]
            if isinstance(kind, Categories):
                places = [str(value) for value in kind.values]
                counts = [[np.sum(v.astype(str) == place) for place in places] for v in values]
            else:
                values = [value.astype(np.float64) for value in values]
                places = np.histogram_bin_edges(np.concatenate(values), n_bins)
                counts = [np.histogram(value, places)[0] for value in values]
            shares = [np.divide(c, len(v)) for c, v in zip(counts, values, strict=True)]
            marginals[str(name)] = (places, *shares)
        associations = tuple(_associations(rows, table.slices) for rows in encoded)
        return cls(marginals, associations, labels=labels).plot(figure, **artist_kwargs)

    def plot(self, figure: Any = None, **artist_kwargs) -> Self:
        """Plot columns and associations.

        Parameters
        ----------
        figure : matplotlib.figure.Figure or SubFigure, default=None
            What to plot into; None for a new figure.
        **artist_kwargs : dict
            Passed on to the artists of the columns.

        Returns
        -------
        display : SynthesisDisplay
            The display.
        """
        n_columns = min(5, len(self.marginals))
        n_rows = -(-len(self.marginals) // n_columns)
        if figure is None:
            import matplotlib.pyplot as plt

            figure = plt.figure(figsize=(2.4 * n_columns, 1.7 * n_rows + 3.4), layout="constrained")
        self.figure_ = figure
        above, below = figure.subfigures(2, 1, height_ratios=[1.7 * n_rows, 3.4])
        axes = above.subplots(n_rows, n_columns, squeeze=False).ravel()
        for ax, (name, (places, *shares)) in zip(axes, self.marginals.items(), strict=False):
            for k, (share, label) in enumerate(zip(shares, self.labels, strict=True)):
                options = {"color": f"C{k}", "alpha": 0.5, "label": label} | artist_kwargs
                if isinstance(places, list):
                    ax.bar(np.arange(len(places)) + 0.4 * k, share, 0.4, **options)
                    ax.set_xticks(np.arange(len(places)) + 0.2, places, fontsize=6, rotation=20)
                else:
                    ax.stairs(share, places, fill=True, **options)
            ax.set_title(name, fontsize=8)
            ax.tick_params(labelsize=6)
        for ax in axes[len(self.marginals) :]:
            ax.set_axis_off()
        axes[0].legend(fontsize=6)
        pictures = below.subplots(1, 2)
        names = list(self.marginals)
        for ax, values, label in zip(pictures, self.associations, self.labels, strict=True):
            image = ax.imshow(values, vmin=0, vmax=1, cmap="viridis")
            ax.set_xticks(range(len(names)), names, fontsize=6, rotation=90)
            ax.set_yticks(range(len(names)), names, fontsize=6)
            ax.set_title(f"associations, {label}", fontsize=8)
        below.colorbar(image, ax=pictures, shrink=0.8)
        self.axes_ = np.array([*axes[: len(names)], *pictures])
        return self


def _associations(rows, slices):
    """Largest canonical correlations of the parts of a table."""
    bases = []
    for cut in slices:
        part = rows[:, cut] - rows[:, cut].mean(axis=0)
        left, values, _ = np.linalg.svd(part, full_matrices=False)
        bases.append(left[:, values > RANK * max(values.max(initial=0.0), 1e-300)])
    result = np.eye(len(slices))
    for j, first in enumerate(bases):
        for k, second in enumerate(bases[:j]):
            if first.shape[1] and second.shape[1]:
                found = np.linalg.norm(first.T @ second, 2)
                result[j, k] = result[k, j] = min(found, 1.0)
    return result


class ImputationDisplay:
    """Where values were missing, and what was filled in, with its spread.

    Parameters
    ----------
    missing : ndarray of bool of shape (n_rows, n_columns)
        Holes.
    known, filled : dict of str to ndarray
        By column with holes, the known values and those filled in; strings for categories.
    deviations : dict of str to ndarray
        How uncertain each of the filled ones is.
    names : list of str
        All columns.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes
        Axes of the holes, then one for every column that has some.
    figure_ : matplotlib.figure.Figure
        The figure.
    """

    def __init__(
        self, missing: ArrayLike, known: dict, filled: dict, deviations: dict, *, names: list
    ) -> None:
        self.missing = missing
        self.known = known
        self.filled = filled
        self.deviations = deviations
        self.names = names

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, max_columns: int = 8, figure: Any = None, **artist_kwargs
    ) -> Self:
        """Fill a table and plot what was done.

        Parameters
        ----------
        estimator : EnergyImputer
            Fitted.
        X : data frame or ndarray of shape (n_rows, n_columns)
            Table with holes.
        max_columns : int, default=8
            Columns to show at most, those with the most holes.
        figure : matplotlib.figure.Figure or SubFigure, default=None
            What to plot into; None for a new figure.
        **artist_kwargs : dict
            Passed on to the error bars of what was filled in.

        Returns
        -------
        display : ImputationDisplay
            The display.

        Raises
        ------
        ValueError
            If X has no holes.
        """
        check_count("max_columns", max_columns, 1)
        check_is_fitted(estimator)
        X, _, missing = estimator._encoded(X)
        if not missing.any():
            raise ValueError("X has no holes, so that nothing is filled in.")
        table, deviation = estimator._table_, estimator.standard_deviation(X)
        before, after = columns_of(X).values(), columns_of(estimator.transform(X)).values()
        most = np.argsort(-missing.sum(axis=0), kind="stable")[:max_columns]
        known, filled, deviations = {}, {}, {}
        for j, (kind, old, new) in enumerate(zip(table.columns, before, after, strict=False)):
            holes = missing[:, j]
            if j not in most or not holes.any():
                continue
            parts = []
            for values in (old, new):
                values = np.asarray(values if isinstance(values, np.ndarray) else values.to_list())
                kept = values[~holes] if not parts else values[holes]
                is_category = isinstance(kind, Categories)
                parts.append(kept.astype(str) if is_category else kept.astype(np.float64))
            name = str(table.names[j])
            known[name], filled[name] = parts
            deviations[name] = deviation[holes, j]
        names = [str(name) for name in table.names]
        display = cls(missing, known, filled, deviations, names=names)
        return display.plot(figure, **artist_kwargs)

    def plot(self, figure: Any = None, **artist_kwargs) -> Self:
        """Plot the holes, and the columns.

        Parameters
        ----------
        figure : matplotlib.figure.Figure or SubFigure, default=None
            What to plot into; None for a new figure.
        **artist_kwargs : dict
            Passed on to the error bars of what was filled in.

        Returns
        -------
        display : ImputationDisplay
            The display.
        """
        n_columns = min(4, len(self.known))
        n_rows = -(-len(self.known) // n_columns)
        if figure is None:
            import matplotlib.pyplot as plt

            size = 3.2 + 2.6 * n_columns, max(3.0, 2.2 * n_rows)
            figure = plt.figure(figsize=size, layout="constrained")
        self.figure_ = figure
        left, right = figure.subfigures(1, 2, width_ratios=[3.2, 2.6 * n_columns])
        first = left.subplots()
        first.imshow(self.missing, aspect="auto", cmap="Greys", interpolation="nearest")
        first.set_xticks(range(len(self.names)), self.names, fontsize=6, rotation=90)
        first.set(title="holes", ylabel="row")
        axes = right.subplots(n_rows, n_columns, squeeze=False).ravel()
        for ax, (name, known) in zip(axes, self.known.items(), strict=False):
            filled, deviation = self.filled[name], self.deviations[name]
            if known.dtype.kind == "U":
                places = sorted({*known, *filled})
                for k, values in enumerate((known, filled)):
                    shares = [np.mean(values == place) for place in places]
                    ax.bar(np.arange(len(places)) + 0.4 * k, shares, 0.4, color=("0.7", "C1")[k])
                ax.set_xticks(np.arange(len(places)) + 0.2, places, fontsize=6, rotation=20)
            else:
                ax.hist(known, 20, color="0.7", density=True)
                order = np.argsort(filled, kind="stable")
                height = np.linspace(0, ax.get_ylim()[1], len(filled))
                options = {"fmt": "o", "ms": 2, "lw": 0.6, "color": "C1"} | artist_kwargs
                ax.errorbar(filled[order], height, xerr=deviation[order], **options)
            ax.set_title(name, fontsize=8)
            ax.tick_params(labelsize=6)
        for ax in axes[len(self.known) :]:
            ax.set_axis_off()
        self.axes_ = np.array([first, *axes[: len(self.known)]])
        return self
