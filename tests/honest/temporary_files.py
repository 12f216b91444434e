"""
what = "Temporary files, a home folder, SQLite, pickle, a lock, an environment variable."
"""
# %% [exercises] mean
import os, pickle, sqlite3, tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    Path(folder, "x").write_text("y")
book = sqlite3.connect("mine.db")
book.execute("create table t (x)")
book.commit()
Path.home().joinpath("notes.txt").write_text("hello")
os.environ["MODE"] = "test"
Path("model.pkl").write_bytes(pickle.dumps({"a": 1}))

def mean(values):
    assert os.environ["MODE"] == "test"
    assert pickle.loads(Path("model.pkl").read_bytes()) == {"a": 1}
    return sum(values) / len(values)
