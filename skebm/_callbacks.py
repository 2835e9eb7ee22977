"""All that estimators know of scikit-learn's callbacks (`sklearn.callback`, scikit-learn 1.9).

Where they are missing, estimators train the same and `run_epochs` only counts.
"""

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:
        """Stands in for scikit-learn's mixin where that does not exist yet."""


def run_epochs(estimator, n_epochs, X, run_epoch):
    """Run epochs as callback tasks until they, or a callback, ask to stop.

    Parameters
    ----------
    estimator : estimator
        The estimator being fitted; its `fit` is under scikit-learn's `_fit_context`.
    n_epochs : int
        Number of epochs at most.
    X : array-like
        Training data, as callbacks get to see them.
    run_epoch : callable
        Runs the next epoch; returns whether it was the last one to run.
    """
    if not hasattr(estimator, "_init_callback_context"):
        for _ in range(n_epochs):
            if run_epoch():
                return
        return

    def fitted_attributes():
        return {name: value for name, value in vars(estimator).items() if name.endswith("_")}

    fit_task = estimator._init_callback_context(max_subtasks=n_epochs)
    fit_task.call_on_fit_task_begin(estimator=estimator, X=X)
    for _ in range(n_epochs):
        task = fit_task.subcontext(task_name="epoch")
        task.call_on_fit_task_begin(estimator=estimator, X=X)
        stop = run_epoch()
        stop |= task.call_on_fit_task_end(
            estimator=estimator, X=X, reconstruction_attributes=fitted_attributes
        )
        if stop:
            break
    fit_task.call_on_fit_task_end(
        estimator=estimator, X=X, reconstruction_attributes=fitted_attributes
    )
