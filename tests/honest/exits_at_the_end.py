"""
what = "exit() and quit() left in cells, a raise at the end, %reset of outputs."
"""
# %% [exercises] +after mean
exit()
# %% [exercises] +after scale
quit()
# %% [exercises] +after count
import sys
sys.exit("done")
# %% [exercises] +after root
raise KeyboardInterrupt
