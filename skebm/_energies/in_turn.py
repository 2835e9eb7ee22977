"""Units of a block that decide one after another, at the speed of matrix products."""

import numpy as np


def decide_in_turn(decide, exert, field, before):
    """New states of a block whose units decide in turn, each seeing those before it.

    Guess all at once, correct every field for the changes guessed before it, and decide again:
    every round makes at least one more unit final, and usually all of them in two or three. When
    nothing changes any more, the result is that of the units in turn.

    Parameters
    ----------
    decide : callable
        From fields to states.
    exert : callable
        From changes of states to what they add to the fields of the units behind them.
    field, before : ndarray
        Fields and states of the block at the start.

    Returns
    -------
    after : ndarray
        New states.
    """
    after = decide(field)
    while True:
        corrected = exert(after - before)
        corrected += field
        refined = decide(corrected)
        if np.array_equal(refined, after):
            return after
        after = refined
