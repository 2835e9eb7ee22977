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
from sklearn.utils import gen_batches

LARGEST_BLOCK = 2**22


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

    def _rows(self, X, own):
        """Yield for every row: its number, holes, (P_mm)^-1, r, and squared distances d."""
        center = self.patterns.mean(axis=0)
        patterns = self.patterns - center
        missing = np.isnan(X)
        filled = np.where(missing, 0.0, X - center)
        projected = patterns @ self.precision
        squares = np.einsum("ij,ij->i", patterns, projected)
        for rows in gen_batches(len(X), max(1, LARGEST_BLOCK // len(patterns))):
            at = filled[rows] @ self.precision
            distances = np.einsum("ij,ij->i", filled[rows], at)[:, np.newaxis]
            distances = distances + squares - 2 * filled[rows] @ projected.T
            for i, distance in enumerate(distances, rows.start):
                holes = np.flatnonzero(missing[i])
                inner, r = None, None
                if holes.size == X.shape[1]:
                    distance = np.zeros(len(patterns))
                elif holes.size:
                    inner = np.linalg.inv(self.precision[np.ix_(holes, holes)])
                    r = at[i - rows.start, holes] - projected[:, holes]
                    distance = distance - np.einsum("ij,ij->i", r @ inner, r)
                if own is not None and own[i] >= 0:
                    distance[own[i]] = np.inf
                yield i, holes, inner, r, np.maximum(distance, 0.0)

    def _mean(self, holes, inner, r, weights):
        """Means of what is missing, under weights of the components."""
        if inner is None:  # nothing is known
            return weights @ self.patterns
        center = self.patterns.mean(axis=0)[holes]
        return center - inner @ (weights @ r)

    def conditional_mean(self, X, own=None):
        """Rows with the means of what is missing in its place.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Rows; NaN is missing.
        own : ndarray of int of shape (n_rows,), default=None
            The pattern that each row is itself, which is left out; -1 for none.
        """
        result = X.copy()
        for i, holes, inner, r, distance in self._rows(X, own):
            if holes.size:
                weights = _weights(distance, self.temperature)
                result[i, holes] = self._mean(holes, inner, r, weights)
        return result

    def conditional_means(self, X, temperatures, own=None):
        """The same at several temperatures, shape (n_temperatures, n_rows, n_features)."""
        result = np.repeat(X[np.newaxis], len(temperatures), axis=0)
        for i, holes, inner, r, distance in self._rows(X, own):
            if holes.size:
                for of_temperature, temperature in zip(result, temperatures, strict=True):
                    weights = _weights(distance, temperature)
                    of_temperature[i, holes] = self._mean(holes, inner, r, weights)
        return result

    def conditional_variance(self, X, width):
        """Variances of what is missing of each row; 0 of what is known.

        With weights at the temperature, and components of a width of their own.
        """
        result = np.zeros(X.shape)
        for i, holes, inner, r, distance in self._rows(X, None):
            if not holes.size:
                continue
            weights = _weights(distance, self.temperature)
            if inner is None:
                inner = np.linalg.inv(self.precision)
                spots = self.patterns
            else:
                spots = -r @ inner
            spread = weights @ spots**2 - (weights @ spots) ** 2
            result[i, holes] = width * np.diag(inner) + np.maximum(spread, 0.0)
        return result

    def residual_covariance(self, X):
        """Mean over rows of the covariance of what is missing given what is known, at T = 1."""
        total = np.zeros(self.precision.shape)
        missing = np.isnan(X)
        for row in missing[missing.any(axis=1)]:
            holes = np.flatnonzero(row)
            total[np.ix_(holes, holes)] += np.linalg.inv(self.precision[np.ix_(holes, holes)])
        return total / len(X)

    def draw(self, X, rng, width, spread=True):
        """Rows with a draw of what is missing in its place.

        Components are drawn with weights at the temperature, and have a width of their own.
        Features that do not `spread` have the value that the drawn component gives them.
        """
        result = X.copy()
        center = self.patterns.mean(axis=0)
        spread = np.broadcast_to(spread, X.shape[1])
        for i, holes, inner, r, distance in self._rows(X, None):
            if not holes.size:
                continue
            # the largest of log-weights plus Gumbel noise is a draw with those weights
            k = (rng.gumbel(size=len(distance)) - distance / (2 * self.temperature)).argmax()
            if inner is None:
                inner, mean = self._covariance(), self.patterns[k]
            else:
                mean = center[holes] - inner @ r[k]
            noise = np.sqrt(width) * np.linalg.cholesky(inner) @ rng.standard_normal(holes.size)
            result[i, holes] = mean + np.where(spread[holes], noise, 0)
        return result

    def draw_free(self, n_rows, rng, width, spread=True):
        """New rows, of components that are different ones as long as there are others."""
        n_patterns, n_features = self.patterns.shape
        rounds = [rng.permutation(n_patterns) for _ in range(-(-n_rows // n_patterns))]
        noise = rng.standard_normal((n_rows, n_features))
        noise = np.sqrt(width) * noise @ np.linalg.cholesky(self._covariance()).T
        return self.patterns[np.concatenate(rounds)[:n_rows]] + np.where(spread, noise, 0)

    def _covariance(self):
        return np.linalg.inv(self.precision)

    def log_density(self, X):
        """Log-density of what is known of every row."""
        result = np.empty(len(X))
        n_features = X.shape[1]
        for i, holes, inner, _, distance in self._rows(X, None):
            n_known = n_features - holes.size
            log_determinant = self.log_determinant
            if not n_known:
                result[i] = 0.0
                continue
            if holes.size:
                # det of the known part of C is that of C times that of P_mm
                log_determinant += np.linalg.slogdet(inner)[1]
            result[i] = (
                logsumexp(distance / (-2 * self.temperature))
                - np.log(len(distance))
                + 0.5 * log_determinant
                - 0.5 * n_known * np.log(2 * np.pi * self.temperature)
            )
        return result


def _weights(distance, temperature):
    weights = np.exp((distance.min() - distance) / (2 * temperature))
    return weights / weights.sum()
