"""Thermodynamics in closed form: what simulations and trained machines are compared with.

Of the Hopfield memory: errors, overlaps, phase boundaries, capacities. Of restricted Boltzmann
machines: the edge of random spectra, phases, and parameters for any distribution.
"""

from ._hopfield import (
    OneStepErrors,
    PhaseBoundaries,
    RetrievalState,
    capacity,
    critical_load,
    dense_capacity,
    error_probability,
    exact_error_probability,
    exponential_load,
    gardner_capacity,
    mixture_critical_temperature,
    mixture_free_energy,
    mixture_overlap,
    phase_boundaries,
    retrieval_state,
    spin_glass_state,
)
from ._ising import IsingTorus, ising_torus
from ._rbm import Phase, marchenko_pastur_edge, rbm_phase, universal_parameters

__all__ = [
    "IsingTorus",
    "OneStepErrors",
    "Phase",
    "PhaseBoundaries",
    "RetrievalState",
    "capacity",
    "critical_load",
    "dense_capacity",
    "error_probability",
    "exact_error_probability",
    "exponential_load",
    "gardner_capacity",
    "ising_torus",
    "marchenko_pastur_edge",
    "mixture_critical_temperature",
    "mixture_free_energy",
    "mixture_overlap",
    "phase_boundaries",
    "rbm_phase",
    "retrieval_state",
    "spin_glass_state",
    "universal_parameters",
]
