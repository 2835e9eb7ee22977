"""Everything that reads or judges what users give: seeds, rows, states, data of unit types.

Warnings name the line that called the package, and a fit that fails leaves the earlier one whole.
"""

import sys
import warnings
from contextlib import contextmanager
from functools import update_wrapper
from numbers import Integral, Real
from types import MethodType

import numpy as np
from scipy import sparse
from sklearn.utils import assert_all_finite, check_array, check_random_state
from sklearn.utils.validation import validate_data

from ._blocks import BLOCK_SIZE, batches

# about how many weights chains visit in a minute
VISITS_A_MINUTE = 2.5e11
# largest number of rows, chains or sweeps that anybody can wait for
LARGEST_COUNT = 10**10
# of the squared distances between rows, that one column may make without a warning
LARGEST_SHARE_OF_DISTANCES = 0.95
# share of a column that may lie outside of what units take, the largest multiple of their bounds
# that is no other scale, and share of their range that new rows may lie outside unnoticed
FEW, OTHER_SCALE, MARGIN = 0.01, 10, 0.5
# share of the range of data below or above which a threshold is an unlikely one
EDGE = 0.1


def warn(message, category=UserWarning):
    """Warn at the line that called the package, from however deep inside it.

    Frames of scikit-learn count as inside: its decorators and pipelines lie between.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_inside(frame):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def announce(what, n_visits, advice):
    """Warn of what takes minutes, before it does; by how often it visits a weight."""
    minutes = n_visits / VISITS_A_MINUTE
    if minutes > 1:
        warn(f"{what} takes about {minutes:.0f} minutes. {advice}")


def _is_inside(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0] in ("skebm", "sklearn")


def as_generator(random_state):
    """Seed a new `numpy.random.Generator` from anything that scikit-learn takes as a seed.

    Parameters
    ----------
    random_state : int, RandomState, numpy.random.Generator or None
        A RandomState or Generator is advanced by one draw; None is numpy's global state.

    Returns
    -------
    rng : numpy.random.Generator
        The generator.
    """
    if isinstance(random_state, np.random.Generator):
        seed = random_state.integers(2**32, size=4, dtype=np.uint32)
    else:
        seed = check_random_state(random_state).randint(2**32, size=4, dtype=np.uint32)
    # the fastest of numpy's generators in single precision
    return np.random.Generator(np.random.SFC64(seed))


class available_if:
    """Decorator of a method that an estimator has for some values of its parameters only.

    As in scikit-learn, but the error ends with the sentence that `check` gives for the estimator,
    which names the parameter; None where the method is there.
    """

    def __init__(self, check):
        self.check = check

    def __call__(self, method):
        """Decorate a method."""
        self.method = method
        update_wrapper(self, method)
        return self

    def __get__(self, estimator, owner=None):
        """Give the method out, if it is there."""
        if estimator is None:
            return self.method
        reason = self.check(estimator)
        if reason is not None:
            raise AttributeError(
                f"This {type(estimator).__name__!r} has no attribute {self.__name__!r}: {reason}"
            )
        return MethodType(self.method, estimator)


@contextmanager
def all_or_nothing(estimator):
    """Give the estimator its earlier fitted attributes back if what follows raises.

    What belongs to a fit has a name that ends in an underscore; its arrays are replaced and never
    changed in place. Yields a list: once the caller has put something into it, there is a state
    worth keeping, and an interrupt (but no error) keeps it.
    """
    before = {name: value for name, value in vars(estimator).items() if name.endswith("_")}
    finished = []
    try:
        yield finished
    except BaseException as error:
        if finished and not isinstance(error, Exception):
            raise
        for name in [name for name in vars(estimator) if name.endswith("_")]:
            delattr(estimator, name)
        vars(estimator).update(before)
        raise


def read(estimator, X, *, reset=False, accept_sparse="csr", holes=False):
    """Validate X as floating point: float32 for float32, float16, bool and small integers.

    Parameters
    ----------
    estimator : estimator
        Checks and, with `reset`, remembers number and names of the features.
    X : {array-like, sparse matrix or array} of shape (n_samples, n_features)
        Data as the user gave them.
    reset : bool, default=False
        Whether the estimator learns its features from X.
    accept_sparse : {"csr", False}, default="csr"
        Whether X may be sparse.
    holes : bool, default=False
        Whether X may have NaN.

    Returns
    -------
    X : {ndarray, CSR} of float32 or float64
        The same values; the caller's array itself where nothing needs to change.
    """
    if not reset and _is_plain(X, estimator):
        return _as_float(X, "X")
    # sums that look for NaN may overflow
    with _advice_on_missing(estimator), np.errstate(over="ignore", invalid="ignore"):
        X = validate_data(
            estimator,
            X,
            reset=reset,
            accept_sparse=accept_sparse,
            dtype="numeric",
            ensure_all_finite="allow-nan" if holes else True,
        )
    if sparse.issparse(X):
        if not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
        # a csr_matrix would take X**2 for a matrix product
        X = sparse.csr_array(X)
    elif not X.flags.aligned:
        # as buffers from other processes may come: every operation would be many times slower
        X = X.copy()
    with _advice_on_missing(estimator):
        return _as_float(X, "X", estimator)


def _is_plain(X, estimator):
    """Whether X has nothing to check or mend, which for a single row takes others long to say."""
    if type(X) is not np.ndarray or X.ndim != 2 or len(X) == 0 or not X.flags.aligned:
        return False
    if hasattr(estimator, "feature_names_in_") or X.shape[1] != estimator.n_features_in_:
        return False
    if X.dtype.kind in "biu":
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        return X.dtype in (np.float32, np.float64) and bool(np.isfinite(X.sum()))


@contextmanager
def _advice_on_missing(estimator):
    """Say of missing values what this estimator can do about them."""
    try:
        yield
    except ValueError as error:
        if "contains NaN" not in str(error):
            raise
        advice = "Drop such rows, or fill them first (sklearn.impute)."
        if hasattr(estimator, "sample"):
            advice += " A fitted model fills them itself: sample(given=X)."
        raise ValueError(
            f"Input X contains NaN. {type(estimator).__name__} needs complete rows here. {advice}"
        ) from None


def as_dense(rows):
    """Rows as an ndarray."""
    return rows.toarray() if sparse.issparse(rows) else rows


def read_given(estimator, given, n_samples, dtype):
    """Validate rows to complete, finite values or NaN for a free feature, and repeat each.

    Without rows, `n_samples` that are free throughout. What sparse rows do not store is known, and
    0; results are dense anyhow.
    """
    if given is None:
        return np.broadcast_to(np.array(np.nan, dtype), (n_samples, estimator.n_features_in_))
    with np.errstate(over="ignore", invalid="ignore"):
        given = validate_data(
            estimator,
            given,
            reset=False,
            accept_sparse="csr",
            dtype=dtype,
            ensure_all_finite="allow-nan",
        )
    given = as_dense(given)
    if np.isinf(given).any():
        raise ValueError("given contains infinity; use NaN for a free feature.")
    return np.repeat(given, n_samples, axis=0)


def read_units(X, unit, names=None, *, training=False):
    """Data as the unit types of a side can take them.

    Values out of bounds are clipped, with a warning that names the columns where they are more than
    a few. In training, columns of whole numbers far outside (grey values, ages) are refused. Of
    other rows, values a little outside (of test rows after a `MinMaxScaler`) pass without a word.
    Where the unit type states a domain, others are refused.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n_samples, n_features)
        Data of floating point type.
    unit : Unit
        Unit type of the side.
    names : ndarray of str, default=None
        Of the columns, if they have any.
    training : bool, default=False
        Whether X is to be learned from.

    Returns
    -------
    X : the same type
        `X` itself if nothing lay outside, else a clipped copy.

    Raises
    ------
    ValueError
        If values are not of the unit type's domain, or a column is on another scale.
    """
    pieces = []
    for part, piece, first_column in _by_unit(X, unit):
        if part.domain is None:
            piece = _clipped(piece, part, first_column, names, training)
        else:
            _check_domain(piece, part, first_column)
        pieces.append(piece)
    if len(pieces) == 1:
        return pieces[0]
    return sparse.hstack(pieces, format="csr") if sparse.issparse(X) else np.hstack(pieces)


def _by_unit(X, unit):
    """Yield every unit type of a side with its columns of X, and the number of the first."""
    blocks = unit.blocks(X.shape[1])
    for part, columns in blocks:
        # a slice of all columns would copy sparse rows
        yield part, X if len(blocks) == 1 else X[:, columns], columns.start


def _clipped(X, part, first_column, names, training):
    values = X.data if sparse.issparse(X) else X
    if values.size == 0 or (values.min() >= part.low and values.max() <= part.high):
        return X
    smallest, largest = (_of_columns(getattr(X, name)(axis=0)) for name in ("min", "max"))
    margin = 0.0 if training or np.isinf(part.high) else MARGIN * (part.high - part.low)
    share = _share_outside(X, part.low - margin, part.high + margin)
    far = []
    if training:
        is_far = largest > OTHER_SCALE * part.high
        far = np.flatnonzero(is_far & (smallest >= 0) & (share > FEW) & _are_whole(X))
    wrong = far if len(far) else np.flatnonzero(share > FEW)
    if len(wrong):
        low, high = smallest[wrong].min(), largest[wrong].max()
        message = (
            f"X has values from {low:g} to {high:g} in {_columns(first_column + wrong, names)}, "
            f"but {part!r} units take [{part.low:g}, {part.high:g}]"
        )
        cure = _cure(low, high, part)
        if len(far):
            raise ValueError(f"{message}. {cure}")
        warn(f"{message}; they were clipped. {cure}")
    clipped = part.clip(values)
    if not sparse.issparse(X):
        return clipped
    X = X.copy()
    X.data = clipped
    return X


def _share_outside(X, low, high):
    """Of every column, of CSR of its stored entries: the share outside bounds."""
    if not sparse.issparse(X):
        return ((low > X) | (high < X)).mean(axis=0)
    outside = (low > X.data) | (high < X.data)
    stored, wrong = (
        np.bincount(indices, minlength=X.shape[1]) for indices in (X.indices, X.indices[outside])
    )
    return wrong / np.maximum(stored, 1)


def _are_whole(X):
    """Whether the columns hold whole numbers only."""
    if not sparse.issparse(X):
        return (np.trunc(X) == X).all(axis=0)
    return np.bincount(X.indices[np.trunc(X.data) != X.data], minlength=X.shape[1]) == 0


def _of_columns(row):
    return row.toarray().ravel() if sparse.issparse(row) else row


def _columns(numbers, names):
    """Columns as a user knows them, the first ones of many."""
    shown = [f"{n}" if names is None else f"{names[n]!r}" for n in numbers[:3]]
    if len(numbers) > 3:
        shown.append(f"{len(numbers) - 3} more")
    listed = " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
    return f"column{'s' if len(numbers) > 1 else ''} {listed}"


def _cure(low, high, part):
    """What to do about values outside a unit's bounds."""
    if np.isinf(part.high):
        return "Use Gaussian units for columns with negative values."
    bounds = "" if part.low == 0 else f"(feature_range=({part.low:g}, {part.high:g}))"
    is_grey = high in (16, 255) and low >= 0 and part.low == 0
    first = f"Divide by {high:g}, or scale" if is_grey else "Scale"
    return (
        f"{first} them with MinMaxScaler{bounds}, threshold them with Binarizer, or give numbers "
        "Gaussian units, visible='auto' for example."
    )


def _check_domain(X, part, first_column):
    for rows in batches(X.shape[0], max(1, BLOCK_SIZE // X.shape[1])):
        block = X[rows].toarray() if sparse.issparse(X) else X[rows]
        wrong = np.argwhere(~part.admits(block))
        if wrong.size:
            row, column = wrong[0]
            first = column - column % part.width
            values = block[row, first : first + part.width].tolist()
            where = f"column {first_column + first}"
            if part.width > 1:
                where = f"columns {first_column + first} to {first_column + first + part.width - 1}"
            raise ValueError(
                f"In X, row {rows.start + row} has the values {values} in {where}, which {part!r} "
                f"units cannot take; allowed are {part.domain}."
            )


def examine(X, unit, any_scale=True):
    """Warn about training data that unit types model badly, or refuse them.

    Columns of quadratic units should have a standard deviation in [0.1, 10], but for those that
    learn their variances, where `any_scale`. Units without a state 0 must not be given nothing but
    0 and 1, which would count as coin flips.
    """
    if X.shape[0] == 1:
        return
    for part, block, first_column in _by_unit(X, unit):
        if part.quadratic and not (part.learns_variance and any_scale):
            _examine_scale(block, part, first_column)
        values = block.data if sparse.issparse(X) else block
        if _lacks_zero(part) and ((values == 0) | (values == 1)).all():
            states = " and ".join(f"{level:+g}" for level in part.levels)
            raise ValueError(
                f"X has nothing but 0 and 1 in columns {first_column} to "
                f"{first_column + block.shape[1] - 1}, but "
                f"{type(part).__name__.lower()}s are {states}, and 0 a mean of these. Give "
                "2 * X - 1, or use Bernoulli units."
            )


def _lacks_zero(part):
    return part.width == 1 and part.levels is not None and 0 not in part.levels


def _examine_scale(X, part, first_column):
    _, variance = mean_and_variance(X)
    deviation = np.sqrt(variance)
    # a constant column has no scale to mend
    far = np.flatnonzero((deviation > 0) & ((deviation < 0.1) | (deviation > 10)))
    if far.size:
        warn(
            f"{far.size} of {X.shape[1]} columns have a standard deviation outside [0.1, 10] "
            f"(column {first_column + far[0]}: {deviation[far[0]]:.3g}), which {part!r} units "
            f"do not expect. Put a {part.scaler} before the model.",
        )


def fill_from_columns(X, missing, unit, rng):
    """Rows with values of other rows in their holes: of every unit, a draw of those there are."""
    X = X.copy()
    for part, cut in unit.blocks(X.shape[1]):
        for first in range(cut.start, cut.stop, part.width):
            columns = slice(first, first + part.width)
            gone = missing[:, columns].any(axis=1)
            if (gone & ~missing[:, columns].all(axis=1)).any():
                raise ValueError(
                    f"Columns {first} to {columns.stop - 1} are one {part!r} unit, and missing as "
                    "a whole or not at all."
                )
            known = np.flatnonzero(~gone)
            if not known.size:
                raise ValueError(f"Column {first} has no value at all. Drop it.")
            X[gone, columns] = X[rng.choice(known, size=np.count_nonzero(gone)), columns]
    return X


def examine_scales(X, names):
    """Warn of a column that outweighs all others in distances between rows."""
    _, variance = mean_and_variance(X)
    if np.count_nonzero(variance) < 2:
        return
    column, total = int(variance.argmax()), variance.sum()
    if np.isfinite(total) and variance[column] > LARGEST_SHARE_OF_DISTANCES * total:
        warn(
            f"Squared distances between rows are {variance[column] / total:.1%} "
            f"{_columns([column], names)}, and others hardly count. Scale the columns first, "
            "with StandardScaler or MinMaxScaler; or set temperature, if this is meant."
        )


def holds_means(X, unit):
    """Whether rows, dense or sparse, have values that are no states and must be drawn."""
    for part, values, _ in _by_unit(X, unit):
        if sparse.issparse(X):
            zero = [0] * (values.nnz < values.shape[0] * values.shape[1])
            values = np.append(values.data, np.array(zero, X.dtype))
        if part.holds_means(values):
            return True
    return False


def mean_and_variance(X):
    """Of the columns of dense or sparse rows, in double precision; infinite where they overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        if not sparse.issparse(X):
            return X.mean(axis=0, dtype=np.float64), X.var(axis=0, dtype=np.float64)
        X = X.astype(np.float64)
        mean = np.asarray(X.mean(axis=0)).ravel()
        return mean, np.maximum(np.asarray(X.multiply(X).mean(axis=0)).ravel() - mean**2, 0)


def check_given(given, unit):
    """Refuse rows to complete with values that the units cannot take."""
    for part, columns in unit.blocks(given.shape[1]):
        wrong = np.argwhere(_refused(given[:, columns], part))
        if not wrong.size:
            continue
        row, column = wrong[0][0], columns.start + wrong[0][1]
        allowed = f"is [{part.low:g}, {part.high:g}]"
        if part.domain is not None:
            allowed = f"are {part.domain}"
        whole = "all " if part.width > 1 else ""
        raise ValueError(
            f"given has the value {given[row, column]:g} in row {row}, column {column}, which "
            f"{part!r} units cannot take; allowed {allowed}, or {whole}NaN for a free unit."
        )


def _refused(given, part):
    """Where values to hold are none that the unit can be in."""
    free = np.isnan(given)
    if part.domain is not None:
        # units of several columns are free as a whole, or not at all
        groups = free.reshape(len(given), -1, part.width).all(axis=2)
        return ~part.admits(given) & ~np.repeat(groups, part.width, axis=1)
    wrong = (part.clip(given) != given) & ~free
    # held at a mean that is no state, a unit would be in none
    return wrong | (given == 0) if _lacks_zero(part) else wrong


def check_columns(unit, name, n_columns):
    """Refuse a number of columns that does not suit the unit type of a side."""
    try:
        unit.blocks(n_columns)
    except ValueError as error:
        source = "the features of X" if name == "visible" else "n_components"
        raise ValueError(f"{name}={unit!r} does not suit {source}: {error}") from None


def read_target(estimator, X, y):
    """What recalled rows should be, if y is a table that says so; else None."""
    is_table = y is not None and np.ndim(y) == 2
    if is_table and np.shape(y)[1] not in (1, estimator.n_features_in_):
        raise ValueError(
            f"y has {np.shape(y)[1]} columns, but {type(estimator).__name__} has "
            f"{estimator.n_features_in_} features; targets are rows of that width. Labels, of one "
            "dimension or one column, are ignored."
        )
    if not is_table or np.shape(y)[1] != estimator.n_features_in_:
        return None
    target = check_array(y, dtype=np.float64, input_name="y")
    n_rows = np.shape(X)[0]
    if len(target) != n_rows:
        raise ValueError(f"X has {n_rows} rows, but y has {len(target)}.")
    return target


def read_hidden(H, n_components):
    """Validate hidden states or means of shape (n_samples, n_components)."""
    # without hidden units their table has no column
    H = check_array(H, dtype="numeric", input_name="H", ensure_min_features=0)
    if H.shape[1] != n_components:
        raise ValueError(
            f"H has {H.shape[1]} columns, but the model has n_components={n_components} hidden "
            "units."
        )
    return _as_float(H, "H")


def _as_float(X, name, estimator=None):
    """Cast to single or double precision; what was None or NA has become NaN only now."""
    if X.dtype.kind == "f":
        return X.astype(_float_type(X.dtype), copy=False)
    refuse_dates(X, name)
    try:
        X = X.astype(_float_type(X.dtype))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} has entries that are no numbers: {error}.") from None
    assert_all_finite(X, input_name=name, estimator_name=estimator)
    return X


def refuse_dates(X, name):
    """Refuse arrays of dates or times, which numpy would cast to large numbers."""
    dtype = getattr(X, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind in "mM":
        raise ValueError(
            f"{name} has dates or times ({dtype}), which are no numbers. Give what matters of "
            "them as numbers: days since a day, the hour, the month."
        )


def _float_type(dtype):
    if dtype.kind == "f":
        return np.float64 if dtype.itemsize > 4 else np.float32
    return np.float32 if dtype.itemsize <= 2 else np.float64


def as_spins(X, binarize, low=None):
    """Read data as spins: +1 above the threshold, -1 at or below it.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Validated rows.
    binarize : float or None
        The threshold. None: the data must be two-valued already, 0 and 1 or -1 and +1.
    low : {0, -1}, default=None
        The low value of what a fitted estimator gives. Rows of nothing but it and 1 are states
        whatever the threshold, so that what one method gave another can read. None in training:
        then only a table of such rows throughout is one of states.

    Returns
    -------
    spins : ndarray of int8 of shape (n_samples, n_features)
        -1 and +1.
    """
    if binarize is None:
        low = -1 if (X < 0).any() else 0
        wrong = np.argwhere((X != low) & (X != 1))
        if wrong.size:
            row, column = wrong[0]
            raise ValueError(
                f"X has the value {X[row, column]:g} in row {row}, column {column}; with "
                "binarize=None only 0 and 1, or -1 and 1, are allowed. Give a threshold, "
                "binarize=0.0 for example."
            )
        binarize = 0.0
    # NaN is not equal to itself; integers may be larger than numpy's
    if not isinstance(binarize, Real) or binarize != binarize:
        raise ValueError(f"binarize must be a number or None, got {binarize!r}.")
    binarize = float(binarize)
    # a threshold from 0 to 1 tells the two values of states apart by itself
    if not 0 <= binarize < 1:
        training = low is None
        low = (-1 if (X < 0).any() else 0) if training else low
        are_states = ((X == low) | (X == 1)).all(axis=1, keepdims=True)
        are_states &= are_states.all() or not training
        binarize = np.where(are_states, 0, binarize)
    return np.where(X > binarize, 1, -1).astype(np.int8)


def examine_spins(X, binarize, spins):
    """Warn about training rows of which a threshold leaves little: grey values, or one pattern."""
    low, high = X.min(), X.max()
    is_grey = binarize is not None and not ((X == low) | (X == high)).all()
    if is_grey and not EDGE <= (binarize - low) / (high - low) <= 1 - EDGE:
        warn(
            f"X has values from {low:g} to {high:g}, of which binarize={binarize:g} takes "
            f"{(spins > 0).mean():.0%} as on. A threshold inside the range, "
            f"binarize={(low + high) / 2:g} for example, keeps more of what rows look like; or "
            "threshold them yourself."
        )
    elif len(spins) > 1 and (spins == spins[0]).all() and (X != X[0]).any():
        warn(
            f"All {len(spins)} rows of X are the same above and below binarize={binarize:g}, one "
            "pattern. Give a threshold that tells them apart, or standardise the columns."
        )


def held_spins(given, binarize, low):
    """What is held of rows to complete: which features, their spins, and the values to answer.

    Values come back as they were given, but for the low value of the other encoding.
    """
    held = ~np.isnan(given)
    spins = as_spins(np.where(held, given, 1), binarize, low)
    answer = np.where((given == -1 - low) & (spins < 0), low, given)
    return held, spins, answer.astype(given.dtype, copy=False)


def check_same_rows(start, given, n_samples):
    """Refuse to start chains from other numbers of rows than there are to hold."""
    if start is not None and len(start) != len(given):
        raise ValueError(
            f"X and given must have the same number of rows, got {len(start) // n_samples} and "
            f"{len(given) // n_samples}."
        )


def check_schedule(name, temperatures, *, least=None):
    """Validate a sequence of temperatures, one a sweep: at least `least`, or above 0."""
    schedule = np.asarray(temperatures)
    allowed = "above 0" if least is None else f"of at least {least}"
    if (
        schedule.ndim != 1
        or not schedule.size
        or schedule.dtype.kind not in "iuf"
        or not np.isfinite(schedule).all()
        or (schedule <= 0 if least is None else schedule < least).any()
    ):
        raise ValueError(
            f"{name} must be a sequence of finite numbers {allowed}, one a sweep, got "
            f"{temperatures!r}."
        )
    return schedule.astype(np.float64)


def check_method(name, value, allowed):
    """Refuse what is not one of some words."""
    if not isinstance(value, str) or value not in allowed:
        words = [repr(word) for word in allowed]
        raise ValueError(f"{name} must be {', '.join(words[:-1])} or {words[-1]}, got {value!r}.")


def is_named(value, name):
    """Whether a parameter, which may be anything before it is validated, is that name."""
    return isinstance(value, str) and value == name


def check_count(name, value, least):
    """Refuse what is not an integer of at least `least`, or more than can ever be done."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}.")
    if value > LARGEST_COUNT:
        raise ValueError(f"{name}={value} is too many; at most {LARGEST_COUNT} can be done.")


def check_coupling(coupling):
    """Couplings as a dense symmetric matrix with a zero diagonal, a copy."""
    if sparse.issparse(coupling):
        coupling = coupling.toarray()
    coupling = check_array(
        coupling, dtype=[np.float64, np.float32], input_name="coupling", copy=True
    )
    n_units = len(coupling)
    if coupling.shape != (n_units, n_units):
        raise ValueError(f"coupling must be square, but has the shape {coupling.shape}.")
    wrong = np.argwhere(coupling != coupling.T)
    if wrong.size:
        i, j = wrong[0]
        raise ValueError(
            f"coupling must be symmetric, but coupling[{i}, {j}] = {coupling[i, j]:g} and "
            f"coupling[{j}, {i}] = {coupling[j, i]:g}. Give (coupling + coupling.T) / 2, or "
            "with the couplings in one triangle only their sum."
        )
    if coupling.diagonal().any():
        i = int(np.flatnonzero(coupling.diagonal())[0])
        raise ValueError(
            f"coupling must have a zero diagonal, but coupling[{i}, {i}] = {coupling[i, i]:g}. "
            "A unit's coupling with itself belongs into the intercept (0/1 units), or is a "
            "constant (spins)."
        )
    return coupling


def check_connectivity(mask, n_visible, n_hidden):
    """Refuse a matrix that does not say which of these units are coupled."""
    mask = mask.toarray() if sparse.issparse(mask) else np.asarray(mask)
    n_units = n_visible + n_hidden
    if mask.dtype.kind not in "bif" or np.isin(mask, (0, 1), invert=True).any():
        raise ValueError("connectivity, as a matrix, must hold booleans (or 0 and 1) only.")
    if mask.shape != (n_units, n_units):
        raise ValueError(
            f"connectivity has the shape {mask.shape}, but {n_visible} features and {n_hidden} "
            f"hidden units need ({n_units}, {n_units})."
        )
    mask = mask.astype(bool)
    if (mask != mask.T).any():
        i, j = np.argwhere(mask != mask.T)[0]
        raise ValueError(
            f"connectivity must be symmetric, but it couples {i} with {j} in one direction only."
        )
    if mask.diagonal().any():
        raise ValueError(
            "connectivity must have a zero diagonal: no unit is coupled with itself, but unit "
            f"{int(mask.diagonal().argmax())} is."
        )
    alone = np.flatnonzero(~mask[n_visible:].any(axis=1))
    if alone.size:
        raise ValueError(
            f"connectivity leaves hidden unit {alone[0]} without any coupling, so that it could "
            "not learn. Remove it from n_components, or couple it."
        )
    return mask
