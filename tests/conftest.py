import os

# scikit-learn skips its array API checks without it; scipy reads it when it is first imported
os.environ.setdefault("SCIPY_ARRAY_API", "1")

if "PYTEST_XDIST_WORKER" in os.environ:
    # workers share the cores; threads of their own would only wait for each other
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
