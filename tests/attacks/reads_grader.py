"""
what = "Reads the grader's own code, the keys of other assignments and the solutions beside it; imports the bank and asks it."
row = "opens `../../../source/…`, the gradebook, another's submission"
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
"""
# %% [exercises] mean
import importlib, os, sys
from pathlib import Path

def reached(what):
    print("reached".upper(), what)

import autograder
home = Path(autograder.__file__).parent
for path in [*home.glob("questions/*.toml"), *home.parent.glob("source/*/*.ipynb"), *home.parent.glob("tests/*.py"),
             *home.parent.glob("text/source/*/*.py"), home.parent / "gradebook.db"]:
    try:
        path.read_bytes()
        reached(path)
    except OSError:
        pass
for name in ("autograder.bank", "autograder.gradebook"):
    try:
        module = importlib.import_module(name)
        print("imported", name)
        reached(f"the key {module.bank_for('01_build_a_model').title}")
    except Exception as problem:
        print(type(problem).__name__)
for path in sys.path:
    for parent in [Path(path or "."), *Path(path or ".").parents]:
        try:
            if (parent / "source" / "01_build_a_model").is_dir():
                reached(f"{parent}")
        except OSError:
            pass

def mean(values):
    return 0
