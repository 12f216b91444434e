"""Takes the picture in the README: lesson 01 open in JupyterLab. Needs Chromium.

.venv/bin/python tools/take_picture.py
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # where the tests' browser lives

from desk import open_browser, open_desk  # noqa: E402

PICTURE = ROOT / "docs" / "lesson-01.png"


def main() -> None:
    """Copy the lessons aside, open lesson 01 there, scroll to its first plot and write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "notebooks", Path(folder) / "work" / "notebooks")
        with open_browser() as browser, open_desk(Path(folder), browser) as desk:
            page = desk.open("notebooks/01_build_a_model.ipynb", height=800)
            page.get_by_role("heading", name="A column that knows too much").first.scroll_into_view_if_needed()
            page.get_by_role("tab", name="Table of Contents").click()
            page.wait_for_timeout(1500)  # the panel slides open
            PICTURE.parent.mkdir(exist_ok=True)
            page.screenshot(path=PICTURE)
    print(f"wrote {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
