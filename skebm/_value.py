"""Objects that are nothing but their parameters: unit types and interactions."""

import inspect


class Value:
    """Base of objects that are equal, and shown, by their parameters."""

    def _parameters(self):
        names = inspect.signature(type(self)).parameters
        return {name: getattr(self, name) for name in names}

    def __repr__(self):
        defaults = inspect.signature(type(self)).parameters
        shown = [f"{k}={v!r}" for k, v in self._parameters().items() if v != defaults[k].default]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __eq__(self, other):
        return type(self) is type(other) and self._parameters() == other._parameters()

    def __hash__(self):
        return hash(type(self))
