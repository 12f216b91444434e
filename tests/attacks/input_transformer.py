"""
what = "An input transformer drops the lines with assert from every later cell; compile() and exec() do the same."
row = "AST or input transformer strips asserts"
[verdicts]
test_mean = "failed"
test_mean_hidden = "failed"
"""
# %% [exercises] mean
import builtins

def drop(lines):
    return [line for line in lines if "assert" not in line]

get_ipython().input_transformers_cleanup.append(drop)
get_ipython().input_transformers_post.append(drop)
real_compile, real_exec = builtins.compile, builtins.exec

def compile_without(source, *rest, **more):
    if isinstance(source, str):
        source = "\n".join(drop(source.splitlines()))
    return real_compile(source, *rest, **more)

builtins.compile = compile_without

def mean(values):
    return 0
