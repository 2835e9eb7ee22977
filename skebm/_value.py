"""Objects that are nothing but their parameters: unit types and interactions."""

import inspect


class Value:
    """Base of objects that are equal, and shown, by their parameters."""

    def __repr__(self):
        defaults = inspect.signature(type(self)).parameters
        shown = [f"{k}={v!r}" for k, v in vars(self).items() if v != defaults[k].default]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self):
        return hash(type(self))
