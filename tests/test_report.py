"""Tables of the documents say what the benchmarks gave."""

import json

import pytest

report = pytest.importorskip("benchmarks.report")
RESULTS = json.loads(report.RESULTS.read_text()) if report.RESULTS.exists() else None


@pytest.mark.parametrize("path", report.documents(), ids=lambda path: path.name)
def test_tables_are_those_of_the_results(path):
    text = path.read_text()
    assert report.render(text, RESULTS) == text, "run python -m benchmarks report"


def test_a_changed_number_is_seen():
    text = (report.ROOT / "docs" / "tables.md").read_text()
    changed = json.loads(json.dumps(RESULTS))
    changed["novelty"]["digits"]["skebm"] += 0.01
    assert report.render(text, changed) != text
