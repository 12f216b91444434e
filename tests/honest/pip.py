"""
what = "Leftover %pip and !pip lines, without a network."
"""
# %% [exercises] +after given
!pip install --disable-pip-version-check --retries 0 --timeout 1 --index-url http://127.0.0.1:9/simple no-such-package-here
# %% [exercises] +after mean
%conda_not_a_magic install x
# %% [exercises] +after scale
import seaborn_that_is_not_there as sns
