"""Learning of an RBM with two Gaussian sides, which is a factor analysis, by its maximum."""

from math import sqrt

import numpy as np


def maximize(X, n_components, temperature, least_variance):
    """Maximum of the likelihood of a machine that is a normal distribution.

    With loadings L (n_components rows) and noise variances s^2 the covariance of a factor
    analysis is ``L' L + diag(s^2)``; the machine's precision is ``diag(1 / s^2) - W' W``.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Training rows.
    n_components : int
        Number of hidden units.
    temperature : float
        T of the machine.
    least_variance : ndarray of shape (n_features,)
        Smallest variances of the noise.

    Returns
    -------
    parameters : tuple of ndarray
        Weights, visible and hidden biases, and the variances of the visible units.
    losses : list of float
        Negative mean log-likelihood after every iteration, in nats.
    n_iter : int
        Number of iterations.
    """
    # takes long to import
    from sklearn.decomposition import FactorAnalysis

    analysis = FactorAnalysis(min(n_components, X.shape[1]), random_state=0)
    analysis.fit(X.astype(np.float64))
    variance = np.maximum(analysis.noise_variance_, least_variance)
    loadings, mean = analysis.components_, analysis.mean_
    inner = np.eye(len(loadings)) + loadings / variance @ loadings.T
    values, vectors = np.linalg.eigh(inner)
    weights = np.zeros((n_components, X.shape[1]))
    # the inverse square root of the inner matrix takes the hidden units' correlations out
    weights[: len(loadings)] = (vectors / np.sqrt(values)) @ vectors.T @ loadings / variance
    weights *= sqrt(temperature)
    parameters = weights, temperature * mean / variance, -(weights @ mean), variance / temperature
    losses = [-float(value) / len(X) for value in analysis.loglike_]
    return parameters, losses, analysis.n_iter_
