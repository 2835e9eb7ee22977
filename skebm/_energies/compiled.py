"""The inner loops of the heat bath, compiled, where numba is installed (extra ``fast``).

They decide by the rules of `Coupled.sweeps` and `Dense.decide`, with the same random numbers. They
add up in another order, so a decision within rounding of its threshold may differ, and with it what
follows: the law of the states is the same, chains are not to the bit.
"""

import numpy as np

from .._compiled import ANY_ORDER, AS_WRITTEN, compiled
from .dense import ROUNDING, STEEPEST

# sum of terms from which on they are scaled anew
LARGEST_TOTAL = 1e200


@compiled(AS_WRITTEN)
def sweep_block(field, thresholds, states, coupling):
    """Let the units of a block decide one after another, for many chains.

    Changes `field`, of shape (n_units, n_chains), and `states` in place. Chains come in pieces
    that fit the cache. Four units decide, then their changes reach all units behind them in
    one pass.
    """
    n_units, n_chains = field.shape
    piece = 128
    change = np.empty((4, piece), field.dtype)
    change_0, change_1, change_2, change_3 = change[0], change[1], change[2], change[3]
    for first in range(0, n_chains, piece):
        n = min(piece, n_chains - first)
        for unit in range(0, n_units, 4):
            n_deciding = min(4, n_units - unit)
            for k in range(n_deciding):
                # 1-D views: two-dimensional indexing keeps the loops from vectorising
                own = field[unit + k, first : first + n]
                threshold = thresholds[unit + k, first : first + n]
                state = states[unit + k, first : first + n]
                changed = change[k]
                for c in range(n):
                    new = field.dtype.type(own[c] > threshold[c])
                    changed[c] = new - state[c]
                    state[c] = new
                for later in range(k + 1, n_deciding):
                    weight = coupling[unit + later, unit + k]
                    other = field[unit + later, first : first + n]
                    for c in range(n):
                        other[c] += weight * changed[c]
            if n_deciding < 4:
                break
            for later in range(unit + 4, n_units):
                weights = coupling[later, unit : unit + 4]
                weight_0, weight_1 = weights[0], weights[1]
                weight_2, weight_3 = weights[2], weights[3]
                other = field[later, first : first + n]
                for c in range(n):
                    other[c] += (
                        weight_0 * change_0[c]
                        + weight_1 * change_1[c]
                        + weight_2 * change_2[c]
                        + weight_3 * change_3[c]
                    )


@compiled(AS_WRITTEN)
def sweep_few(field, thresholds, states, coupling):
    """Let all units decide one after another, for few chains, and keep their fields.

    Changes `field` and `states`, of shape (n_chains, n_units), in place. Only a unit that
    changes costs a pass over the others.
    """
    n_chains, n_units = field.shape
    for chain in range(n_chains):
        own, threshold, state = field[chain], thresholds[chain], states[chain]
        for unit in range(n_units):
            new = field.dtype.type(own[unit] > threshold[unit])
            change = new - state[unit]
            if change != 0:
                state[unit] = new
                weights = coupling[unit]
                for other in range(n_units):
                    own[other] += change * weights[other]


@compiled(ANY_ORDER)
def decide_dense(states, overlaps, thresholds, movable, columns, terms, parts, in_logarithms):
    """Let the spins of a block decide one after another, in a dense memory.

    Changes `states`, of shape (n_rows, n_units), and `overlaps`, of shape (n_rows, n_patterns),
    in place; `columns`, of shape (n_units, n_patterns), are the units' spins in the patterns.
    Only a spin that turns costs a look at the tables, of `parts`: the odd and the even part of
    differences at every overlap, and 1.
    """
    n_units, n_patterns = columns.shape
    origin = len(terms) // 2
    odd, places = np.empty(n_patterns), np.empty(n_patterns, np.int64)
    table = parts.copy()
    changes = size = total = 0.0
    is_weighed = False
    for row in range(len(states)):
        state, threshold, may_move = states[row], thresholds[row], movable[row]
        overlap = overlaps[row]
        for k in range(n_patterns):
            places[k] = np.int64(overlap[k]) + origin
        is_known = False
        for unit in range(n_units):
            if not may_move[unit]:
                continue
            column = columns[unit]
            if not is_known:
                changes, size, total = _look_up(table, places, odd)
                if in_logarithms and not (is_weighed and 1 / LARGEST_TOTAL < total < LARGEST_TOTAL):
                    _weigh(table, parts, terms, places)
                    changes, size, total = _look_up(table, places, odd)
                    is_weighed = True
                is_known = True
            product = 0.0
            for k in range(n_patterns):
                product += odd[k] * column[k]
            spin = state[unit]
            drive = product - spin * changes
            if abs(drive) <= ROUNDING * size:
                drive = 0.0
            if in_logarithms:
                both = changes + 2 * total - spin * product
                ratio = min(max(drive / both, -1.0), 1.0) if both > 0 else spin
                if abs(ratio) == 1:
                    drive = ratio * np.inf
                else:
                    drive = np.log1p(ratio) - np.log1p(-ratio)
            if (drive - threshold[unit]) * spin < 0:
                state[unit] = -spin
                turn = np.int64(-2 * spin)
                for k in range(n_patterns):
                    places[k] += turn * np.int64(column[k])
                is_known = False
        for k in range(n_patterns):
            overlap[k] = places[k] - origin


@compiled(ANY_ORDER)
def _look_up(table, places, odd):
    """Odd parts at some places, and the sums of what decides."""
    changes = size = total = 0.0
    for k in range(len(places)):
        place = places[k]
        odd[k], change = table[place, 0], table[place, 1]
        changes += change
        size += abs(odd[k]) + abs(change)
        total += table[place, 2]
    return changes, size, total


@compiled(ANY_ORDER)
def _weigh(table, parts, terms, places):
    """Parts times the exponentials of the terms, relative to the largest at some places."""
    largest = -np.inf
    for k in range(len(places)):
        largest = max(largest, terms[places[k]])
    for place in range(len(terms)):
        weight = np.exp(min(terms[place] - largest, STEEPEST))
        for part in range(3):
            table[place, part] = parts[place, part] * weight
