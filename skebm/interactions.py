"""Interactions of a modern memory: how steeply its energy falls with the similarity to patterns.

An interaction is one function F of the similarities of a state with all patterns; energies, the
differences that turn spins over, and the weights of the patterns follow from it.

=====================  ==================================================  ===================
interaction            F                                                   states
=====================  ==================================================  ===================
`Softmax`              ``ln sum exp(scores)``                              rows of numbers
`Tsallis`              conjugate of an entropy with sparse weights         rows of numbers
`Exponential`          ``ln sum exp(overlaps)``                            spins
`Polynomial`           ``N sum (overlaps / N)^degree``                     spins
`RectifiedPolynomial`  ``N sum max(overlaps / N, 0)^degree``               spins
=====================  ==================================================  ===================

`ModernHopfieldMemory` takes them by name, or as an object: these, or your own.

>>> import numpy as np
>>> from skebm.interactions import Tsallis
>>> weights, value = Tsallis(2.0).associate(np.array([[0.3, 0.1, -2.0]]))
>>> weights
array([[0.6, 0.4, 0. ]])
"""

from __future__ import annotations

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from ._value import Value

# of the logarithm of the smallest normal number
FARTHEST = 0.92

__all__ = [
    "Exponential",
    "Interaction",
    "Polynomial",
    "RectifiedPolynomial",
    "Softmax",
    "SpinInteraction",
    "Tsallis",
]


class Interaction(Value):
    """Base of the interactions; one for rows of numbers defines `associate`.

    For spins see `SpinInteraction`.

    Attributes
    ----------
    reads_spins : bool
        Whether features are read as spins, and scores are their overlaps with patterns.
    is_softmax : bool
        Whether weights are a softmax of the scores, so that states have a known density.
    """

    reads_spins = False
    is_softmax = False

    def associate(self, scores: ArrayLike) -> tuple:
        """Weights of the patterns, and F, for every row of scores.

        F is convex, and the weights are its gradient: at least 0, of sum 1. F lies between the
        largest score and the log-sum-exp, on which exact sampling relies.

        Parameters
        ----------
        scores : ndarray of shape (n_rows, n_patterns)
            Similarities over the temperature; overlaps for spins.

        Returns
        -------
        weights : ndarray of shape (n_rows, n_patterns)
            Of the patterns.
        value : ndarray of shape (n_rows,)
            F.
        """
        raise NotImplementedError


class Tsallis(Interaction):
    """Weights that maximise ``weights @ scores`` plus a Tsallis entropy, 0 for low scores.

    The entropy is ``(1 - sum p^alpha) / (alpha (alpha - 1))``.

    Parameters
    ----------
    alpha : float, default=1.5
        Above 1: 1.5 is entmax, 2 sparsemax.

    References
    ----------
    A. Martins and R. Astudillo, "From softmax to sparsemax" (2016). B. Peters, V. Niculae and A.
    Martins, "Sparse sequence-to-sequence models" (2019). S. Santos et al., "Sparse and structured
    Hopfield networks" (2024).
    """

    def __init__(self, alpha: float = 1.5) -> None:
        if not alpha > 1:
            raise ValueError(f"alpha of Tsallis must be above 1, got {alpha!r}. 1 is Softmax().")
        self.alpha = alpha

    def associate(self, scores):
        """Weights and conjugate, by Newton's method."""
        alpha = self.alpha
        largest = scores.max(axis=1, keepdims=True)
        # p = ((alpha - 1) z - threshold)_+^power; from below, steps rise to the threshold
        z = (scores - largest) * (alpha - 1)
        power = 1 / (alpha - 1)
        threshold = np.full_like(largest, -1)
        for _ in range(60):
            above = np.maximum(z - threshold, 0)
            excess = (above**power).sum(axis=1, keepdims=True) - 1
            support = above ** (power - 1) if power > 1 else above > 0
            rise = excess / (power * support.sum(axis=1, keepdims=True))
            threshold += rise
            if (rise <= 4 * np.finfo(z.dtype).eps).all():
                break
        weights = np.maximum(z - threshold, 0) ** power
        weights /= weights.sum(axis=1, keepdims=True)
        entropy = (1 - (weights**alpha).sum(axis=1)) / (alpha * (alpha - 1))
        return weights, np.einsum("ij,ij->i", weights, scores) + entropy


class Softmax(Interaction):
    """Weights in proportion to ``exp(scores)``: the attention of transformers.

    References
    ----------
    H. Ramsauer et al., "Hopfield networks is all you need" (2020).
    """

    is_softmax = True

    def associate(self, scores):
        """Softmax and log-sum-exp."""
        return softmax(scores)


class SpinInteraction(Interaction):
    """Base of the interactions of spins, whose F is a sum over patterns; defines `terms`.

    Attributes
    ----------
    logarithmic : bool
        Whether terms are logarithms: F is the log-sum-exp of the terms, else their sum.

    Examples
    --------
    >>> import numpy as np
    >>> from skebm.interactions import SpinInteraction
    >>> class Cosh(SpinInteraction):
    ...     logarithmic = True
    ...     def terms(self, overlaps, n_units):
    ...         return np.logaddexp(overlaps, -overlaps)
    """

    reads_spins = True
    logarithmic = False

    def terms(self, overlaps: ArrayLike, n_units: int) -> np.ndarray:
        """What patterns add to F.

        Parameters
        ----------
        overlaps : ndarray
            ``xi . s``, integers from ``-n_units - 2`` to ``n_units + 2``.
        n_units : int
            Number of spins, N.

        Returns
        -------
        terms : ndarray of the same shape
            Of double precision.
        """
        raise NotImplementedError

    def value(self, terms):
        """F of every row of terms."""
        return logsumexp(terms, axis=1) if self.logarithmic else terms.sum(axis=1)


class Polynomial(SpinInteraction):
    """Powers of the overlaps, which store about ``N^(degree - 1)`` patterns.

    Parameters
    ----------
    degree : int, default=4
        At least 2. For even degrees the negatives of patterns are attractors, too.

    References
    ----------
    D. Krotov and J. Hopfield, "Dense associative memory for pattern recognition" (2016).
    """

    def __init__(self, degree: int = 4) -> None:
        if not isinstance(degree, Integral) or degree < 2:
            raise ValueError(
                f"degree of {type(self).__name__} must be an integer of at least 2, got {degree!r}."
            )
        self.degree = degree

    def terms(self, overlaps, n_units):
        """``N (overlaps / N)^degree``."""
        return n_units * (overlaps / n_units) ** self.degree


class RectifiedPolynomial(Polynomial):
    """Powers of the positive overlaps, as `Polynomial` without negatives of patterns.

    Parameters
    ----------
    degree : int, default=4
        At least 2.
    """

    def terms(self, overlaps, n_units):
        """``N max(overlaps / N, 0)^degree``."""
        return super().terms(np.maximum(overlaps, 0), n_units)


class Exponential(SpinInteraction):
    """Exponentials of the overlaps, which store about ``2^(N/2)`` patterns.

    References
    ----------
    M. Demircigil et al., "On a model of associative memory with huge storage capacity" (2017).
    """

    logarithmic = True

    def terms(self, overlaps, n_units):
        """The overlaps, in the exponent."""
        return np.asarray(overlaps, dtype=np.float64)


def exponentials(differences):
    """``exp`` of differences from the largest exponent, in their place.

    Where some would be near the smallest number, they are 0: denormal numbers change nothing beside
    1, but a product with many of them takes a hundred times as long. A part of the columns shows
    whether there are many.
    """
    kind = differences.dtype.type
    farthest = kind(FARTHEST * np.log(np.finfo(kind).tiny))
    is_far = differences[:, : 1 + differences.shape[1] // 8].min(initial=0) < farthest
    if is_far:
        np.maximum(differences, farthest, out=differences)
    np.exp(differences, out=differences)
    if is_far:
        differences -= np.exp(farthest)
    return differences


def softmax(scores):
    """Softmax and log-sum-exp of every row."""
    largest = scores.max(axis=1, keepdims=True)
    weights = exponentials(scores - largest)
    total = weights.sum(axis=1, keepdims=True)
    weights /= total
    return weights, (largest + np.log(total))[:, 0]


# from the parameter `degree` of a memory
INTERACTIONS = {
    "softmax": lambda degree: Softmax(),
    "entmax": lambda degree: Tsallis(1.5),
    "sparsemax": lambda degree: Tsallis(2.0),
    "exponential": lambda degree: Exponential(),
    "polynomial": Polynomial,
    "rectified_polynomial": RectifiedPolynomial,
}


def as_interaction(interaction, degree=None):
    """Return the interaction of that name, or what was given if it is an object."""
    return INTERACTIONS[interaction](degree) if isinstance(interaction, str) else interaction
