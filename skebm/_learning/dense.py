"""Training a dense memory as a classifier (Krotov and Hopfield 2016).

Memories have a visible part W, one row each, and a label part V. A label unit c follows the energy
difference of its two states, with the rectified power F(x) = max(x, 0)^n. As a label is a small
part of the overlap, the difference is a derivative, and

    c = tanh(2 sum_mu V_mu F'(a_mu)),    a_mu = W_mu . x / scale

where the scale keeps powers in range and x ends in a unit that is always on. The loss is the mean
of ``(c - t)^m``, which looks at the worst mistakes only if the even m is large; each memory moves
along its gradient with momentum, by a step whose largest entry is the learning rate, and stays
within -1 and 1. So every memory learns at the same pace, however seldom it takes part.
"""

from typing import NamedTuple

import numpy as np

from .._blocks import batches

INITIAL_MEAN, INITIAL_DEVIATION = -0.3, 0.3
SMALLEST_GRADIENT = 1e-30
# of the mean squared length of a row: what overlaps are divided by
SCALE = 0.8


class Memories(NamedTuple):
    """Trained memories.

    Attributes
    ----------
    visible : ndarray of shape (n_memories, n_features)
        W, in [-1, 1].
    labels : ndarray of shape (n_memories, n_classes)
        V, in [-1, 1].
    degree : int
        n.
    scale : float
        What overlaps are divided by.
    """

    visible: np.ndarray
    labels: np.ndarray
    degree: int
    scale: float

    @classmethod
    def random(cls, n_memories, X, n_classes, degree, rng):
        """Memories to start from, for training rows in [-1, 1]."""
        shape = (n_memories, X.shape[1] + n_classes)
        start = rng.normal(INITIAL_MEAN, INITIAL_DEVIATION, shape).clip(-1, 1).astype(X.dtype)
        scale = SCALE * float(np.einsum("ij,ij->i", X, X).mean()) or 1.0
        visible, labels = start[:, : X.shape[1]].copy(), start[:, X.shape[1] :].copy()
        return cls(visible, labels, degree, scale)

    def overlaps(self, X):
        """``max(a, 0)`` of every row and memory."""
        overlaps = X @ self.visible.T
        overlaps *= overlaps.dtype.type(1 / self.scale)
        return np.maximum(overlaps, 0, out=overlaps)

    def drive(self, powers):
        """Arguments of the label units' tanh, from ``max(a, 0)^(n - 1)``."""
        return powers @ self.labels * self.labels.dtype.type(2 * self.degree / self.scale)


def train_epoch(memories, velocity, X, targets, rng, *, exponent, batch_size, momentum, rates):
    """One pass over the rows in minibatches; changes memories and velocity in place.

    Parameters
    ----------
    memories : Memories
        What is trained.
    velocity : tuple of ndarray
        Decaying sums of gradients, of the shapes of W and V.
    X : ndarray of shape (n_samples, n_features)
        Rows in [-1, 1], the last column 1.
    targets : ndarray of shape (n_samples, n_classes)
        -1, and +1 for the class.
    rng : numpy.random.Generator
        Source of randomness.
    exponent : int
        m, even.
    batch_size : int
        Rows of a minibatch.
    momentum : float
        Share of the last sum of gradients that is kept.
    rates : iterable of float
        Largest change of an entry, for every minibatch.

    Returns
    -------
    loss : float
        Mean loss during the epoch.
    """
    order = rng.permutation(len(X))
    n, total = memories.degree, 0.0
    for rows, rate in zip(batches(len(X), batch_size), rates, strict=True):
        x = X[order[rows]]
        overlaps = memories.overlaps(x)
        derivative = overlaps ** (n - 2) if n > 2 else (overlaps > 0).astype(x.dtype)
        powers = overlaps
        powers *= derivative
        c = np.tanh(memories.drive(powers))
        error = c - targets[order[rows]]
        total += float((error**exponent).sum())
        delta = error ** (exponent - 1) * (1 - c**2)
        derivative *= delta @ memories.labels.T
        # the factors that all entries of a memory share drop out of the normalised step
        gradients = derivative.T @ x * ((n - 1) / memories.scale), powers.T @ delta
        for part, speed, gradient in zip(memories[:2], velocity, gradients, strict=True):
            speed *= momentum
            speed -= gradient
            largest = np.abs(speed).max(axis=1, keepdims=True)
            # a memory that no row excites stays where it is
            np.maximum(largest, SMALLEST_GRADIENT, out=largest)
            part += speed * (rate / largest)
            np.clip(part, -1, 1, out=part)
    return total / targets.size
