"""Energy of rows with holes, `Kernel`: a memory that measures distances as its rows vary.

Components of one normal law stand at all patterns, so that a row x has

    E(x) = -T ln sum_k exp(-(x - z_k)' P (x - z_k) / 2T)

at temperature T, where P is the inverse of the patterns' covariance C: the softmax memory with
Euclidean similarity, in coordinates in which the patterns vary alike in every direction. What is
missing of a row can be integrated out of each component. A component then has the squared distance

    d_k(x_known) = min over x_missing of (x - z_k)' P (x - z_k) ,

its minimum lies at the mean of the missing values given the known ones, a linear regression that
goes through z_k, and that of the mixture is the mean of these with the weights ``exp(-d_k / 2T)``.
So a high temperature gives linear regression, and a low one the nearest patterns.

With any values in the place of the missing ones, all rows' distances are one matrix product, and
holes are taken out of them at the cost of their number m squared: with ``r_k = P_m (x - z_k)`` of
the rows of P that belong to holes, ``d_k = (x - z_k)' P (x - z_k) - r_k' (P_mm)^-1 r_k``.

>>> import numpy as np
>>> from skebm._energies.kernel import Kernel
>>> line = np.array([[0.0, 0.1], [1.0, 0.9], [2.0, 2.1], [3.0, 2.9]])
>>> kernel = Kernel.of(line, np.cov(line.T), temperature=1.0)
>>> kernel.conditional_mean(np.array([[1.5, np.nan]])).round(2)
array([[1.5, 1.5]])
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp

from .._blocks import batches
from ..interactions import exponentials

LARGEST_BLOCK = 2**22
# squared distance of rows that are the same but for rounding
SAME = 1e-9


@dataclass(frozen=True, eq=False)
class Kernel:
    """Patterns, and the covariance that their components share.

    Attributes
    ----------
    patterns : ndarray of shape (n_patterns, n_features)
        z, complete.
    precision : ndarray of shape (n_features, n_features)
        P.
    log_determinant : float
        Of P.
    temperature : float
        T: components have the covariance T C.
    """

    patterns: np.ndarray
    precision: np.ndarray
    log_determinant: float
    temperature: float

    @classmethod
    def of(cls, patterns, covariance, temperature):
        """Prepare patterns with a covariance that can be inverted."""
        lower = np.linalg.cholesky(covariance)
        inverse = np.linalg.inv(lower)
        log_determinant = -2 * np.log(np.diag(lower)).sum()
        return cls(patterns, inverse.T @ inverse, float(log_determinant), temperature)

    def at(self, temperature):
        """The same at another temperature."""
        return replace(self, temperature=temperature)

    def whitened(self):
        """Patterns in the coordinates in which the metric is Euclidean."""
        return self.patterns @ np.linalg.cholesky(self.precision)

    @property
    def center(self):
        """Mean of the patterns."""
        return self.patterns.mean(axis=0)

    def _groups(self, X, own=None, complete=False):
        """Yield rows with the same holes, and what their components say about these.

        Rows without holes only if `complete`.

        Numbers of the rows and of the holes, (P_mm)^-1, the parts ``P_m (x - c)`` of the rows and
        ``P_m (z - c)`` of the patterns, whose difference is r, and squared distances. Without
        anything known, (P_mm)^-1 is C, and rows are at the center.
        """
        center = self.center
        patterns = self.patterns - center
        projected = patterns @ self.precision
        squares = np.einsum("ij,ij->i", patterns, projected)
        missing = np.isnan(X)
        filled = np.where(missing, 0.0, X - center)
        for holes, rows in _by_holes(missing):
            if not (holes.size or complete):
                continue
            theirs = projected[:, holes]
            inner = np.linalg.inv(self.precision[np.ix_(holes, holes)])
            own_part = np.einsum("ij,ij->i", theirs @ inner, theirs)
            for block in batches(len(rows), max(1, LARGEST_BLOCK // len(patterns))):
                some = rows[block]
                at = filled[some] @ self.precision
                here = at[:, holes]
                distances = np.einsum("ij,ij->i", filled[some], at)[:, np.newaxis] + squares
                distances -= 2 * filled[some] @ projected.T
                moved = here @ inner
                distances -= np.einsum("ij,ij->i", moved, here)[:, np.newaxis] + own_part
                distances += 2 * moved @ theirs.T
                if holes.size == X.shape[1]:
                    distances[:] = 0.0
                np.maximum(distances, 0.0, out=distances)
                if own is not None:
                    known = np.flatnonzero(own[some] >= 0)
                    distances[known, own[some][known]] = np.inf
                yield some, holes, inner, here, theirs, distances

    def conditional_mean(self, X, own=None):
        """Rows with the means of what is missing in its place.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Rows; NaN is missing.
        own : ndarray of int of shape (n_rows,), default=None
            The pattern that each row is itself, which is left out; -1 for none.
        """
        return self.conditional_means(X, [self.temperature], own)[0]

    def conditional_means(self, X, temperatures, own=None):
        """The same at several temperatures, shape (n_temperatures, n_rows, n_features)."""
        result, center = np.repeat(X[np.newaxis], len(temperatures), axis=0), self.center
        for rows, holes, inner, here, theirs, distances in self._groups(X, own):
            for filled, temperature in zip(result, temperatures, strict=True):
                mean = _weights(distances, temperature) @ theirs
                filled[np.ix_(rows, holes)] = center[holes] - (here - mean) @ inner
        return result

    def expectation(self, X, own):
        """Conditional means, and the mean over rows of the covariance that they leave at T = 1."""
        filled, center, residual = X.copy(), self.center, np.zeros(self.precision.shape)
        for rows, holes, inner, here, theirs, distances in self._groups(X, own):
            mean = _weights(distances, self.temperature) @ theirs
            filled[np.ix_(rows, holes)] = center[holes] - (here - mean) @ inner
            residual[np.ix_(holes, holes)] += len(rows) * inner
        return filled, residual / len(X)

    def conditional_variance(self, X, width):
        """Variances of what is missing of each row; 0 of what is known.

        With weights at the temperature, and components of a width of their own.
        """
        result = np.zeros(X.shape)
        for rows, holes, inner, _, theirs, distances in self._groups(X):
            spots, weights = theirs @ inner, _weights(distances, self.temperature)
            spread = weights @ spots**2 - (weights @ spots) ** 2
            result[np.ix_(rows, holes)] = width * np.diag(inner) + np.maximum(spread, 0.0)
        return result

    def draw(self, X, rng, width, spread=True, own=None):
        """Rows with a draw of what is missing in its place.

        Components are drawn with weights at the temperature, and have a width of their own.
        Features that do not `spread` have the value that the drawn component gives them.
        """
        result, center = X.copy(), self.center
        # numbers of a row belong to it, whatever its holes have in common with others
        uniform = rng.random(len(X))
        normal = rng.standard_normal(X.shape)
        for rows, holes, inner, here, theirs, distances in self._groups(X, own):
            below = np.cumsum(_weights(distances, self.temperature), axis=1)
            k = (below < uniform[rows, np.newaxis] * below[:, -1:]).sum(axis=1)
            noise = normal[np.ix_(rows, holes)] @ np.linalg.cholesky(width * inner).T
            noise *= np.broadcast_to(spread, X.shape[1])[holes]
            result[np.ix_(rows, holes)] = center[holes] - (here - theirs[k]) @ inner + noise
        return result

    def draw_free(self, n_rows, rng, width, spread=True):
        """New rows, of components that are different ones as long as there are others."""
        n_patterns, n_features = self.patterns.shape
        rounds = [rng.permutation(n_patterns) for _ in range(-(-n_rows // n_patterns))]
        root = np.linalg.cholesky(width * np.linalg.inv(self.precision))
        noise = rng.standard_normal((n_rows, n_features)) @ root.T
        return self.patterns[np.concatenate(rounds)[:n_rows]] + np.where(spread, noise, 0)

    def log_density(self, X, without_self=False):
        """Log-density of what is known of every row, of patterns in the mixture of the others."""
        result, n_patterns = np.zeros(len(X)), len(self.patterns)
        for rows, holes, inner, _, _, distances in self._groups(X, complete=True):
            n_known = X.shape[1] - holes.size
            if n_known:
                # det of the known part of C is that of C times that of P_mm
                log_determinant = self.log_determinant + np.linalg.slogdet(inner)[1]
                n_components = np.full(len(rows), n_patterns)
                if without_self and n_patterns > 1:
                    own = distances.argmin(axis=1)
                    stored = np.flatnonzero(distances[np.arange(len(rows)), own] <= SAME)
                    distances[stored, own[stored]] = np.inf
                    n_components[stored] -= 1
                log_sum = logsumexp(distances / (-2 * self.temperature), axis=1)
                volume = n_known * np.log(2 * np.pi * self.temperature) - log_determinant
                result[rows] = log_sum - np.log(n_components) - 0.5 * volume
        return result


def _by_holes(missing):
    """Columns of the holes, and numbers of the rows that have these, pattern by pattern."""
    kinds, kind = np.unique(np.packbits(missing, axis=1), axis=0, return_inverse=True)
    order = np.argsort(kind.ravel(), kind="stable")
    for rows in np.split(order, np.cumsum(np.bincount(kind.ravel(), minlength=len(kinds)))[:-1]):
        yield np.flatnonzero(missing[rows[0]]), rows


def _weights(distances, temperature):
    weights = distances.min(axis=1, keepdims=True) - distances
    weights *= 1 / (2 * temperature)
    exponentials(weights)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights
