import os

# scikit-learn skips its array API checks without it; scipy reads it when it is first imported
os.environ.setdefault("SCIPY_ARRAY_API", "1")
