"""
what = "The folder that is handed in holds sitecustomize, usercustomize, a .pth, IPython profiles and configuration."
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
"""
# %% [exercises] mean
import builtins
if hasattr(builtins, "STARTED"):
    print("reached".upper(), "start-up")

def mean(values):
    return 0
# %% [file] sitecustomize.py
import builtins; builtins.STARTED = 1
# %% [file] usercustomize.py
import builtins; builtins.STARTED = 1
# %% [file] a.pth
import builtins; builtins.STARTED = 1
# %% [file] ipython_config.py
import builtins; builtins.STARTED = 1
# %% [file] ipython_kernel_config.py
import builtins; builtins.STARTED = 1
# %% [file] .ipython/profile_default/startup/00.py
import builtins; builtins.STARTED = 1
# %% [file] jupyter_config.json
{"ClearSolutionsPreprocessor": {"enabled": false}}
# %% [file] nbgrader_config.py
import builtins; builtins.STARTED = 1
# %% [file] pyvenv.cfg
home = /nowhere
# %% [file] matplotlibrc
backend: no_such_backend
# %% [file] conftest.py
raise SystemExit(1)
# %% [file] questions.json
{"questions": [{"id": "q1", "key": "AC"}]}
