"""Every public name has a complete numpydoc docstring, by the checks set in pyproject.toml."""

import inspect
import tomllib
from pathlib import Path

import pytest
from numpydoc.validate import validate

import skebm
import skebm.datasets
import skebm.distributed
import skebm.inspection
import skebm.interactions
import skebm.metrics
import skebm.monitors
import skebm.onnx
import skebm.theory
import skebm.units

CONFIG = Path(__file__).parents[1] / "pyproject.toml"
IGNORED = set(tomllib.loads(CONFIG.read_text())["tool"]["numpydoc_validation"]["checks"])

CALLED_BY_SCIKIT_LEARN = "setup", "teardown", "on_fit_task_begin", "on_fit_task_end"


def public_names():
    for module in (
        skebm,
        skebm.datasets,
        skebm.distributed,
        skebm.inspection,
        skebm.interactions,
        skebm.metrics,
        skebm.monitors,
        skebm.onnx,
        skebm.theory,
        skebm.units,
    ):
        for name in module.__all__:
            value = getattr(module, name)
            if not callable(value):
                continue
            if inspect.isclass(value) and issubclass(value, tuple):
                continue  # numpydoc takes the fields, documented as attributes, for parameters
            path = f"{value.__module__}.{value.__qualname__}"
            yield path
            if module in (skebm.units, skebm.interactions) or not inspect.isclass(value):
                continue  # these share the interface that their base documents
            for base in value.__mro__:
                if not base.__module__.startswith("skebm"):
                    continue
                path = f"{base.__module__}.{base.__qualname__}"
                for method, function in vars(base).items():
                    if method in CALLED_BY_SCIKIT_LEARN:
                        continue
                    kinds = classmethod, staticmethod, type(lambda: None)
                    if not method.startswith("_") and isinstance(function, kinds):
                        yield f"{path}.{method}"


@pytest.mark.parametrize("name", sorted(set(public_names())))
def test_docstring(name):
    errors = [error for error in validate(name)["errors"] if error[0] not in IGNORED]
    assert not errors
