"""Calls as users of a type checker write them; `test_typing.py` checks this file."""

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

from skebm import (
    RBM,
    BoltzmannMachine,
    EnergyImputer,
    EnergyOutlierDetector,
    HopfieldClassifier,
    HopfieldMemory,
    LogPartition,
    ModernHopfieldMemory,
)
from skebm.datasets import corrupt, make_patterns
from skebm.theory import critical_load, retrieval_state
from skebm.units import Categorical, Composite


def machines(X: np.ndarray) -> float:
    rbm: RBM = RBM(16, visible="auto", alpha=0.1, random_state=np.random.default_rng(0)).fit(X)
    side = Composite([("gaussian", 3), (Categorical(2), 2)])
    mixed: RBM = RBM(visible=side, n_chains=None).partial_fit(X)
    hidden: np.ndarray = mixed.transform(X)
    partition: LogPartition = rbm.log_partition(n_temperatures=100)
    completed: np.ndarray = rbm.sample(5, given=[[np.nan, 1.0]], random_state=0)
    machine: BoltzmannMachine = BoltzmannMachine.from_coupling([[0.0, 1.0], [1.0, 0.0]])
    cooled: np.ndarray = machine.anneal(n_samples=2)
    score: float = machine.score(cooled)
    return score + partition.value + float(hidden.sum() + completed.sum())


def memories(y: list[int]) -> float:
    patterns: np.ndarray = make_patterns(3, 50, random_state=0)
    memory: HopfieldMemory = HopfieldMemory("hebb", temperature=0.1).fit(patterns)
    score: float = memory.score(corrupt(patterns, flip=0.1), patterns)
    modern: ModernHopfieldMemory = ModernHopfieldMemory("polynomial", degree=3).fit(patterns)
    make_pipeline(modern, HopfieldClassifier(temperature="auto")).fit(patterns, y)
    return score + retrieval_state(0.05).overlap + critical_load()


def tables(frame: pd.DataFrame) -> np.ndarray:
    imputer: EnergyImputer = EnergyImputer(max_patterns=100).fit(frame)
    deviations: np.ndarray = imputer.standard_deviation(frame)
    labels: np.ndarray = EnergyOutlierDetector(imputer, contamination=0.1).fit(frame).predict(frame)
    return np.hstack([deviations.sum(axis=1), labels])
