"""What a type checker says of calls of the public interface."""

import os
from pathlib import Path

import pytest

api = pytest.importorskip("mypy.api")
HERE = Path(__file__).parent
OPTIONS = ["--follow-imports=silent", "--ignore-missing-imports", "--cache-dir", os.devnull]


@pytest.mark.slow
def test_right_calls_pass_and_wrong_ones_do_not():
    files = [str(HERE / "typed.py"), str(HERE / "typed_wrongly.py")]
    output, errors, _ = api.run([*OPTIONS, *files])
    assert not errors
    lines = [line for line in output.splitlines() if ": error:" in line]
    assert [line for line in lines if "typed.py" in line] == []
    assert len([line for line in lines if "typed_wrongly.py" in line]) == 4
