"""Small data sets with known answers, and helpers for images."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array

from ._typing import Seed
from ._validation import as_generator, check_count

__all__ = [
    "corrupt",
    "make_bars_and_stripes",
    "make_encoder",
    "make_ising_grid",
    "make_parity",
    "make_patterns",
    "make_shifter",
    "make_spin_glass",
    "nudge_images",
]


def make_bars_and_stripes(side: int) -> np.ndarray:
    """Make all images of a square grid whose rows, or whose columns, are each on or off.

    A classic test of generative models: the best mean log-likelihood that any model can reach on
    these rows is ``-ln(n_samples)`` nats, with ``ln 6``, ``ln 14`` and ``ln 30`` for sides 2 to 4.

    Parameters
    ----------
    side : int
        Width and height of the grid, at least 2.

    Returns
    -------
    X : ndarray of shape (2^(side + 1) - 2, side^2)
        The images, values 0 and 1, each once.

    References
    ----------
    D. MacKay, "Information theory, inference, and learning algorithms" (2003).

    Examples
    --------
    >>> from skebm.datasets import make_bars_and_stripes
    >>> make_bars_and_stripes(2)
    array([[0., 0., 0., 0.],
           [0., 0., 1., 1.],
           [1., 1., 0., 0.],
           [1., 1., 1., 1.],
           [0., 1., 0., 1.],
           [1., 0., 1., 0.]])
    """
    if not isinstance(side, Integral) or side < 2:
        raise ValueError(f"side must be an integer of at least 2, got {side!r}.")
    lines = _all_rows(side)
    stripes = np.repeat(lines, side, axis=1)
    # all off and all on are stripes already
    bars = np.tile(lines[1:-1], (1, side))
    return np.concatenate([stripes, bars]).astype(np.float64)


def make_encoder(n_patterns: int) -> np.ndarray:
    """Make the rows of the encoder problem: two groups of units, the same one on in both.

    A machine whose groups are coupled through hidden units only must find a code for each row.

    Parameters
    ----------
    n_patterns : int
        Units of each group, and number of rows; at least 2.

    Returns
    -------
    X : ndarray of shape (n_patterns, 2 * n_patterns)
        Rows of 0 and 1.

    References
    ----------
    D. Ackley, G. Hinton and T. Sejnowski, "A learning algorithm for Boltzmann machines" (1985).

    Examples
    --------
    >>> from skebm.datasets import make_encoder
    >>> make_encoder(3)
    array([[1., 0., 0., 1., 0., 0.],
           [0., 1., 0., 0., 1., 0.],
           [0., 0., 1., 0., 0., 1.]])
    """
    check_count("n_patterns", n_patterns, 2)
    return np.tile(np.eye(n_patterns), 2)


def make_shifter(n_bits: int) -> np.ndarray:
    """Make all rows of the shifter problem: a ring of bits, its shifted copy, and the direction.

    Parameters
    ----------
    n_bits : int
        Bits of the ring, at least 3.

    Returns
    -------
    X : ndarray of shape (3 * 2^n_bits, 2 * n_bits + 3)
        The ring, the ring moved by one place to the left, not at all, or to the right, and which of
        the three it is, one-hot. No pair of units alone tells the direction.

    References
    ----------
    G. Hinton and T. Sejnowski, "Learning and relearning in Boltzmann machines" (1986).

    Examples
    --------
    >>> from skebm.datasets import make_shifter
    >>> make_shifter(3)[[1, 9, 17]]  # left, not, right
    array([[0., 0., 1., 0., 1., 0., 1., 0., 0.],
           [0., 0., 1., 0., 0., 1., 0., 1., 0.],
           [0., 0., 1., 1., 0., 0., 0., 0., 1.]])
    """
    check_count("n_bits", n_bits, 3)
    ring = _all_rows(n_bits)
    parts = [
        np.hstack([ring, np.roll(ring, shift, axis=1), np.tile(np.eye(3)[k], (len(ring), 1))])
        for k, shift in enumerate((-1, 0, 1))
    ]
    return np.concatenate(parts)


def make_parity(n_bits: int) -> np.ndarray:
    """Make all rows of bits with an even number of ones, which no pair of bits gives away.

    Parameters
    ----------
    n_bits : int
        Number of bits, at least 2.

    Returns
    -------
    X : ndarray of shape (2^(n_bits - 1), n_bits)
        Rows of 0 and 1.

    Examples
    --------
    >>> from skebm.datasets import make_parity
    >>> make_parity(3)
    array([[0., 0., 0.],
           [0., 1., 1.],
           [1., 0., 1.],
           [1., 1., 0.]])
    """
    check_count("n_bits", n_bits, 2)
    rows = _all_rows(n_bits)
    return rows[rows.sum(axis=1) % 2 == 0].astype(np.float64)


def make_ising_grid(side: int, *, coupling: float = 1.0, periodic: bool = True) -> np.ndarray:
    """Make the couplings of a square grid of spins, each with its nearest neighbours.

    Parameters
    ----------
    side : int
        Width and height, at least 3.
    coupling : float, default=1.0
        J of every bond; above 0 neighbours agree.
    periodic : bool, default=True
        Whether the grid is closed to a torus.

    Returns
    -------
    coupling : ndarray of shape (side^2, side^2)
        For ``BoltzmannMachine.from_coupling``; spins row by row.

    Examples
    --------
    >>> from skebm.datasets import make_ising_grid
    >>> make_ising_grid(3, periodic=False)[4]
    array([0., 1., 0., 1., 0., 1., 0., 1., 0.])
    """
    check_count("side", side, 3)
    chain = np.eye(side, k=1) + np.eye(side, k=-1)
    if periodic:
        chain[0, -1] = chain[-1, 0] = 1
    one = np.eye(side)
    return coupling * (np.kron(chain, one) + np.kron(one, chain))


def make_spin_glass(n_units: int, *, random_state: Seed = None) -> np.ndarray:
    """Make the couplings of the Sherrington-Kirkpatrick spin glass, normal of variance 1/n_units.

    Parameters
    ----------
    n_units : int
        Number of spins, all coupled.
    random_state : int, RandomState, numpy.random.Generator or None, default=None
        Seed.

    Returns
    -------
    coupling : ndarray of shape (n_units, n_units)
        For ``BoltzmannMachine.from_coupling``. Freezes below T = 1; the lowest energy is about
        -.763 a spin in the limit of many.

    References
    ----------
    D. Sherrington and S. Kirkpatrick, "Solvable model of a spin-glass" (1975).

    Examples
    --------
    >>> from skebm.datasets import make_spin_glass
    >>> make_spin_glass(3, random_state=0).shape
    (3, 3)
    """
    check_count("n_units", n_units, 2)
    half = np.triu(as_generator(random_state).standard_normal((n_units, n_units)), 1)
    return (half + half.T) / np.sqrt(n_units)


def make_patterns(
    n_patterns: int, n_features: int, *, activity: float = 0.5, random_state: Seed = None
) -> np.ndarray:
    """Make random patterns of independent spins.

    Parameters
    ----------
    n_patterns : int
        Number of patterns.
    n_features : int
        Spins of each.
    activity : float, default=0.5
        Probability of +1, in [0, 1].
    random_state : int, RandomState, numpy.random.Generator or None, default=None
        Seed.

    Returns
    -------
    X : ndarray of shape (n_patterns, n_features)
        Patterns of -1 and +1.

    Examples
    --------
    >>> from skebm.datasets import make_patterns
    >>> make_patterns(100, 50, activity=0.1, random_state=0).mean().round(1)
    np.float64(-0.8)
    """
    for name, value in (("n_patterns", n_patterns), ("n_features", n_features)):
        if not isinstance(value, Integral) or value < 1:
            raise ValueError(f"{name} must be an integer of at least 1, got {value!r}.")
    if not isinstance(activity, Real) or not 0 <= activity <= 1:
        raise ValueError(f"activity must be a number between 0 and 1, got {activity!r}.")
    on = as_generator(random_state).random((n_patterns, n_features)) < activity
    return np.where(on, 1.0, -1.0)


def corrupt(
    X: ArrayLike,
    *,
    flip: float = 0.0,
    mask: float = 0.0,
    encoding: str = "auto",
    random_state: Seed = None,
) -> np.ndarray:
    """Corrupt two-valued rows, as cues for a memory.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows with two values, 0 and 1 or -1 and +1.
    flip : float, default=0.0
        Share of the features of every row that take the other value; chosen at random, rounded to
        a whole number.
    mask : float, default=0.0
        Share of the features of every row that are set to a random one of the two values.
    encoding : {"auto", "01", "spin"}, default="auto"
        The two values: 0 and 1, or -1 and +1. "auto" takes the one that X shows.
    random_state : int, RandomState, numpy.random.Generator or None, default=None
        Seed.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        Corrupted copy.

    Raises
    ------
    ValueError
        If X is not two-valued, shows one value only, or a share is outside [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from skebm.datasets import corrupt
    >>> (corrupt(np.zeros((3, 50)), flip=0.1, random_state=0) == 1).sum(axis=1)
    array([5, 5, 5])
    """
    X = check_array(X, copy=True)
    for name, share in (("flip", flip), ("mask", mask)):
        if not isinstance(share, Real) or not 0 <= share <= 1:
            raise ValueError(f"{name} must be a number between 0 and 1, got {share!r}.")
    low = -1 if (X < 0).any() else 0
    if ((X != low) & (X != 1)).any():
        raise ValueError("X must have the values 0 and 1, or -1 and +1, only.")
    if encoding not in ("auto", "01", "spin"):
        raise ValueError(f"encoding must be 'auto', '01' or 'spin', got {encoding!r}.")
    if encoding == "auto" and (X == 1).all():
        raise ValueError(
            "X has nothing but 1, so its other value is unknown: give encoding='spin' for -1, or "
            "'01' for 0."
        )
    if encoding != "auto":
        wanted = -1 if encoding == "spin" else 0
        if low != wanted and not (X == 1).all():
            raise ValueError(f"X has the value {low}, which encoding={encoding!r} has not.")
        low = wanted
    rng = as_generator(random_state)
    for share, flips in ((flip, True), (mask, False)):
        order = rng.random(X.shape).argsort(axis=1)[:, : round(share * X.shape[1])]
        old = np.take_along_axis(X, order, axis=1)
        new = low + 1 - old if flips else np.where(rng.random(order.shape) < 0.5, low, 1)
        np.put_along_axis(X, order, new.astype(X.dtype), axis=1)
    return X


def nudge_images(X: ArrayLike, y: ArrayLike | None = None, *, shape: tuple) -> tuple:
    """Add copies of all images moved by one pixel up, down, left and right.

    Parameters
    ----------
    X : array-like of shape (n_samples, height * width)
        Images, a row each.
    y : array-like of shape (n_samples,), default=None
        Their labels.
    shape : tuple of int
        Height and width.

    Returns
    -------
    X : ndarray of shape (5 * n_samples, height * width)
        The images, then their copies moved in each direction; what moves in is 0.
    y : ndarray of shape (5 * n_samples,)
        Labels repeated alike; only if y was given.

    Examples
    --------
    >>> import numpy as np
    >>> from skebm.datasets import nudge_images
    >>> nudge_images([[1, 2, 3, 4]], shape=(2, 2))
    array([[1, 2, 3, 4],
           [3, 4, 0, 0],
           [0, 0, 1, 2],
           [2, 0, 4, 0],
           [0, 1, 0, 3]])
    """
    X = check_array(X)
    if y is not None and np.shape(y)[:1] != (len(X),):
        raise ValueError(f"X has {len(X)} rows, but y has the shape {np.shape(y)}.")
    height, width = shape
    if height * width != X.shape[1]:
        raise ValueError(
            f"shape={shape} needs {height * width} columns, but X has {X.shape[1]} features."
        )
    padded = np.pad(X.reshape(-1, height, width), ((0, 0), (1, 1), (1, 1)))
    corners = (1, 1), (2, 1), (0, 1), (1, 2), (1, 0)
    moved = [padded[:, i : i + height, j : j + width].reshape(X.shape) for i, j in corners]
    X = np.concatenate(moved)
    return X if y is None else (X, np.tile(y, 5))


def _all_rows(n_bits):
    """All rows of 0 and 1, in the order of the numbers that they spell."""
    return np.arange(2**n_bits)[:, np.newaxis] >> np.arange(n_bits)[::-1] & 1
