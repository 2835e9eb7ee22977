"""Energies: one file each, with its value, its own sweep, and its closed forms.

`energy` says what an energy is. `bipartite` is that of an RBM, `coupled` that of a Boltzmann
machine (`sums` and `compiled` are its exact sums and its inner loops), `pairwise` and `dense` (on
`spins`) and `attention` those of memories.
"""
