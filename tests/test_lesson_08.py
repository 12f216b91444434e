"""What lesson 08 shows of files that a student's bundle does not hold is what stands in them."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]


def test_the_manifest_that_is_shown_is_the_one_in_deploy() -> None:
    cells = nbformat.read(ROOT / "notebooks" / "08_share_the_machine.ipynb", as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    shown = re.findall(r"^```yaml\n(.*?)^```$", prose, flags=re.MULTILINE | re.DOTALL)
    parts = (ROOT / "deploy" / "kserve" / "inferenceservice.yaml").read_text(encoding="utf-8").split("\n---\n")
    assert [text.strip() for text in shown] == [part.strip() for part in parts if "kind: InferenceService" in part]
