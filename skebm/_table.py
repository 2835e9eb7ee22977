"""Tables of mixed columns as rows of numbers with holes, and back.

Every column becomes a few standardised columns, and a hole is missing in all of them. Numbers are
made as normal as a power of theirs can be (Yeo and Johnson 2000), and come back within the range
that `fit` saw; draws have no more decimals. Categories have a column each, but for the
first, and come back as the one with the largest value. Data frames keep their library, their
columns' types, and every value that was there.
"""

from numbers import Real

import narwhals as nw
import numpy as np
from sklearn.preprocessing import PowerTransformer

# standard deviations that a value lies away at most
FARTHEST = 1e6
# categories of a column that get columns of their own, the most frequent ones
MOST_CATEGORIES = 30
# distinct values from which on a column of numbers is made more normal, and the share of rows that
# the most frequent one may have
LEAST_DISTINCT, LARGEST_SPIKE = 10, 0.2


class Numbers:
    """A column of numbers.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        Numbers; NaN is missing.
    """

    kind = "numbers"

    def __init__(self, values):
        known = values[~np.isnan(values)]
        self.low, self.high = known.min(), known.max()
        # decimals that all numbers are rounded to, if they are
        self.decimals = next((d for d in range(7) if (known == np.round(known, d)).all()), None)
        # before powers, so that timestamps have some
        self.center, self.scale = known.mean(), known.std()
        self.width = int(self.scale > 1e-12 * max(abs(self.low), abs(self.high)))
        self.power = None
        counts = np.unique(known, return_counts=True)[1]
        has_spike = counts.max() > LARGEST_SPIKE * len(known)
        if self.width and len(counts) >= LEAST_DISTINCT and not has_spike:
            standard = (known - self.center) / self.scale
            self.power = PowerTransformer().fit(standard[:, np.newaxis])
        if self.width:
            ends = self._encoded(np.array([self.low, self.high]))
            self.range = float(ends[0]), float(ends[1])

    def _encoded(self, values):
        if self.power is None:
            return (values - self.center) / self.scale
        # powers may run into a bound, or overflow; beyond known values a line goes on
        inside = np.clip(values, self.low, self.high)
        standard = (inside - self.center) / self.scale
        encoded = self.power.transform(standard[:, np.newaxis])[:, 0]
        with np.errstate(over="ignore"):
            return encoded + np.clip((values - inside) / self.scale, -FARTHEST, FARTHEST)

    def encode(self, values):
        """Shape (n_rows, width), standardised; NaN is missing."""
        if not self.width:
            return np.empty((len(values), 0))
        return np.clip(self._encoded(values), -FARTHEST, FARTHEST)[:, np.newaxis]

    def decode(self, rows, spread=None, rounded=False):
        """Numbers of encoded rows, rounded if asked for and known ones are.

        With variances, the standard deviations instead.
        """
        if not self.width:
            return np.full(len(rows), self.low if spread is None else 0.0)
        if spread is not None:
            # half of what one deviation up and one down differ by
            deviation = np.sqrt(spread)
            return (self._numbers(rows + deviation) - self._numbers(rows - deviation)) / 2
        numbers = self._numbers(rows)
        if rounded and self.decimals is not None:
            return np.round(numbers, self.decimals)
        return numbers

    def _numbers(self, rows):
        rows = np.clip(rows[:, 0], *self.range)
        if self.power is not None:
            rows = self.power.inverse_transform(rows[:, np.newaxis])[:, 0]
        numbers = np.nan_to_num(rows * self.scale + self.center, nan=self.center)
        return np.clip(numbers, self.low, self.high)

    def is_missing(self, values):
        """Which values are missing."""
        return np.isnan(values)


class Categories:
    """A column of categories.

    Parameters
    ----------
    values : ndarray of object of shape (n_rows,)
        Categories; None is missing.
    """

    kind = "categories"

    def __init__(self, values):
        known = [value for value in values if value is not None]
        self.known = set(known)
        found, counts = np.unique(np.array(known, dtype=object).astype(str), return_counts=True)
        by_name = {str(value): value for value in known}
        frequent = np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]
        # the most frequent one is what has no column
        self.values = [by_name[found[k]] for k in frequent]
        self.width = len(self.values) - 1
        shares = counts[frequent] / counts.sum()
        self.mean = shares[1:]
        # so that the column as a whole has the weight of one of numbers
        self.scale = np.sqrt((shares * (1 - shares)).sum()) or 1.0

    def encode(self, values):
        """Shape (n_rows, width), standardised; NaN is missing, as are rare categories."""
        places = {value: k for k, value in enumerate(self.values)}
        numbers = np.array([places.get(value, -1) for value in values], dtype=int)
        rows = (np.eye(self.width + 1)[numbers, 1:] - self.mean) / self.scale
        rows[numbers < 0] = np.nan
        return rows

    def shares(self, rows):
        """Share of every category, of encoded means."""
        shares = rows * self.scale + self.mean
        shares = np.column_stack([1 - shares.sum(axis=1), shares]).clip(0)
        return shares / shares.sum(axis=1, keepdims=True)

    def decode(self, rows, spread=None, rounded=False):
        """Categories of encoded rows; with variances, 1 minus the share of that category."""
        shares = self.shares(rows)
        if spread is not None:
            return 1 - shares.max(axis=1)
        return np.array(self.values, dtype=object)[shares.argmax(axis=1)]

    def is_missing(self, values):
        """Which values are missing."""
        return np.array([value is None for value in values], dtype=bool)


class Table:
    """How the columns of a table are read and written.

    Parameters
    ----------
    X : data frame or ndarray
        Training table; a frame of any library that narwhals knows.
    categorical : sequence of int or str
        Columns that are categories whatever their type.
    """

    def __init__(self, X, categorical=()):
        columns = columns_of(X)
        self.names = list(columns)
        unknown = [name for name in categorical if name not in columns]
        if unknown:
            raise ValueError(
                f"categorical_features names {unknown[0]!r}, which is no column of X; there are "
                f"{self.names[:5]}{'...' if len(self.names) > 5 else ''}."
            )
        self.columns, self.ends = [], []
        for name, column in columns.items():
            # of integers exactly, which floating point numbers of 64 bits are not
            is_whole = isinstance(column, nw.Series) and column.dtype.is_integer()
            self.ends.append((int(column.min()), int(column.max())) if is_whole else None)
            values = _values(name, column, name in categorical)
            kind = Numbers if values.dtype == np.float64 else Categories
            missing = np.isnan(values) if kind is Numbers else kind.is_missing(None, values)
            if missing.all():
                raise ValueError(
                    f"Column {name!r} has no value at all, so that nothing can be learned about "
                    "it. Drop it."
                )
            self.columns.append(kind(values))
        self.is_frame = is_frame(X)
        # a row to make tables from, with the types of all columns
        self.template = X[:1].copy() if not self.is_frame else nw.to_native(_frame(X).head(1))

    @property
    def spreads(self):
        """Which encoded columns are numbers, and may lie anywhere."""
        kinds = [isinstance(column, Numbers) for column in self.columns]
        return np.repeat(kinds, [column.width for column in self.columns])

    @property
    def slices(self):
        """Where every column is among the encoded ones."""
        stops = np.cumsum([column.width for column in self.columns])
        return [slice(stop - c.width, stop) for stop, c in zip(stops, self.columns, strict=True)]

    def read(self, X, *, handle_unknown="missing"):
        """Encoded rows, and which values of the table are missing.

        Parameters
        ----------
        X : data frame or ndarray
            Table with the columns of the training table.
        handle_unknown : {"missing", "error"}
            What becomes of categories that the training table does not have.
        """
        rows, missing = [], []
        for (name, column), kind in zip(columns_of(X).items(), self.columns, strict=True):
            values = _values(name, column, isinstance(kind, Categories))
            if isinstance(kind, Numbers) and all(value is None for value in values):
                values = np.full(len(values), np.nan)
            elif isinstance(kind, Numbers) and values.dtype != np.float64:
                raise ValueError(
                    f"Column {name!r} holds {values[0]!r}, but was numbers in fit. Convert it."
                )
            absent = kind.is_missing(values)
            if isinstance(kind, Categories):
                other = ~absent & np.array([value not in kind.known for value in values], bool)
                if other.any() and handle_unknown == "error":
                    raise ValueError(
                        f"Column {name!r} holds {values[other][0]!r}, which it did not in fit. Set "
                        "handle_unknown='missing' to take it for missing."
                    )
                absent = absent | other
                values = np.where(other, None, values)
            rows.append(kind.encode(values))
            missing.append(absent)
        return np.concatenate(rows, axis=1), np.column_stack(missing)

    def write(self, X, rows, missing, *, rounded):
        """The table with the values of encoded rows where they are missing.

        Numbers of integer columns are whole anyhow; those of others have no more decimals than the
        training table, if `rounded` says so.
        """
        parts = [rows[:, cut] for cut in self.slices]
        if not self.is_frame:
            result = X.copy()
            for j, (kind, part) in enumerate(zip(self.columns, parts, strict=True)):
                holes = missing[:, j]
                if holes.any():
                    result[holes, j] = kind.decode(part[holes], rounded=rounded).astype(
                        result.dtype
                    )
            return result
        frame, changed = _frame(X), []
        like = list(_frame(self.template).iter_columns())
        for j, (kind, part, series) in enumerate(
            zip(self.columns, parts, frame.iter_columns(), strict=True)
        ):
            holes = np.flatnonzero(missing[:, j])
            if not holes.size:
                continue
            values = kind.decode(part[holes], rounded=rounded)
            if self.ends[j] is not None:
                low, high = self.ends[j]
                values = [min(max(round(value), low), high) for value in values]
            if len(holes) == len(series) and series.dtype != like[j].dtype:
                # nothing of it says what type it has
                series = _indexed(like[j][[0] * len(series)], X)
            elif series.dtype != like[j].dtype and series.dtype.is_integer():
                series = series.cast(like[j].dtype)
            changed.append(_scattered(series.alias(self.names[j]), holes, values))
        return nw.to_native(frame.with_columns(changed) if changed else frame)

    def blank(self, n_rows):
        """A table of that many rows, to write into."""
        if self.is_frame:
            frame = nw.maybe_reset_index(_frame(self.template)[[0] * n_rows])
            return nw.to_native(frame)
        return np.repeat(self.template, n_rows, axis=0)


def is_frame(X):
    """Whether X is a data frame."""
    if nw.dependencies.is_polars_lazyframe(X):
        raise ValueError("X is a lazy frame. collect() it first.")
    return nw.dependencies.is_into_dataframe(X)


def columns_of(X):
    """Columns by name, or by number of an array."""
    if not is_frame(X):
        return dict(enumerate(np.asarray(X).T))
    if getattr(X.columns, "nlevels", 1) > 1:
        raise ValueError("X has columns of several levels. Give each one name.")
    names, counts = np.unique([str(name) for name in X.columns], return_counts=True)
    if (counts > 1).any():
        raise ValueError(
            f"X has {counts.max()} columns {str(names[counts.argmax()])!r}. Give each a name "
            "of its own."
        )
    frame = _frame(X)
    return dict(zip(frame.columns, frame.iter_columns(), strict=True))


def _frame(X):
    return nw.from_native(X, eager_only=True)


def _indexed(series, X):
    """A column with the index of a pandas frame."""
    if not series.implementation.is_pandas():
        return series
    return nw.from_native(series.to_native().set_axis(X.index), series_only=True)


def take(X, rows):
    """Rows of a table by number."""
    return nw.to_native(_frame(X)[rows.tolist()]) if is_frame(X) else X[rows]


def with_columns(X, columns):
    """A frame with more columns, by name."""
    frame = _frame(X)
    series = [
        nw.new_series(name, values.tolist(), backend=frame.implementation)
        for name, values in columns.items()
    ]
    return nw.to_native(frame.with_columns([_indexed(column, X) for column in series]))


def _values(name, column, as_categories):
    """Numbers as float64, NaN missing; or categories as objects, None missing."""
    if isinstance(column, np.ndarray):
        column = column.astype(np.float64)
        _check_finite(name, column)
        if not as_categories:
            return column
        return np.array([None if np.isnan(value) else value for value in column], dtype=object)
    dtype = column.dtype
    if str(getattr(column.to_native(), "dtype", "")).startswith("Sparse"):
        raise ValueError(f"Column {name!r} is sparse. Make it dense.")
    as_categories = as_categories or isinstance(dtype, (nw.Categorical, nw.Enum))
    if dtype.is_temporal():
        raise ValueError(
            f"Column {name!r} holds {dtype}. Make numbers of it (days since a date, the weekday), "
            "or drop it."
        )
    if dtype.is_numeric() and not as_categories:
        values = column.cast(nw.Float64).to_numpy().astype(np.float64)
        _check_finite(name, values)
        return values
    values = [None if _is_hole(value) else value for value in column.to_list()]
    types = {_type(value) for value in values if value is not None}
    if len(types) > 1:
        found = " and ".join(sorted(kind.__name__ for kind in types))
        raise ValueError(f"Column {name!r} mixes values of types {found}. Give it one.")
    if types and not types <= {bool, str, float}:
        raise ValueError(
            f"Column {name!r} holds values of type {types.pop().__name__}. Make numbers or "
            "strings of them, or drop it."
        )
    if types == {float} and not as_categories:
        values = np.array([np.nan if value is None else value for value in values], np.float64)
        _check_finite(name, values)
        return values
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


def _type(value):
    """What kind of value it is: of flags and numbers, whatever library made them."""
    if isinstance(value, (bool, np.bool_)):
        return bool
    if isinstance(value, str):
        return str
    return float if isinstance(value, Real) else type(value)


def _is_hole(value):
    if isinstance(value, (float, np.floating)):
        return np.isnan(value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def _check_finite(name, values):
    if np.isinf(values).any():
        raise ValueError(f"Column {name!r} contains infinity. Mark missing values by NaN.")


def _scattered(series, holes, values):
    """A column with new values in some places, and its type where they fit into it."""
    if series.dtype.is_integer():
        return series.scatter(holes.tolist(), [int(value) for value in values])
    if series.dtype.is_float():
        # pandas refuses numbers that single precision would round
        wide = series.cast(nw.Float64).scatter(holes.tolist(), [float(value) for value in values])
        return wide.cast(series.dtype)
    return series.scatter(holes.tolist(), [_plain(value) for value in values])


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value
