"""Units with two states, of which everything follows from a hyperbolic tangent."""

import numpy as np

from .._blocks import COMPILED_SIZE
from ._base import like
from ._finite import Finite

# a hair below 2^-31, so that no number rounds to 1 and certain states stay certain
HALF_RANGE = np.nextafter(np.float32(2**-31), np.float32(0))
# columns from which on compiled loops over rows are faster
COMPILED_WIDTH = 64


class TwoStates(Finite):
    """Base of the units whose state is 1 or `low`, which is 0 or -1.

    In a field f the mean is the middle of the two plus half their distance times the tangent,
    ``tanh((1 - low) f / 2T)``. Large arrays in single precision go through compiled loops, where
    numba is installed.
    """

    def mean(self, field, temperature, out=None):
        """Middle of the states plus half their distance times the tangent."""
        half = 0.5 * (1 - self.low)
        out = np.multiply(field, half / temperature, out=out)
        # for 0 and 1 the same function as expit, at a tenth of its cost in float32
        np.tanh(out, out=out)
        if self.low == 0:
            out += 1
            out *= half
        return out

    def sample(self, field, temperature, rng, out=None):
        """Draw states; P(1) = (1 + tangent) / 2."""
        if field.size >= COMPILED_SIZE:
            out = like(field, out)
            compiled = _compiled_for(field, out)
            if compiled is not None:
                base = np.zeros((1, field.shape[1]), np.float32)
                self._respond(compiled, field, 1.0, base, temperature, rng, field[:0], out)
                return out
        out = np.multiply(field, self._scale(temperature), out=out)
        np.tanh(out, out=out)
        return _draw(out, self.low, rng, out)

    def respond(self, field, share, base, temperature, rng, means=None, states=None):
        """In one pass over the field."""
        if field.size >= COMPILED_SIZE and self._is_plain() and not np.ndim(share):
            compiled = _compiled_for(field, means, states)
            if compiled is not None:
                means, states = (field[:0] if part is None else part for part in (means, states))
                self._respond(compiled, field, share, base, temperature, rng, means, states)
                return
        super().respond(field, share, base, temperature, rng, means, states)

    def _is_plain(self):
        """Whether no subclass has means or draws of its own."""
        return type(self).mean is TwoStates.mean and type(self).sample is TwoStates.sample

    def _respond(self, compiled, field, share, base, temperature, rng, means, states):
        low, share, scale = np.float32([self.low, share, self._scale(temperature)])
        base = np.atleast_2d(base).astype(np.float32, order="C", copy=False)
        seeds = compiled.draw_seeds(rng) if len(states) else compiled.NO_SEEDS
        compiled.respond(field, share, base, scale, low, seeds, means, states)

    def _scale(self, temperature):
        """Of the field in the tangent."""
        return 0.5 * (1 - self.low) / temperature

    def rise_and_sample(self, field, here, there, temperature, rng):
        """From one tangent at either end.

        Of a cumulant ``T ln(exp(f / T) + exp(low f / T))`` the part beside the larger exponent is
        ``T ln 2 - T ln(1 + |tangent|)``.
        """
        scale = self._scale(temperature)
        compiled = None if field.size < COMPILED_SIZE else _compiled_for(field)
        if compiled is not None:
            larger, falls = np.empty((2, len(field)))
            ends = np.float32([scale * here, scale * there])
            compiled.fall_and_draw(
                field, *ends, np.float32(self.low), compiled.draw_seeds(rng), larger, falls
            )
        else:
            larger = (np.abs(field) if self.low else np.maximum(field, 0)).sum(axis=1)
            falls = _falls(field, scale * here, scale * there)
            _draw(field, self.low, rng, field)
        return (there - here) * larger + temperature * falls, field

    def discretize(self, means, rng, out=None):
        """Draw states whose means are `means`."""
        if self.low == 0:
            out = np.multiply(means, 2, out=out)
            out -= 1
            means = out
        return _draw(means, self.low, rng, like(means, out))


def _compiled_for(field, *results):
    """Module of compiled loops for large arrays, if they suit those and numba is installed."""
    if field.shape[-1] < COMPILED_WIDTH:
        return None
    for array in (field, *results):
        if array is not None and not (
            array.dtype == np.float32 and array.ndim == 2 and array.flags.c_contiguous
        ):
            return None
    from . import _compiled

    return _compiled if _compiled.respond else None


def _draw(tangents, low, rng, out):
    """States 1 with probability ``(1 + tangent) / 2``, that of uniform numbers below it."""
    np.less(_uniform(tangents, rng), tangents, out=out, casting="unsafe")
    if low:
        out *= 2
        out -= 1
    return out


def _uniform(array, rng):
    """Uniform numbers in [-1, 1) of the array's shape and dtype."""
    # 32 bits a number are enough to compare with, the same in both precisions, and half of what
    # `rng.random` would cost
    n_words = (array.size + 1) // 2
    if isinstance(rng.bit_generator, np.random.MT19937):  # its words have 32 bits
        words = rng.integers(2**64, size=n_words, dtype=np.uint64)
    else:
        # the same, without the overhead that small arrays feel
        words = rng.bit_generator.random_raw(n_words)
    numbers = words.view(np.int32)[: array.size].astype(array.dtype)
    numbers *= HALF_RANGE
    return numbers.reshape(array.shape)


def _falls(field, here, there):
    """Row sums of ``ln(1 + |tanh(here f)|) - ln(1 + |tanh(there f)|)``.

    The tangents at the end, which draw the states, are left in the place of the field.
    """
    before = np.multiply(field, here)
    np.tanh(before, out=before)
    np.abs(before, out=before)
    before += 1
    field *= there
    np.tanh(field, out=field)
    after = np.abs(field)
    after += 1
    before /= after
    np.log(before, out=before)
    return before.sum(axis=1, dtype=np.float64)
