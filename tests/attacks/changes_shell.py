"""
what = "Takes the shell to pieces: %reset, deleted built-ins, closed output, hooks that raise, ask_exit, another loop."
[verdicts]
test_mean = ["failed", "error in your code", "crashed", "out of time"]
test_mean_hidden = ["failed", "error in your code", "crashed", "out of time"]
test_scale = ["passed", "error in your code", "crashed", "out of time"]
test_count = ["passed", "error in your code", "crashed", "out of time"]
test_save = ["passed", "error in your code", "crashed", "out of time"]
test_tally = ["passed", "error in your code", "crashed", "out of time"]
test_countdown = ["passed", "error in your code", "crashed", "out of time"]
test_root = ["passed", "error in your code", "crashed", "out of time"]
"""
# %% [exercises] mean
import builtins, sys

shell = get_ipython()
shell.events.register("pre_run_cell", lambda *a: sys.exit(0))
shell.events.register("post_run_cell", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
shell.set_custom_exc((Exception,), lambda *a: None)
shell.showtraceback = lambda *a, **k: None
sys.excepthook = sys.unraisablehook = lambda *a: None
sys.stdout.close()
sys.stderr = None
sys.modules.clear()
shell.ask_exit()

def mean(values):
    return 0
# %% [exercises] +after mean
%reset -f
# %% [exercises] +after count
import builtins
for name in ("print", "len", "isinstance", "type", "dict", "list", "Exception", "getattr", "__import__"):
    delattr(builtins, name)
