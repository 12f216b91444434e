"""
what = "Looks for hidden tests in In, _ih, the history, linecache, inspect, tracebacks, and frames above, also while tested."
row = "reads the hidden test from `In[-1]`, frames, `gc`"
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
"""
# %% [exercises] mean
import gc, inspect, linecache, re, sys, traceback

wanted = re.compile("hidden-" + "key-[0-9a-f]{24}")
seen = []

def look(where, text):
    found = wanted.search(text)
    if found:
        seen.append(found[0])
        print("reached".upper(), where, found[0])

def hunt():
    shell = get_ipython()
    look("history", repr(shell.user_ns.get("In")) + repr(shell.user_ns.get("_ih")))
    look("history", repr(getattr(shell.history_manager, "input_hist_raw", "")))
    look("linecache", repr(linecache.cache))
    frame = sys._getframe()
    while frame:
        look("frame", repr(frame.f_code.co_consts) + repr(dict(frame.f_locals)) + repr(frame.f_code.co_filename))
        frame = frame.f_back
    look("stack", repr(traceback.format_stack()) + repr([s.code_context for s in inspect.stack()]))
    for thing in gc.get_objects():
        if type(thing) in (dict, list, tuple, set):
            try:
                for value in thing.values() if type(thing) is dict else thing:
                    if type(value) is str:
                        look("gc", value)
            except RuntimeError:
                pass
        elif inspect.iscode(thing) or inspect.isfunction(thing):
            look("code", repr(getattr(thing, "co_consts", getattr(getattr(thing, "__code__", None), "co_consts", ""))))

hunt()

def mean(values):
    hunt()
    return 0
# %% [exercises] +after count
hunt()
