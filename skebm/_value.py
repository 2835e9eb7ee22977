"""Objects that are nothing but their parameters: unit types and interactions."""

import inspect
from functools import cache


class Value:
    """Base of objects that are equal, and shown, by their parameters."""

    def _parameters(self):
        return {name: getattr(self, name) for name in _signature(type(self))}

    def __repr__(self):
        defaults = _signature(type(self))
        shown = [f"{k}={v!r}" for k, v in self._parameters().items() if v != defaults[k].default]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __eq__(self, other):
        return type(self) is type(other) and self._parameters() == other._parameters()

    def __hash__(self):
        return hash(type(self))


@cache
def _signature(kind):
    """Parameters of a type; machines compare their unit types in every call."""
    return inspect.signature(kind).parameters
