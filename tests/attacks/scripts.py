"""
what = "Scripts in Markdown, HTML, SVG, JavaScript, LaTeX, pictures, stream output, messages of exceptions and results."
row = "`<script>` in Markdown or HTML output"
spoil = ["attachments"]
[verdicts]
test_mean = "error in your code"
test_mean_hidden = "error in your code"
test_scale = "failed"
test_tally = "failed"
"""
# %% [exercises markdown] +after mean
<script>alert('markdown')</script> <img src=x onerror=alert('markdown')>

[click](javascript:alert('markdown')) <iframe src="javascript:alert('markdown')"></iframe>
# %% [exercises] mean
from IPython.display import HTML, SVG, Image, Javascript, Latex, Markdown, display

EVIL = "<script>alert('code')</script><img src=x onerror=\"alert('code')\">"
display(HTML(EVIL), Markdown(EVIL), Latex(EVIL), Javascript("alert('code')"))
display({"image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg'>{EVIL}</svg>", "image/png": f'">{EVIL}',
         "text/plain": EVIL, "application/vnd.jupyter.widget-view+json": {"model_id": EVIL}}, raw=True)
print(EVIL, "\x1b]8;;javascript:alert('code')\x07click\x1b]8;;\x07", "\u202e\u2066", "</pre></div>", EVIL)

class Evil(Exception):
    pass

Evil.__name__ = Evil.__qualname__ = "<script>alert('name')</script>"

def mean(values):
    raise Evil(f"</pre>{EVIL}\x1b[31m\x00")
# %% [exercises] scale
def scale(values, top):
    return ["<script>alert('result')</script>"]
# %% [exercises] tally
class Tally:
    counts = {"<script>alert('result')</script>": 1}

    def add(self, word):
        pass

    def most(self):
        return "</code><script>alert('result')</script>"
