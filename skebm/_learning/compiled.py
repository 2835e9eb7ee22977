"""A step of the weights in one pass, compiled, where numba is installed (extra ``fast``)."""

from .._compiled import AS_WRITTEN, compiled


@compiled(AS_WRITTEN)
def advance(weights, velocity, step, momentum, decay, threshold):
    """Move one-dimensional weights along a step, in place, as `optimizer.move` does.

    `velocity` is empty where there is no momentum; `decay` and `threshold` are the penalties
    times the rate.
    """
    has_momentum, shrinks = len(velocity) > 0, threshold > 0
    for k in range(len(weights)):
        weight = weights[k]
        change = step[k] - decay * weight
        if has_momentum:
            change += momentum * velocity[k]
            velocity[k] = change
        weight += change
        if shrinks:
            size = abs(weight) - threshold
            size = size if size > 0 else size * 0
            weight = size if weight > 0 else -size
        weights[k] = weight
