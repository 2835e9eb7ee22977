"""Names for what annotations say more than once."""

from typing import TypeAlias

import numpy as np

# whatever scikit-learn takes as a seed, and numpy's generators
Seed: TypeAlias = int | np.random.RandomState | np.random.Generator | None
