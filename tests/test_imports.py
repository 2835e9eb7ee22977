"""Imports point down: from estimators to learning, inference, energies, units."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import skebm

ROOT = Path(skebm.__file__).parent
# a name may import what has a lower rank, and its own folder
RANKS = {
    **dict.fromkeys(["_value", "_typing", "_blocks", "_compiled"], -1),
    **dict.fromkeys(["units", "interactions", "theory", "_validation", "_callbacks"], 0),
    "_energies": 1,
    "_inference": 2,
    **dict.fromkeys(["_learning", "_watch", "_trajectory"], 3),
    **dict.fromkeys(["_machine", "_memory", "_table", "datasets", "metrics"], 4),
    "monitors": 5,
    **dict.fromkeys(
        ["_rbm", "_hopfield", "_modern_hopfield", "_hopfield_classifier", "_imputer"], 5
    ),
    "_imputer": 5,
    "_boltzmann": 6,
    "_outliers": 6,
    "_trusted": 7,
    "distributed": 5,
    "onnx": 6,
    "inspection": 7,
    "__init__": 8,
    "__main__": 9,
}


def imported(path):
    """Names of the parts of the package that a file imports."""
    package = ["skebm", *path.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            full = package[: len(package) - node.level + 1] + (node.module or "").split(".")
            full = [part for part in full if part]
            yield from [full[1]] if len(full) > 1 else [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == "skebm":
            yield [*node.module.split("."), node.names[0].name][1]


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: path.stem)
def test_imports_point_down(path):
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    for name in set(imported(path)) & set(RANKS) - {own}:
        assert RANKS[name] < RANKS[own], f"{own} imports {name}"
    assert own in RANKS


NO_NETWORK = """
import socket

def refuse(*arguments, **options):
    raise AssertionError("the network")

socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
import numpy as np
import skebm, skebm.datasets, skebm.inspection, skebm.metrics, skebm.monitors, skebm.theory
X = np.eye(5)
skebm.RBM(2, max_iter=2).fit(X).score(X)
skebm.HopfieldMemory().fit(X).transform(X)
print("done")
"""


def test_nothing_touches_the_network():
    done = subprocess.run(
        [sys.executable, "-c", NO_NETWORK], capture_output=True, text=True, check=False
    )
    assert done.stdout == "done\n", done.stderr


def test_importing_waits_for_nothing_that_few_need():
    code = "import sys, skebm; print(*(name for name in sys.argv[1:] if name in sys.modules))"
    slow = ["numba", "dask", "skl2onnx", "matplotlib", "sklearn.decomposition"]
    done = subprocess.run(
        [sys.executable, "-c", code, *slow], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
