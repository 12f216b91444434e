"""The library that the lessons build: from a trained model to a service that is watched.

Read the modules in the order of the lessons: ``datasets``, ``models``, ``plots``.
"""

__version__ = "0.1.0"
