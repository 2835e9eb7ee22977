"""Draws of units of two states, compiled, where numba is installed (extra ``fast``).

Those of `TwoStates`, in single precision and row after row, so that what lies between a field and
its states never leaves the cache. Random numbers are others: from generators side by side, which
the given one seeds.
"""

import numpy as np

from .._compiled import ANY_ORDER, compiled
from ._two_states import HALF_RANGE

# generators side by side, so that loops over them vectorise
N_LANES = 16
NO_SEEDS = np.empty((4, 0), np.uint32)
# |x| from which on tanh(x) is 1 in single precision
LARGEST = np.float32(9)
# tanh(x) = x P(x^2) / Q(x^2) up to there, by least squares of the relative error, which is 7e-9
P0, P1, P2, P3, P4, P5, P6 = np.float32(
    [
        9.99999998e-01,
        1.30860409e-01,
        3.10617794e-03,
        1.11762109e-05,
        -2.03059992e-08,
        5.31254644e-11,
        -8.56711912e-14,
    ]
)
Q1, Q2, Q3 = np.float32([4.64193699e-01, 2.45041553e-02, 2.54930233e-04])
ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)
# ratios between 1/2 and 2 whose product is a number for sure
N_FACTORS = 1000


def draw_seeds(rng):
    """Words that seed the generators."""
    return rng.integers(2**32, size=(4, N_LANES), dtype=np.uint32)


@compiled(ANY_ORDER)
def respond(field, share, base, scale, low, seeds, means, states):
    """Means, and states 1 with probability ``(1 + tangent) / 2``, else `low`.

    Tangents are ``tanh(scale (share field + base))``; `base` has a row, or one for every row
    of the field. `means` without rows are left alone, `states` are those of as many rows as they
    have, the last ones; one of the two may be the field. `seeds`, of shape (4, N_LANES), are
    32-bit words of the generators.
    """
    n_rows, n_units = field.shape
    middle, half = (ONE + low) * HALF, (ONE - low) * HALF
    numbers, tangents = np.empty(n_units + N_LANES, np.int32), np.empty(n_units, np.float32)
    for row in range(n_rows):
        own, added = field[row], base[row if len(base) > 1 else 0]
        for unit in range(n_units):
            tangents[unit] = _tanh(scale * (share * own[unit] + added[unit]))
        if len(means):
            mean = means[row]
            for unit in range(n_units):
                mean[unit] = middle + half * tangents[unit]
        if row >= n_rows - len(states):
            _draw(tangents, low, numbers, seeds, states[row - n_rows + len(states)])


@compiled(ANY_ORDER)
def fall_and_draw(field, here, there, low, seeds, larger, falls):
    """States drawn in the field times `there`, in its place, and sums over the rows.

    Into `larger` of the larger of ``field`` and ``low field``, into `falls` of
    ``ln(1 + |tanh(here field)|) - ln(1 + |tanh(there field)|)``.
    """
    n_rows, n_units = field.shape
    numbers = np.empty(n_units + N_LANES, np.int32)
    tangents, ratios = np.empty(n_units, np.float32), np.empty(n_units, np.float32)
    for row in range(n_rows):
        state = field[row]
        total = 0.0
        for unit in range(n_units):
            own = state[unit]
            # a product of an infinite field and 0 would be none of the two
            total += own if own > 0 else (-own if low < 0 else ZERO)
        larger[row] = total
        for unit in range(n_units):
            tangents[unit] = _tanh(there * state[unit])
        for unit in range(n_units):
            before = ONE + abs(_tanh(here * state[unit]))
            ratios[unit] = before / (ONE + abs(tangents[unit]))
        total = 0.0
        for first in range(0, n_units, N_FACTORS):
            product = 1.0
            for ratio in ratios[first : first + N_FACTORS]:
                product *= ratio
            total += np.log(product)
        falls[row] = total
        _draw(tangents, low, numbers, seeds, state)


@compiled(ANY_ORDER)
def _draw(tangents, low, numbers, seeds, state):
    """A row of states; `numbers` is memory for as many words, and those of a generator more."""
    _fill(numbers, len(tangents), seeds)
    for unit in range(len(tangents)):
        number = np.float32(numbers[unit]) * HALF_RANGE
        state[unit] = ONE if number < tangents[unit] else low


@compiled(ANY_ORDER, inline="always")
def _tanh(x):
    near = LARGEST if x > LARGEST else x
    near = -LARGEST if near < -LARGEST else near
    z = near * near
    above = P0 + z * (P1 + z * (P2 + z * (P3 + z * (P4 + z * (P5 + z * P6)))))
    below = ONE + z * (Q1 + z * (Q2 + z * Q3))
    tangent = near * above / below
    tangent = ONE if x >= LARGEST or tangent > ONE else tangent
    return -ONE if x <= -LARGEST or tangent < -ONE else tangent


@compiled(ANY_ORDER)
def _fill(numbers, n_numbers, seeds):
    """Next words of the generators, xoshiro128+ (Blackman and Vigna 2021)."""
    first, second, third, fourth = seeds[0], seeds[1], seeds[2], seeds[3]
    for start in range(0, n_numbers, N_LANES):
        part = numbers[start : start + N_LANES]
        for lane in range(N_LANES):
            a, b, c, d = first[lane], second[lane], third[lane], fourth[lane]
            part[lane] = np.int32(a + d)
            shifted = b << np.uint32(9)
            c ^= a
            d ^= b
            b ^= c
            a ^= d
            c ^= shifted
            d = (d << np.uint32(11)) | (d >> np.uint32(21))
            first[lane], second[lane], third[lane], fourth[lane] = a, b, c, d
