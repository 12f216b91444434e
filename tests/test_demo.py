"""``course demo``: the whole round trip on part of the sample class, twice."""

from pathlib import Path

import pytest

from autograder import demo, samples
from autograder.course import Course

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_round_trip_of_a_reference_and_a_blank(tmp_path, monkeypatch):
    course, trial = Course(ROOT), tmp_path / "demo"
    (assignment, *_) = course.assignments()
    chosen = [s for s in samples.load_all(course, assignment) if s.kind in ("reference", "blank")]
    monkeypatch.setattr(samples, "load_all", lambda *_: chosen)
    before = sorted(p.name for p in ROOT.iterdir())
    said = []
    for _ in range(2):
        said.clear()
        demo.round_trip(course, demo.fresh_course(course, trial), assignment, said.append)
    table = "\n".join(said)
    for sample in chosen:
        assert (trial / "feedback" / sample.student / assignment / "report.html").exists()
        score = "100.0" if sample.kind == "reference" else "0.0"
        assert any(sample.student in line and f" {score} " in line for line in table.splitlines())
    assert (trial / "reports" / f"{assignment}.csv").exists()
    assert sorted(p.name for p in ROOT.iterdir()) == before
