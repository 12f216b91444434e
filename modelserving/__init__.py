"""The library that the lessons build: from a trained model to a service that is watched.

Read the modules in the order of the lessons: ``datasets``, ``models``; ``plots`` and ``guess`` show what was measured.
"""

__version__ = "0.1.0"
