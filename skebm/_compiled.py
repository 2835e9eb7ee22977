"""The decorator of compiled loops, where numba is installed (extra ``fast``).

Modules of such loops are imported where they are called, as numba takes long to import.
"""

try:
    from numba import njit
except ImportError:
    njit = None

# terms of sums and products in any order, so that loops over them vectorise
ANY_ORDER = {"contract", "nsz", "arcp", "reassoc"}
# as written, but for the signs of zeros and fused additions
AS_WRITTEN = {"contract", "nsz", "arcp"}


def compiled(fastmath, **options):
    """Compile a function when it is first called; without numba it is None."""

    def decorate(function):
        if njit is None:
            return None
        # a check for division by 0 would keep loops from vectorising
        options.update(fastmath=fastmath, error_model="numpy", nogil=True)
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:  # nowhere to keep what was compiled
            return njit(**options)(function)

    return decorate
