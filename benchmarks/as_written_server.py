"""The command ``modelserving``, with sessions that run a model's graph as it is written, without rewriting it first."""

import sys

from modelserving import cli, interpreter

interpreter.LEVELS[True] = interpreter.LEVELS[False]
sys.exit(cli.main())
