"""Fitted models as ONNX graphs, through skl2onnx, which converts whole pipelines with them.

Needs the extra ``onnx``. After `register`, ``skl2onnx.to_onnx`` knows `RBM` (its features),
`ModernHopfieldMemory` with softmax weights (its recall) and `HopfieldClassifier`, on their own and
inside pipelines.
"""

from __future__ import annotations

import numpy as np

from ._energies.attention import Attention
from ._hopfield_classifier import LARGEST_OVERLAP, HopfieldClassifier
from ._memory import temperature_in_use
from ._modern_hopfield import ModernHopfieldMemory
from ._rbm import RBM

__all__ = ["register"]


def register() -> None:
    """Tell skl2onnx how to convert the estimators of this package.

    Hidden units of an `RBM` may be Bernoulli, spin or categorical; memories have dot or Euclidean
    similarity and softmax weights. Others raise `NotImplementedError` when they are converted.
    Results agree with those of the estimators within 1e-5, in single precision; of recall that
    settles, within its `tol`.

    Raises
    ------
    ImportError
        Without skl2onnx.

    Examples
    --------
    >>> import numpy as np
    >>> import skl2onnx
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skebm import RBM, onnx
    >>> onnx.register()
    >>> X = np.eye(8, dtype=np.float32)
    >>> pipeline = make_pipeline(RBM(3, random_state=0), LogisticRegression()).fit(X, X[:, 0])
    >>> graph = skl2onnx.to_onnx(pipeline, X[:1])
    """
    try:
        from skl2onnx import update_registered_converter
        from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
    except ImportError as error:
        raise ImportError(
            "skebm.onnx needs skl2onnx; install it with: pip install 'skebm[onnx]'."
        ) from error
    update_registered_converter(RBM, "SkebmRBM", _shape_of_features, _convert_rbm)
    update_registered_converter(
        ModernHopfieldMemory, "SkebmModernHopfieldMemory", _shape_of_features, _convert_memory
    )
    update_registered_converter(
        HopfieldClassifier,
        "SkebmHopfieldClassifier",
        calculate_linear_classifier_output_shapes,
        _convert_classifier,
        options={"zipmap": [True, False, "columns"], "nocl": [True, False]},
    )


def _shape_of_features(operator):
    estimator, (given,) = operator.raw_operator, operator.inputs
    width = len(estimator.get_feature_names_out())
    operator.outputs[0].type = type(given.type)([given.type.shape[0], width])


class _Graph:
    """Nodes of a graph, added one after another; names of their results are passed on."""

    def __init__(self, scope, container, dtype):
        from onnx import TensorProto

        self.scope, self.container, self.dtype = scope, container, dtype
        self.kind = TensorProto.DOUBLE if dtype == np.float64 else TensorProto.FLOAT

    def constant(self, value, dtype=None):
        """The name of a constant."""
        from onnx import numpy_helper

        name = self.scope.get_unique_variable_name("constant")
        array = np.ascontiguousarray(value, dtype or self.dtype).reshape(np.shape(value))
        self.container.add_initializer(name, None, None, numpy_helper.from_array(array, name))
        return name

    def __call__(self, kind, *inputs, output=None, **attributes):
        """The name of what a node gives."""
        if output is None:
            output = self.scope.get_unique_variable_name(kind.lower())
        self.container.add_node(
            kind,
            list(inputs),
            [output],
            op_domain="",
            op_version=self.container.target_opset,
            name=self.scope.get_unique_operator_name(kind),
            **attributes,
        )
        return output

    def largest(self, rows):
        """The name of the largest value of every row, as a column."""
        if self.container.target_opset < 18:
            return self("ReduceMax", rows, axes=[1], keepdims=1)
        return self("ReduceMax", rows, self.constant([1], np.int64), keepdims=1)

    def result(self, name, variable):
        """Give a name out as a result of the operator."""
        self("Identity", name, output=variable.full_name)


def _start(scope, operator, container):
    """A graph, and the name of its rows as floating point numbers."""
    from skl2onnx.common.data_types import guess_numpy_type

    (given,) = operator.inputs
    dtype = guess_numpy_type(given.type)
    dtype = dtype if dtype in (np.float32, np.float64) else np.float32
    graph = _Graph(scope, container, dtype)
    return graph, graph("Cast", given.full_name, to=graph.kind)


def _convert_rbm(scope, operator, container):
    rbm = operator.raw_operator
    model = rbm._model()
    graph, rows = _start(scope, operator, container)
    largest, n_visible = np.finfo(graph.dtype).max, model.weights.shape[1]
    low, high = np.full(n_visible, -largest), np.full(n_visible, largest)
    for unit, cut in model.visible.blocks(n_visible):
        low[cut], high[cut] = max(unit.low, -largest), min(unit.high, largest)
    rows = graph("Max", graph("Min", rows, graph.constant(high)), graph.constant(low))
    scale = 1 / model.temperature
    field = graph("MatMul", rows, graph.constant(model.weights.T * scale))
    field = graph("Add", field, graph.constant(model.intercept_hidden * scale))
    parts = []
    for unit, cut in model.hidden.blocks(len(model.weights)):
        part, name = field, type(unit).__name__
        if cut.stop - cut.start < len(model.weights):
            ends = (graph.constant([end], np.int64) for end in (cut.start, cut.stop, 1))
            part = graph("Slice", field, *ends)
        if name == "Categorical":
            n_states = unit.width
            inner = graph.constant([0, -1, n_states], np.int64)
            part = graph("Softmax", graph("Reshape", part, inner), axis=2)
            part = graph("Reshape", part, graph.constant([0, cut.stop - cut.start], np.int64))
        elif name in ("Bernoulli", "Spin"):
            part = graph("Sigmoid" if name == "Bernoulli" else "Tanh", part)
        else:
            raise NotImplementedError(
                f"Features of hidden={unit!r} have no conversion to ONNX; those of Bernoulli, spin "
                "and categorical units have."
            )
        parts.append(part)
    graph.result(
        parts[0] if len(parts) == 1 else graph("Concat", *parts, axis=1), *operator.outputs
    )


def _keys(model):
    """Keys without their biases and the biases of a softmax memory, or an error."""
    if not model.interaction.is_softmax or model.similarity not in ("dot", "euclidean"):
        raise NotImplementedError(
            "Memories with softmax weights and similarity 'dot' or 'euclidean' have a conversion "
            f"to ONNX, got {model.interaction!r} and {model.similarity!r}."
        )
    keys = model.keys.toarray() if hasattr(model.keys, "toarray") else model.keys
    return keys[:, :-1].astype(np.float64), keys[:, -1].astype(np.float64)


def _weights(graph, model, rows):
    """The name of the weights of all patterns, for rows of numbers."""
    keys, bias = _keys(model)
    centred = graph("Sub", rows, graph.constant(model.center))
    scores = graph("MatMul", centred, graph.constant(keys.T / model.temperature))
    scores = graph("Add", scores, graph.constant(bias / model.temperature))
    return graph("Softmax", scores, axis=1)


def _convert_memory(scope, operator, container):
    from onnx import TensorProto, helper

    memory = operator.raw_operator
    if memory._dense():
        raise NotImplementedError(
            f"interaction={memory.interaction!r} has no conversion to ONNX; 'softmax' has."
        )
    model = memory._energy()
    keys, _ = _keys(model)
    graph, rows = _start(scope, operator, container)
    # a loop of steps, in which rows that have settled stay
    body = _Graph(scope, _Body(container.target_opset), graph.dtype)
    iteration, running, before, moving = (
        scope.get_unique_variable_name(name) for name in ("iteration", "running", "rows", "moving")
    )
    step = body("MatMul", _weights(body, model, before), body.constant(keys))
    step = body("Add", step, body.constant(model.center))
    after = body("Where", moving, step, before)
    change = body("Sub", after, before)
    squares = body("Mul", change, change)
    length = body("ReduceSum", squares, body.constant([1], np.int64), keepdims=1)
    reach = max(model.reach, np.finfo(graph.dtype).tiny)
    least = body.constant((memory.tol * reach) ** 2)
    still_moving = body("And", moving, body("Greater", length, least))
    number = body("ReduceMax", body("Cast", still_moving, to=TensorProto.INT64), keepdims=0)
    going_on = body("Cast", number, to=TensorProto.BOOL)

    def info(name, kind, shape):
        return helper.make_tensor_value_info(name, kind, shape)

    width = keys.shape[1]
    loop = helper.make_graph(
        body.container.nodes,
        "recall",
        [
            info(iteration, TensorProto.INT64, []),
            info(running, TensorProto.BOOL, []),
            info(before, graph.kind, [None, width]),
            info(moving, TensorProto.BOOL, [None, 1]),
        ],
        [
            info(going_on, TensorProto.BOOL, []),
            info(after, graph.kind, [None, width]),
            info(still_moving, TensorProto.BOOL, [None, 1]),
        ],
        body.container.initializers,
    )
    first = graph.largest(rows)
    all_rows = graph("Equal", first, first)
    ends = scope.get_unique_variable_name("ends")
    container.add_node(
        "Loop",
        [
            graph.constant(memory.max_iter, np.int64),
            graph.constant(True, bool),
            rows,
            all_rows,
        ],
        [ends, scope.get_unique_variable_name("unsettled")],
        op_domain="",
        op_version=container.target_opset,
        name=scope.get_unique_operator_name("Loop"),
        body=loop,
    )
    graph.result(ends, *operator.outputs)


class _Body:
    """Nodes and constants of the body of a loop, as a container takes them."""

    def __init__(self, target_opset):
        self.target_opset, self.nodes, self.initializers = target_opset, [], []

    def add_initializer(self, name, kind, shape, content):
        self.initializers.append(content)

    def add_node(self, kind, inputs, outputs, op_domain, op_version, name, **attributes):
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, outputs, name, **attributes))


def _convert_classifier(scope, operator, container):
    from onnx import TensorProto

    classifier = operator.raw_operator
    graph, rows = _start(scope, operator, container)
    if isinstance(classifier._model_, Attention):
        model = classifier._model_.at(temperature_in_use(classifier), classifier.block_size)
        labels = classifier.pattern_labels_.toarray()
        shares = graph("MatMul", _weights(graph, model, rows), graph.constant(labels))
    else:
        shares = _shares_of_trained(graph, classifier, rows)
    sums = graph("ReduceSum", shares, graph.constant([1], np.int64), keepdims=1)
    probabilities = graph("Div", shares, sums)
    best = graph("ArgMax", probabilities, axis=1, keepdims=0)
    classes, (label, given_out) = classifier.classes_, operator.outputs
    if scope.get_options(classifier, {"nocl": False})["nocl"]:
        found = best
    elif classes.dtype.kind in "biu":
        found = graph("Gather", graph.constant(classes, np.int64), best)
    else:
        name = scope.get_unique_variable_name("classes")
        names = [str(one).encode() for one in classes]
        container.add_initializer(name, TensorProto.STRING, [len(names)], names)
        found = graph("Gather", name, best)
    graph.result(found, label)
    graph.result(probabilities, given_out)


def _shares_of_trained(graph, classifier, rows):
    """The name of the label units' shares, of trained memories."""
    memories, (low, high) = classifier._model_, classifier._range_
    visible, labels = (part.astype(np.float64) for part in memories[:2])
    # rows are scaled to [-1, 1], and the last unit is on
    factor = 2 / (high - low)
    bias = visible[:, -1] - (1 + low * factor) * visible[:, :-1].sum(axis=1)
    overlaps = graph("MatMul", rows, graph.constant(visible[:, :-1].T * factor / memories.scale))
    overlaps = graph("Relu", graph("Add", overlaps, graph.constant(bias / memories.scale)))
    excess = graph("Div", graph.largest(overlaps), graph.constant(LARGEST_OVERLAP))
    overlaps = graph("Div", overlaps, graph("Max", excess, graph.constant(1.0)))
    powers = graph("Pow", overlaps, graph.constant(memories.degree - 1.0))
    scale = 2 * memories.degree / memories.scale
    drive = graph("MatMul", powers, graph.constant(2 * scale * labels))
    log_odds = graph("Neg", graph("Softplus", graph("Neg", drive)))
    # up to what all classes of a row share, the exponentials
    return graph("Softmax", log_odds, axis=1)
