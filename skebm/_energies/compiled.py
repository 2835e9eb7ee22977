"""The inner loops of the heat bath, compiled, where numba is installed (extra ``fast``).

Both decide by the rule of `Coupled.sweeps`, with the same random numbers. They add fields up in
another order, so a decision within rounding of its threshold may differ, and with it what follows:
the law of the states is the same, chains are not to the bit.
"""

import numpy as np

try:
    from numba import njit
except ImportError:
    sweep_block = sweep_few = None
else:

    @njit(cache=True, fastmath={"contract", "nsz", "arcp"}, nogil=True)
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

    @njit(cache=True, fastmath={"contract", "nsz", "arcp"}, nogil=True)
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
