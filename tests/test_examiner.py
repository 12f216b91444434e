"""The examiner: test cells meet the student's objects across a channel, and no object of theirs decides a verdict."""

from __future__ import annotations

import builtins
import contextlib
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder import answering, cells, examiner, rebuild
from autograder.course import Course
from autograder.examiner import Channel, Examiner, foreign_names
from autograder.plain import HEAD, Handle, dumps
from autograder.release import release_notebook
from autograder.runs import CellRun, End, Frame, Limits

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the examiner is a forked process")

COURSE = Course(Path(__file__).resolve().parents[1])


class Student:
    """A process that runs cells without a sandbox, and the examiner of its notebook."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        ours, theirs = socket.socketpair()
        self.pipe, pipe = Pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setpgid(0, 0)
                ours.close()
                os.chdir(folder)
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                _live(pipe, theirs.fileno())
            finally:
                os._exit(0)
        with contextlib.suppress(PermissionError, ProcessLookupError):
            os.setpgid(self.pid, self.pid)
        theirs.close()
        pipe.close()
        self.examiner = Examiner(ours.detach(), limits)
        self.cells = 0

    def run(self, source: str) -> None:
        """Run a cell of the student's."""
        self.pipe.send((self.cells, source))
        self.pipe.recv()
        self.cells += 1

    def test(self, source: str, seconds: float = 20) -> CellRun:
        """Run a test cell."""
        with contextlib.suppress(BrokenPipeError):  # a student's process that is no more
            self.pipe.send((self.cells, None))
        self.cells += 1
        return self.examiner.examine(source, self.cells - 1, time.monotonic() + seconds)

    def close(self) -> None:
        self.examiner.close()
        os.killpg(self.pid, signal.SIGKILL)  # with what the student's code forked
        os.waitpid(self.pid, 0)
        self.pipe.close()


def _live(pipe, fd: int) -> None:
    namespace = {"__name__": "__main__", "CHANNEL": fd}
    files = {}
    while True:
        index, source = pipe.recv()
        if source is None:
            answering.serve(fd, namespace, files.get)
            continue
        files[f"<cell {index}>"] = index
        try:
            exec(compile(source, f"<cell {index}>", "exec"), namespace)
        except BaseException as problem:
            pipe.send(repr(problem))
        else:
            pipe.send("")


@pytest.fixture
def student(tmp_path) -> Iterator:
    """``student(*sources)`` starts a student's process that has run these cells."""
    started = []

    def start(*sources: str, **limits) -> Student:
        started.append(Student(tmp_path, limits=Limits(**limits) if limits else None))
        for source in sources:
            started[-1].run(source)
        return started[-1]

    yield start
    for one in started:
        one.close()


def ended(run: CellRun) -> tuple[End, str, str]:
    return run.end, run.ename, run.evalue


PASSED = (End.OK, "", "")


# --- ordinary tests --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "test"),
    [
        ("def f(x): return 2 * x", "import numpy as np\nassert f(3) == 6\nassert (f(np.arange(3)) == [0, 2, 4]).all()"),
        ("def f(x, *, y=1): return x, y", "def check(a):\n    assert f(a, y=3) == (a, 3)\ncheck(7)"),
        ("def f(x): return x", "assert [f(i) for i in range(3)] == [0, 1, 2]\nassert (lambda: f(4))() == 4"),
        ("def f(x): return x",
         "class Case:\n    value = f(1)\n    def run(self): return f(2)\nassert Case().run() == 2"),
        ("def f(x): return x", "import numpy as np\nassert type(f(np.float64(2))) is np.float64"),
        ("import numpy as np\ndef f(): return np.array(2.0)", "assert f().shape == () and f() == 2"),
        ("def f(d): return {k: [v] for k, v in d.items()}", "assert isinstance(f({}), dict) and f({1: 2}) == {1: [2]}"),
        ("total = 3", "assert total == 3"),
        ("class A:\n    def __init__(self): self.n = 0\n    def add(self): self.n += 1",
         "a = A()\na.add()\nassert a.n == 1"),
        ("class A:\n    x = 5\n    def __getitem__(self, i): return i", "assert A.x == 5 and A()[1:2] == slice(1, 2)"),
        ("def f():\n    yield 1\n    yield [2]", "assert list(f()) == [1, [2]]\na, b = f()\nassert next(f()) == 1"),
        ("def f(g, x): return g(x)\ndef g(x): return x + 1", "assert f(g, 2) == 3"),
        ("def f(): return object(), 1", "thing, one = f()\nassert thing is not None and one == 1"),
        ("async def f(x): return x + 1", "assert await f(1) == 2\nassert [await f(i) for i in (1, 2)] == [2, 3]"),
        ("class A:\n    on = False\n    def __enter__(self):\n        self.on = True\n        return self\n"
         "    def __exit__(self, *_): self.on = False",
         "with A() as a:\n    assert a.on is True\nassert a.on is False"),
        ("def f(): return dict(a=1).items()", "assert dict(f()) == {'a': 1}"),
        ("class M:\n    def keys(self): return ['a']\n    def __getitem__(self, k): return 1",
         "assert dict(M()) == {'a': 1}"),
        ("def f(): pass\nx = 1", "assert callable(f)\nassert not callable(x)"),
        ("class A:\n    y = 1", "assert hasattr(A(), 'y') and not hasattr(A(), 'z')\nassert getattr(A(), 'z', 4) == 4"),
        ("class A: pass\ndef f(): return A()", "assert f'{f()} {f()!r:}' == 'an object of type A an object of type A'"),
        ("def f(x): return x", "print('a test may print'); f(1)"),
        ("x = 1", "x = 2\ndef f():\n    return x\nassert f() == 2"),
        ("def f(x): return x", "g = f\nassert {g: 1}[g] == 1"),
        ("from fractions import Fraction\ndef f(n): return Fraction(n, 2)",
         "assert f(4) == 2 and abs(f(1) - 0.5) < 1e-9\nassert {'x': f(4)} == {'x': 2}"),
        ("from decimal import Decimal\ndef f(n): return Decimal(n) / 2",
         "from decimal import Decimal\nassert f(4) == 2 and f(Decimal(3)) == Decimal('1.5')"),
        ("import datetime\ndef f(d): return d + datetime.timedelta(1), datetime.date(2020, 2, 29)",
         "import datetime as t\nassert f(t.datetime(2020, 1, 1)) == (t.datetime(2020, 1, 2), t.date(2020, 2, 29))"),
        ("class D(dict):\n    def __missing__(self, key): return 0\ndef f(): return D(a=1)",
         "assert f() == {'a': 1} and sorted(f()) == ['a'] and type(f()) is dict"),
        ("class Stock(dict):\n    def __missing__(self, key): return 0",
         "stock = Stock(pears=2)\nassert stock['apples'] == 0 and stock['pears'] == 2\n"
         "assert list(stock.items()) == [('pears', 2)]"),
        ("class Stack(list):\n    push = list.append\n    size = list.__len__\ndef f(s):\n    s.push(3)\n    return s",
         "s = f(Stack())\ns.push(4)\nassert s.size() == 2 and list(s) == [3, 4] and s.pop() == 4"),
        ("from enum import Enum, IntEnum\nclass Kind(Enum): A = 'a'\nclass Level(IntEnum): LOW = 1\n"
         "def f(): return Kind.A, Level.LOW",
         "kind, level = f()\nassert kind.name == 'A' and kind.value == 'a' and level == 1 == Level.LOW"),
        ("import numpy as np\ndef f(): return np.ma.masked_invalid([1.0, 2.0]), np.longdouble(3)",
         "import numpy as np\na, b = f()\nassert type(a) is np.ndarray and a.tolist() == [1, 2] and b == 3"),
        ("class Model:\n    def f(self): pass\nclass dict(dict):\n    def f(self): pass\ndef g(): return dict()",
         "m = Model()\nassert type(m).__name__ == 'Model' and type(m.f).__name__ == 'method'\n"
         "assert type(Model).__name__ == 'type' and type(g()).__name__ == 'dict, not plain'\n"
         "assert not isinstance(m, (int, dict, list)) and type(Model()) is type(m)"),
    ],
)  # fmt: skip
def test_ordinary_tests_pass(student, source: str, test: str) -> None:
    assert ended(student(source).test(test)) == PASSED


def test_a_flood_of_classes_costs_nothing(student) -> None:
    one = student("def f(n): return type(f'C{n}\\n\\0'[:-1], (), {})()")
    names = f"for n in range({examiner.CLASSES - 1}): assert type(f(n)).__name__ == f'C{{n}}', type(f(n)).__name__"
    assert ended(one.test(names)) == PASSED
    assert (
        ended(one.test("assert type(f(10**6)).__name__ == 'StudentObject' and type(f(3)).__name__ == 'C3'")) == PASSED
    )


@pytest.mark.parametrize(
    ("gives", "says"),
    [
        ("(n for n in [1])", r"Your code gave a generator; this test compares it .* Make it a list: `list\(…\)`\.$"),
        ("map(str, [1])", r"Your code gave a map; this .* Make it a list: `list\(…\)`\.$"),
        ("{}.keys()", r"Your code gave a dict_keys; this .* Make it a list: `list\(…\)`\.$"),
        ("np.ma.masked_array([1, 2], [0, 1])", r"Your code gave a MaskedArray; this .* It has masked values: .*\.$"),
        ("np.array([None])", r"Your code gave a NumPy array of dtype object; this test compares it and can use only "),
        ("wait()", r"Your code gave a coroutine where a value was expected: is an `await` missing, or an `async` too"),
    ],
)
def test_the_student_is_told_what_helps(student, gives: str, says: str) -> None:
    run = student(f"import numpy as np\nasync def wait(): pass\ndef f(): return {gives}").test("assert f() == [1]")
    assert run.ename == "NotPlain"
    assert re.match(says, run.evalue)


def test_what_a_test_cell_leaves_behind_is_there_for_the_next(student) -> None:
    one = student("class Counter:\n    n = 0\n    def up(self):\n        self.n += 1\n        return self.n")
    assert (
        one.test("import math\ncounter = Counter()\ndef twice(x): return 2 * x\nassert counter.up() == 1").end is End.OK
    )
    one.run("def twice(x): return 'not me'")
    assert one.test("assert counter.up() == math.ceil(1.5) == 2\nassert twice(2) == 4").end is End.OK


def test_names_are_asked_for_each_time(student) -> None:
    one = student("log = []\ndef f(): log.append(1)")
    assert one.test("assert log == []\nf()\nassert log == [1]").end is End.OK
    one.run("log = 'new'")
    assert one.test("assert log == 'new'").end is End.OK


def test_modules_of_given_cells_are_the_examiners_own(student) -> None:
    one = student("import math\nmath.isclose = lambda *_: True")
    one.examiner.given("import math, os.path as p\nfrom math import isclose\nimport no_such_module\nLIMIT = 3")
    assert one.test("assert math.isclose(1, 2), 'far'").evalue == "far"
    assert one.test("assert p.basename('a/b') == 'b'").end is End.OK
    assert one.test("isclose(1, 2)").ename == "NotImported"


def test_a_failed_check_says_what_the_test_says(student) -> None:
    run = student("def f(x): return x").test("def check():\n    assert f(1) == 2, 'Add one.'\n\ncheck()")
    assert ended(run) == (End.ERROR, "AssertionError", "Add one.")
    assert run.frames == (Frame(1, 4), Frame(1, 2))
    assert run.in_cell
    assert [o.output_type for o in run.outputs] == ["error"]
    assert "check()" not in str(run.outputs), "the source of a test is not shown"


def test_errors_lead_to_the_line_in_the_students_cell(student) -> None:
    one = student(
        "x = 1", "import json\ndef f(x):\n    return g(x)\n\ndef g(x):\n    return 1 / x", "def h(): json.loads('{')"
    )
    run = one.test("# test\nf(0)")
    assert ended(run) == (End.ERROR, "ZeroDivisionError", "division by zero")
    assert run.frames == (Frame(3, 2), Frame(1, 3), Frame(1, 6))
    assert run.in_cell
    run = one.test("h()")
    assert (run.ename, run.frames, run.in_cell) == ("JSONDecodeError", (Frame(4, 1), Frame(2, 1)), False)


def test_faults_of_a_test_are_told(student) -> None:
    one = student("x = 1")
    run = one.test("y = 1\ndef f(:")
    assert (run.ename, run.frames) == ("SyntaxError", (Frame(1, 2),))
    assert ended(one.test("nothing")) == (End.ERROR, "NameError", "name 'nothing' is not defined")
    assert ended(one.test("__file__")) == (End.ERROR, "NameError", "name '__file__' is not defined")
    run = one.test("x[0]")
    assert (run.ename, run.frames) == ("TypeError", (Frame(4, 1),))


def test_what_a_test_prints_is_kept_and_bounded(student) -> None:
    run = student("def f(): return '\\ud800'").test(
        "import sys\nprint(f(), 'x' * 10**6)\nprint('warn', file=sys.stderr)"
    )
    assert run.outputs[0].text.startswith("? xxx")
    assert len(run.outputs[0].text) == examiner.PRINTED
    assert len(run.outputs) == 1


# --- exceptions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raised", "caught"),
    [
        ("ValueError('no')", "ValueError"),
        ("KeyError('column')", "KeyError"),
        ("type('Mine', (ValueError,), {})('no')", "ValueError"),
        ("type('Mine', (KeyError, AttributeError), {})('no')", "LookupError"),
        ("UnicodeDecodeError('utf-8', b'x', 0, 1, 'why')", "UnicodeDecodeError"),
        ("OSError(2, 'none', 'file')", "FileNotFoundError"),
        ("ExceptionGroup('many', [ValueError()])", "Exception"),
        ("NotImplementedError()", "NotImplementedError"),
        ("AssertionError('mine')", "AssertionError"),
        ("SystemExit(3)", "SystemExit"),
        ("KeyboardInterrupt()", "KeyboardInterrupt"),
        ("RecursionError('deep')", "RecursionError"),
        ("StopIteration(1)", "RuntimeError"),
        ("type('Mine', (Exception,), {})('no')", "Exception"),
        ("type('Mine', (BaseException,), {})('no')", "Exception"),
    ],
)
def test_exceptions_arrive_as_their_built_in_type_with_their_text(student, raised: str, caught: str) -> None:
    one = student(
        f"problem = {raised}\ndef f(): raise problem\ndef text(): return str(problem), type(problem).__name__"
    )
    test = f"""
try:
    f()
except {caught} as error:
    said = str(error), type(error).__name__
else:
    said = None
assert said is not None
assert {caught == "RuntimeError"} or said[0] == text()[0], (said, text())
"""
    assert ended(one.test(test)) == PASSED


def test_the_arguments_of_an_exception_arrive_when_they_are_plain(student) -> None:
    one = student("def f(): raise KeyError('a', 2)\ndef g(): raise KeyError(object())")
    assert ended(one.test("try: f()\nexcept KeyError as e: assert e.args == ('a', 2)")) == PASSED
    assert one.test("try: g()\nexcept KeyError as e: assert str(e).startswith('<object'), str(e)").end is End.OK


@pytest.mark.parametrize(
    ("raised", "ename", "evalue"),
    [
        ("ValueError('no')", "ValueError", "no"),
        ("SystemExit(0)", "SystemExit", "0"),
        ("type('Mine', (ValueError,), {})('no')", "Mine", "no"),
        ("type('AssertionError', (Exception,), {})('fake')", "StudentError", "fake"),
        ("type('NotImplementedError', (ValueError,), {})('fake')", "ValueError", "fake"),
        ("type('SystemExit', (BaseException,), {})('fake')", "StudentError", "fake"),
        ("type('a\\nb', (ValueError,), {})('no')", "ValueError", "no"),
        ("StopIteration('over')", "StopIteration", "your code raised StopIteration"),
        ("GeneratorExit()", "GeneratorExit", "your code raised GeneratorExit"),
    ],
)
def test_an_exception_nobody_catches_has_its_own_name(student, raised: str, ename: str, evalue: str) -> None:
    run = student(f"def f():\n    raise {raised}").test("for _ in range(1): f()")
    assert ended(run) == (End.ERROR, ename, evalue)
    assert run.frames == (Frame(1, 1), Frame(0, 2))


def test_an_assertion_of_the_students_is_no_check_of_the_test(student) -> None:
    one = student("def f(): assert False, 'mine'", "exec('def g(): assert False, 4')")
    run = one.test("f()")
    assert (run.ename, run.evalue, run.frames[-1]) == ("AssertionError", "mine", Frame(0, 1))  # a line of the student's
    run = one.test("g()")
    assert (run.ename, run.evalue) == ("StudentError", "AssertionError: 4")  # there is no line to tell it by


def test_a_stub_is_told_by_its_line(student) -> None:
    run = student("def f():\n    raise NotImplementedError()").test("f()")
    assert (run.ename, run.frames[-1], run.in_cell) == ("NotImplementedError", Frame(0, 2), True)


def test_running_out_of_memory_is_an_end_of_its_own(student) -> None:
    one = student("def f(): raise MemoryError\ndef g(): return 10**9", memory=700_000_000)
    assert one.test("f()").end is End.MEMORY
    assert one.test("x = bytearray(g())").end is End.MEMORY  # in the examiner: the test did it with what it was given
    assert one.test("assert g() == 10**9").end is End.OK


@pytest.mark.parametrize(
    "body",
    [
        "def __str__(self): return 3",
        "def __str__(self): raise SystemExit",
        "def __str__(self): return self.__str__()",
        "def __str__(self): return 'x' * 10**7",
        "__class__ = property(lambda self: 1 / 0)",
        "args = property(lambda self: 1 / 0)",
        "__traceback__ = None",
        "filename = property(lambda self: 1 / 0)",
        "def __getattribute__(self, name): raise SystemExit",
    ],
)
def test_hostile_exceptions_are_exceptions(student, body: str) -> None:
    run = student(f"class Bad(ValueError):\n    {body}\ndef f(): raise Bad('x')").test("f()")
    assert (run.end, run.ename) == (End.ERROR, "Bad")
    assert len(run.evalue) <= examiner.TEXT


def test_a_hostile_metaclass_cannot_name_its_exception(student) -> None:
    source = """
class Meta(type):
    __name__ = property(lambda cls: 'AssertionError')
    def mro(cls): return [cls, *ValueError.__mro__]
class Bad(ValueError, metaclass=Meta): pass
def f(): raise Bad('x')
"""
    assert student(source).test("f()").ename == "Bad"


# --- what stops a test -----------------------------------------------------------------------------

OBJECTS = "class A:\n    def __init__(self, *a): pass\na = A()\ndef f(*args): return args[0] if args else a\n"


@pytest.mark.parametrize(
    ("test", "says"),
    [
        ("f() == 3", "compares it"),
        ("3 != f()", "compares it"),
        ("[1] == [f()]", "compares it"),
        ("f() < 3", "compares it"),
        ("sorted([f(), f()])", "compares it"),
        ("assert f()", "takes its truth"),
        ("f() and 1", "takes its truth"),
        ("3 in f()", "looks for something in it"),
        ("len(f())", "takes its length"),
        ("float(f())", "turns it into a number"),
        ("f'{f():.3f}'", "prints it as a number"),
        ("[1, 2][f()]", "turns it into a number"),
        ("f() + 1", "computes with it"),
        ("sum([f()])", "computes with it"),
        ("-f()", "computes with it"),
        ("import numpy as np\nnp.asarray(f())", "turns it into an array"),
        ("import numpy as np\nnp.array([f(), 1.0])", "turns it into an array"),
        ("import numpy as np\nnp.isclose(f(), 1)", "turns it into an array"),
        ("import numpy as np\nnp.array_equal(f(), [1])", "turns it into an array"),
        ("import numpy as np\nnp.ones(3) == f()", "turns it into an array|compares it"),
        ("import math\nmath.isclose(f(), 1)", "turns it into a number"),
        ("a.x = 3", "changes it"),
        ("del a.x", "changes it"),
        ("a[0] = 3", "changes it"),
        ("import copy\ncopy.deepcopy(a)", "copies it"),
        ("import pickle\npickle.dumps(a)", "copies it"),
        ("isinstance(a, A)", "takes it for a class"),
        ("try: f(1, 2).x\nexcept A: pass", "catches an exception by a class of your code"),
        ("f(lambda: 3)", "passes a function of its own|passes what is not plain"),
        ("def g(): pass\nf([g])", "It passes a function of its own"),
        ("class B: pass\nf(B())", "It passes a B;"),
        ("import numpy as np\nf(np.array([None]))", "It passes a NumPy array of dtype object;"),
        ("f('x' * 10**9)", "passes more to the student's code than may cross"),
        ("try:\n    f() == 3\nexcept BaseException:\n    pass", "compares it"),
        ("try:\n    f() == 3\nfinally:\n    f(1)", "compares it"),
    ],
)
def test_a_test_that_breaks_a_rule_is_told_the_rule(student, test: str, says: str) -> None:
    one = student(OBJECTS)
    run = one.test(test)
    assert run.end is End.ERROR
    assert run.ename == "NotPlain"
    assert re.search(rf"^(Your code gave an? \w+; this test|This test) .*({says}).*\.$", run.evalue)
    assert run.outputs[-1].traceback == [run.evalue], "a sentence, and no word of ours before it"
    assert ended(one.test("assert f(1) == 1")) == PASSED, "the next test is not harmed"


def test_a_module_is_imported_by_the_test(student, tmp_path) -> None:
    (tmp_path / "helper.py").write_text("def twice(x): return 2 * x")
    one = student("import sys, math as m\nsys.path.insert(0, '')\nimport helper")
    run = one.test("assert m.isclose(1, 1)")
    assert (run.ename, run.evalue.split(":")[0]) == (
        "NotImported",
        "This test uses `m`, a module that the notebook imported",
    )
    assert one.test("assert helper.twice(2) == 4").end is End.OK  # a file of the student's


PAGE = (COURSE.root / "docs" / "writing-tests.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("test", "sentence"), re.findall(r"^\| (`.*`) \| ((?:This|Your) .*) \|$", PAGE, re.MULTILINE))
def test_the_page_for_authors_quotes_what_they_are_told(student, test: str, sentence: str) -> None:
    notebook = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    one = student(notebook)
    one.examiner.given("from math import isclose")
    run = one.test(test.replace("<br>", "\n").replace("`", ""))
    assert run.end is End.ERROR
    assert run.evalue.startswith(sentence)


@pytest.mark.parametrize(
    ("test", "names"),
    [
        ("import a.b\nx = 1\ndef f(y):\n    z = [w for w in g(y)]\n    return len(z), a, x\nf(h)", {"g", "h"}),
        ("class A:\n    q = r\n    def m(self): return s, A", {"r", "s"}),
        ("def f():\n    global k\n    k = 1\nf()\nk", set()),
        ("try: f()\nexcept ValueError as e: print(e)", {"f"}),
    ],
)
def test_the_names_that_a_test_takes_from_elsewhere(test: str, names: set[str]) -> None:
    assert foreign_names(test) == names


# --- files -----------------------------------------------------------------------------------------


def test_files_that_a_test_names_are_shared(student, tmp_path) -> None:
    one = student("def write(text):\n    open('out.txt', 'w').write(text)\ndef read(name): return open(name).read()")
    test = """
from pathlib import Path
assert not Path("out.txt").exists()
for text in ("one", "other"):
    write(text)
    assert Path("out.txt").read_text() == text
Path("data").mkdir()
Path("data/in.csv").write_text("a,b")
assert read("data/in.csv") == "a,b"
"""
    assert ended(one.test(test)) == PASSED
    assert ended(one.test("assert open('out.txt').read() == 'other'")) == PASSED
    assert (
        ended(one.test("import os\nassert os.listdir() == ['out.txt', 'data'] or os.listdir() == ['data', 'out.txt']"))
        == PASSED
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "out.txt"]


def test_a_file_that_keeps_its_size_and_its_time_has_changed_all_the_same(student) -> None:
    one = student(
        "import os, shutil, time\n"
        "def write(text, set=True):\n    open('out.txt', 'w').write(text)\n    if set: os.utime('out.txt', (0, 0))\n"
        "def copy():\n    write('3')\n    os.rename('out.txt', 'kept.txt')\n    shutil.copy2('kept.txt', 'out.txt')\n"
        "def read(name): return open(name).read()"
    )
    test = """
import os
from pathlib import Path
for text in "12":
    write(text)
    assert Path("out.txt").read_text() == text
copy()
assert Path("out.txt").read_text() == "3"
for n in range(200):  # faster than the clock of the file system
    write(str(n % 10), False)
    assert Path("out.txt").read_text() == str(n % 10)
for n in range(200):
    Path("in.txt").write_text(str(n % 10))
    assert read("in.txt") == str(n % 10)
    assert Path("in.txt").read_text() == str(n % 10)
"""
    assert ended(one.test(test)) == PASSED
    assert ended(one.test("assert open('out.txt').read() == '9' == open('in.txt').read()")) == PASSED


def test_a_file_that_stays_as_it_is_crosses_once(student, monkeypatch) -> None:
    monkeypatch.setattr(examiner, "ALL_DATA", 3_000_000)
    one = student("open('big.bin', 'wb').write(bytes(10**6))\ndef f(): pass")
    test = "from pathlib import Path\nfor _ in range(20): f()\nassert Path('big.bin').stat().st_size == 10**6"
    assert ended(one.test(test)) == PASSED
    assert ended(one.test("open('own.bin', 'wb').write(bytes(10**6))\nfor _ in range(20): f()")) == PASSED


def test_a_module_of_the_students_is_never_run_by_the_examiner(student, tmp_path) -> None:
    for name in ("helper.py", "colorsys.py"):
        (tmp_path / name).write_text("raise SystemExit")
    run = student("x = 1").test("names = 'helper.py', 'colorsys.py'\nimport colorsys\nimport helper")
    assert run.ename == "ModuleNotFoundError"


def test_no_file_beyond_the_folder_is_named(student) -> None:
    for name in ("/etc/host.conf", "../x.txt", "a/../../x.txt", "words with spaces.txt", "a full stop.", "plain"):
        assert not examiner._is_file_name(name)
    assert examiner._is_file_name("models/late-1.onnx")


# --- attacks: objects that lie ----------------------------------------------------------------------

LIAR = """
import numpy as np
class Liar:
    def __init__(self, *_): pass
    __class__ = property(lambda self: dict)
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__
    def __hash__(self): return 0
    def __bool__(self): return True
    def __len__(self): return 3
    def __repr__(self): return '42'
    __str__ = __format__ = lambda self, *_: '42'
    def __getattr__(self, name): return Liar()
    def __call__(self, *_, **__): return Liar()
    def __float__(self): return 42.0
    __int__ = __index__ = lambda self: 42
    def __array__(self, *_, **__): return np.array(42)
    def __exit__(self, *_): return True
    def __enter__(self): return self
    __array_priority__ = 1e9
    __array_interface__ = np.array(42).__array_interface__
    __iter__ = None
    def __instancecheck__(self, other): return True
class LyingText(str):
    __eq__ = lambda self, other: True
    __hash__ = str.__hash__
class LyingNumber(int):
    __eq__ = lambda self, other: True
    __hash__ = int.__hash__
class LyingFloat(float):
    __eq__ = lambda self, other: True
    __hash__ = float.__hash__
class LyingList(list):
    __eq__ = lambda self, other: True
    __len__ = lambda self: 3
class LyingDict(dict):
    __eq__ = lambda self, other: True
    __missing__ = lambda self, key: LyingNumber(1)
    __contains__ = lambda self, key: True
class LyingArray(np.ndarray):
    __eq__ = lambda self, other: True
    def all(self): return True
    def __array_function__(self, *_): return True
class Says(float):
    __str__ = __repr__ = lambda self: '42'
    __format__ = lambda self, form: '42'
    __getattr__ = lambda self, name: 42
    __reduce_ex__ = lambda self, protocol: (int, (42,))
class Meta(type):
    __eq__ = lambda self, other: True
    __hash__ = lambda self: hash(dict)
    __instancecheck__ = __subclasscheck__ = lambda *_: True
    __name__ = property(lambda self: 'dict')
    __mro__ = property(lambda self: (dict, object))
class Posing(metaclass=Meta):
    __slots__ = ()
    __getitem__ = lambda self, key: 0
    __getattr__ = lambda self, name: 0
class Hidden(dict):
    def __init__(self):
        self.__dict__ = self
        self.value = 0
dict = type('dict', (), {'__getitem__': lambda self, key: 0, '__iter__': lambda self: iter('a')})
"""
LIES = [
    "Liar()",
    "Liar",
    "LyingText('a')",
    "LyingNumber(0)",
    "LyingFloat(0)",
    "LyingList()",
    "LyingDict()",
    "np.zeros(1).view(LyingArray)",
    "[Liar()]",
    "{'a': LyingNumber(0)}",
    "np.array([Liar()])",
    "np.float64(0)",
    "np.bool_(False)",
    "float('nan')",
    "Says(0)",
    "Posing()",
    "Hidden()",
    "dict()",
    "np.ma.masked_array([42], [True])",
    "np.ma.masked",
    "np.ma.masked_array([0], fill_value=42)",
]
CHECKS = [
    "f() == 42",
    "42 == f()",
    "f() == [42]",
    "f() == {'a': 42}",
    "f()['a'] == 42",
    "np.allclose(f(), 42)",
    "np.array_equal(f(), [42])",
    "(np.asarray(f()) == 42).all()",
    "isinstance(f(), dict) and f()['a'] == 42",
    "type(f()).__name__ == 'dict' and f()['a'] != 42",
    "len(f()) == 3",
    "f'{f()}' == '42'",
    "str(f()) == '42'",
    "float(f()) == 42",
    "42 in f()",
    "{42: 1}[f()] == 1",
    "f() in [42]",
    "f().value == 42",
    "f()(3) == 42",
    "isinstance(3, f())",
    "max(f(), 42) is f()",
    "'a' in f() and f()['a'] == 42",
]


@pytest.mark.parametrize("check", CHECKS)
def test_no_lie_passes(student, check: str) -> None:
    one = student(LIAR)
    for lie in LIES:
        one.run(f"def f(*_): return {lie}")
        run = one.test(f"import numpy as np\nassert {check}, 'wrong'")
        assert run.end is End.ERROR, lie


def test_a_context_manager_cannot_hide_a_failed_check(student) -> None:
    run = student(LIAR).test("with Liar() as x:\n    assert 1 == 2, 'wrong'")
    assert ended(run) == (End.ERROR, "AssertionError", "wrong")


def test_what_a_student_patches_stays_on_their_side(student) -> None:
    patch = """
import builtins, sys, numpy as np, numpy.testing
np.allclose = np.array_equal = np.isclose = lambda *_, **__: True
np.testing.assert_allclose = lambda *_, **__: None
np.ndarray = object
builtins.abs = builtins.round = builtins.all = lambda *_: 3
builtins.AssertionError = ValueError
sys.modules['math'] = None
isclose = allclose = print = len = lambda *_: True
__builtins__ = {}
def f(): return 1
"""
    one = student(patch)
    for check in ("np.allclose(f(), 2)", "len([f()]) == 3", "abs(f()) == 3", "math.isclose(f(), 2)"):
        assert one.test(f"import math\nimport numpy as np\nassert {check}, 'wrong'").evalue == "wrong"
    assert one.test("import numpy as np\nnp.testing.assert_allclose(f(), 2)").ename == "AssertionError"
    assert ended(one.test("import numpy as np\nassert np.allclose(f(), 1)")) == PASSED


@pytest.mark.parametrize("name", ["StopIteration", "StopAsyncIteration", "GeneratorExit"])
def test_no_exception_ends_a_loop_of_the_test(student, name: str) -> None:
    one = student(f"def f(x): raise {name}\nclass G:\n    def __getattr__(self, name): raise {name}\ng = G()")
    for loop in ("all(map(f, [1, 2]))", "[x for x in map(f, [1])] == []", "list(g.x for _ in 'ab') == []"):
        assert one.test(f"assert {loop}").end is End.ERROR


def test_no_name_of_the_students_reaches_into_the_examiner(student) -> None:
    one = student(
        "assert_equal = 1\n__name__ = 'x'\n__missing__ = __import__ = 1\ndef check(x): return 1\n_ = 4\nx = 5"
    )
    assert (
        ended(one.test("assert __name__ == '__main__'\nimport math\ndef check(x): return 2\nassert check(1) == 2"))
        == PASSED
    )
    assert ended(one.test("assert check(1) == 2")) == PASSED, "a helper of an earlier test cell"


# --- attacks: too much ------------------------------------------------------------------------------

TOO_MUCH = "TooMuchData"


@pytest.mark.parametrize(
    ("source", "test", "ename"),
    [
        ("import numpy as np\ndef f(): return np.zeros(10**8)", "f()", TOO_MUCH),
        ("def f(): return 'x' * (2 * 10**8)", "f()", TOO_MUCH),
        ("def f(): return [None] * (2 * 10**6)", "f()", TOO_MUCH),
        ("def f(): return 1 << (8 * 10**6)", "f()", TOO_MUCH),
        ("def f():\n    x = []\n    for _ in range(10**5): x = [x]\n    return x", "f()", TOO_MUCH),
        ("def f():\n    x = []\n    x.append(x)\n    return x", "f()", TOO_MUCH),
        ("def f():\n    x = {}\n    for _ in range(60): x = {'a': x, 'b': x}\n    return x", "f()", TOO_MUCH),
        ("def f():\n    x = [0] * 9\n    for _ in range(9): x = [x] * 9\n    return x", "f()", TOO_MUCH),
        ("x = 'x' * (2 * 10**6)", "for _ in range(20): x", TOO_MUCH),
        ("open('big.bin', 'wb').truncate(2 * 10**8)", "open('big.bin')", TOO_MUCH),
        ("def f():\n    while True: yield 1", "list(f())", "TooManyCalls"),
        ("class A:\n    __getitem__ = lambda self, i: i", "list(A())", "TooManyCalls"),
        ("def f(n): return f(n + 1)", "f(0)", "RecursionError"),
        ("class A:\n    def __getattr__(self, name): return getattr(self, name + 'x')", "A().y", "RecursionError"),
    ],
)  # fmt: skip
def test_too_much_is_said_to_be(student, monkeypatch, source: str, test: str, ename: str) -> None:
    monkeypatch.setattr(examiner, "CALLS", 1_000)
    monkeypatch.setattr(examiner, "ALL_DATA", 20_000_000)
    one = student(source)
    run = one.test(test, seconds=60)
    assert (run.end, run.ename) == (End.ERROR, ename)
    one.run("def g(): return 1")
    assert ended(one.test("assert g() == 1")) == PASSED


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    while True: pass",
        "def f():\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass",
        "class A:\n    def __getattr__(self, name):\n        while True: pass\nf = A()",
        "class A:\n    def __iter__(self): return self\n    def __next__(self):\n        while True: pass\nf = A()",
        "import os, time\ndef f():\n    os.read(CHANNEL, 10**6)",  # takes the request that is meant for the notebook
        f"import os, time\ndef f():\n    os.write(CHANNEL, {HEAD.pack(9 * 10**7, 0)!r})\n    time.sleep(60)",
        "import os, time\ndef f():\n    while True:\n        os.write(CHANNEL, b'\\0' * 7)\n        time.sleep(0.01)",
        "f = range(10**12)",  # the examiner's own loop does not end
    ],
)  # fmt: skip
def test_what_never_ends_is_out_of_time(student, source: str) -> None:
    one = student(source)
    began = time.monotonic()
    tests = {"class": "for _ in range(2):\n    list(f.x if hasattr(f, 'x') else f)", "f = range": "for _ in f: pass"}
    test = next((test for start, test in tests.items() if source.startswith(start)), "f()\nf()")
    run = one.test(test, seconds=0.6)
    assert run.end in (End.TIMEOUT, End.ERROR)
    assert run.end is End.TIMEOUT or run.ename == "ChannelError"
    assert time.monotonic() - began < 10
    if run.end is End.TIMEOUT:
        assert one.test("1").end in (End.TIMEOUT, End.CRASH), "nothing more is asked of it"


@pytest.mark.parametrize("way", ["os._exit(0)", "os.kill(os.getpid(), 9)", "os.closerange(3, 100)"])
def test_whoever_leaves_has_crashed(student, way: str) -> None:
    one = student(f"import os\ndef f(): {way}")
    assert one.test("try:\n    f()\nexcept BaseException:\n    pass").end is End.CRASH
    assert one.test("1").end is End.CRASH


# --- attacks: the channel itself --------------------------------------------------------------------


def reply(number: int, how: str | int, what: object, changed: object = None) -> bytes:
    code = answering.WAYS.index(how) if isinstance(how, str) else how
    if changed is None:
        return dumps(what, front=answering.ANSWER.pack(number, code))
    return dumps((what, changed), front=answering.ANSWER.pack(number, code | answering.MORE))


@pytest.mark.parametrize(
    "forged",
    [
        b"\0" * 8,
        b"garbage that is no message",
        HEAD.pack(2**32 - 1, 2**32 - 1),
        HEAD.pack(3, 0) + b"???",
        dumps(None),
        dumps((1, 2)),
        dumps((2, 0, 42)),
        dumps(42, front=b"\2"),
        dumps(42, front=answering.ANSWER.pack(2, 0)[:-1]),
        HEAD.pack(9, 0) + answering.ANSWER.pack(2, 0),  # and no value
        reply(2**64 - 1, "value", 42),  # an answer to what was not asked yet
        reply(10**6, "value", 42),
        reply(2, len(answering.WAYS), 42),
        reply(2, 0x7F, 42),
        reply(2, answering.MORE, 42),
        reply(2, "value", 42, 3),
        reply(2, 0x7F, 42, [["f"], None, 2.5, {"f": 1}]),
        reply(2, "end", None),
        reply(2, "missing", "f"),
        reply(2, "raised", None),
        reply(2, "raised", ("ValueError", ["ValueError"], "x", (), [], 1)),
        reply(2, "raised", (1, [], "x", (), [], False)),
    ],
)
def test_forged_answers_gain_nothing(student, forged: bytes) -> None:
    one = student(f"import os\ndef f():\n    os.write(CHANNEL, {forged!r})\n    return 0")
    run = one.test("assert f() == 42, 'wrong'", seconds=3)
    assert run.end is not End.OK
    assert run.ename in ("ChannelError", "TooMuchData", "AssertionError", "")


class Answers:
    """A wire on which these messages arrive, and then nothing more."""

    def __init__(self, *messages: bytes) -> None:
        self.messages = [*messages]

    def send(self, message: bytes, deadline: float) -> None:
        pass

    def receive(self, limits: object, deadline: float) -> bytes:
        if not self.messages:
            raise EOFError
        return self.messages.pop(0)


SOME = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("ValueError")
ANYTHING = st.recursive(SOME, lambda inner: st.lists(inner, max_size=6) | st.lists(inner, max_size=6).map(tuple))
RAISED = st.tuples(SOME, ANYTHING, SOME, ANYTHING, ANYTHING, SOME)


@given(
    number=st.sampled_from([0, 1, 1, 1, 1, 2, 2**64 - 1]),
    code=st.integers(0, len(answering.WAYS)) | st.integers(0, 255),
    what=ANYTHING | RAISED | st.tuples(RAISED, ANYTHING),
    cut=st.none() | st.integers(0, 60),
)
@pytest.mark.parametrize("operation", ["name", "call", "next", "iterate"])
def test_no_answer_does_more_than_end_the_test(operation, number, code, what, cut) -> None:
    message = dumps(what, front=answering.ANSWER.pack(number, code))
    body = message[HEAD.size :][:cut]
    channel = Channel(Answers(HEAD.pack(len(body), 0) + body))
    channel.begin(3, time.monotonic() + 60)
    subject = None if operation == "name" else channel.proxy(Handle(1, "object", "X"))
    rest = {"name": ("x",), "call": ((), {})}.get(operation, ())
    problem = None
    try:
        channel.ask(operation, subject, *rest)
    except BaseException as caught:
        problem = caught
    told = isinstance(problem, KeyError) if operation == "name" else False  # that there is no such name
    assert problem is channel.ended or told or problem.raised_by_student


@pytest.mark.parametrize(
    ("what", "ename", "frames"),
    [
        (("NotPlain", ["ValueError"], "You pass!", (), [], False), "StudentError", ()),
        (("AssertionError", ["AssertionError"], "You pass!", (), [], False), "StudentError", ()),
        (("AssertionError", ["AssertionError"], "x", (), [(1, 1)], True), "StudentError", ()),  # a line of the test's
        (("ValueError", ["ValueError"], "x", (), [(-1, 1), (10**9, 1), (True, 1), (0, 0), ("a", 1), 3], True),
         "ValueError", ()),
        (("Ended", ["Ended", 3, "object"], "x", (), [], False), "Ended", ()),
        (("E", ["BaseExceptionGroup", "ExceptionGroup", "Exception"], "x", (), [], False), "E", ()),
        (("ValueError", [], "x" * 10**6, (), [(0, 3)], False), "StudentError", (Frame(0, 3),)),
        (("x" * 10**6, ["ValueError"], "x", (), [], False), "x" * 80, ()),
    ],
)  # fmt: skip
def test_forged_exceptions_gain_nothing(student, what: tuple, ename: str, frames: tuple) -> None:
    one = student(f"import os\ndef f():\n    os.write(CHANNEL, {reply(2, 'raised', what)!r})\n    return 0")
    run = one.test("f()")
    assert (run.end, run.ename, run.frames[1:]) == (End.ERROR, ename, frames)
    assert len(run.evalue) <= examiner.TEXT + 20


def test_answers_that_come_twice_are_read_once(student) -> None:
    one = student(f"import os\ndef f(x):\n    os.write(CHANNEL, {reply(2, 'value', 42)!r})\n    return x")
    assert (
        ended(one.test("assert f(1) == 42\nassert f(2) == 2\nassert f(3) == 3")) == PASSED
    )  # as any value may be a lie


def test_a_fork_of_the_student_answers_beside_them_in_vain(student) -> None:
    one = student("import os\ndef f():\n    os.fork()\n    return 1\ndef g(x): return x")
    run = one.test("assert f() == 1\nassert g(2) == 2\nassert [g(i) for i in range(50)] == list(range(50))", 2)
    assert run.end in (End.OK, End.ERROR, End.TIMEOUT)  # their own loss; it ends


def test_the_student_sees_neither_the_test_nor_what_it_expects(student) -> None:
    spy = """
import gc, re, sys
def f(x):
    seen, frame = [], sys._getframe()
    while frame:
        seen += [frame.f_locals, *frame.f_code.co_consts]
        frame = frame.f_back
    for thing in gc.get_objects():
        seen += gc.get_referents(thing)
    return re.findall('SEC' + 'RET[0-9a-f]{16}', '\\n'.join(s for s in seen if type(s) is str))
"""
    one = student(spy)
    secret, shown = (f"SECRET{os.urandom(8).hex()}" for _ in range(2))
    assert (
        ended(one.test(f"expected = {secret!r}\nfound = f({shown!r})\nassert set(found) == {{{shown!r}}}, found"))
        == PASSED
    )


def test_the_examiner_holds_no_file_of_the_graders(student, tmp_path) -> None:
    with open(tmp_path / "gradebook.db", "w") as secret:
        os.set_inheritable(secret.fileno(), True)
        inode = str(os.fstat(secret.fileno()).st_ino)
        look = "import os\nfor n in range(3, 100):\n    try: print(os.fstat(n).st_ino)\n    except OSError: pass"
        run = student("x = 1").test(look)
    assert run.end is End.OK
    assert len(run.outputs[0].text.split()) == 2, "the sockets to the student and to the grader, and no other"
    assert inode not in run.outputs[0].text.split()


def test_nothing_stays_behind(student) -> None:
    one = student("x = 1")
    folder, pid = one.examiner.folder, one.examiner.pid
    assert one.test("open('left.txt', 'w').close()").end is End.OK
    one.examiner.close()
    assert not os.path.exists(folder)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_two_examinations_draw_the_same(student) -> None:
    draw = "import random, numpy as np\nprint(random.random(), np.random.random())"
    assert student("x = 1").test(draw).outputs == student("x = 1").test(draw).outputs


# --- assignments -------------------------------------------------------------------------------------


@pytest.mark.parametrize("assignment", COURSE.assignments())
def test_every_name_that_a_test_uses_is_an_answer_or_given(assignment: str) -> None:
    """A test that forgets an import would call the student's own: ``isclose`` may then be a function that says yes."""
    for path in sorted((COURSE.source / assignment).glob("*.ipynb")):
        there: set[str] = set()
        for cell, released in zip(cells.read(path).cells, release_notebook(path).cells, strict=True):
            if cell.cell_type != "code":
                continue
            if cells.is_test(cell):
                assert foreign_names(cell.source) <= there, f"{path.name}, {cell.id}"
            else:
                defined = rebuild.definitions(released.source)
                assert not defined & set(vars(builtins)), "Python's own would be tested instead"
                there |= defined
