"""The library that the lessons build: from a trained model to a service that is watched.

Read the modules in the order of the lessons. ``datasets`` and ``models`` (01); ``export`` and ``interpreter`` (02);
``protocol``, ``batching``, ``repository``, ``metrics`` and ``server``, with ``connection``, ``listen``, ``cli`` and
``arguments`` to put it on a socket (03); ``load``, with ``load_client``, ``load_command`` and ``virtual``, and
``loadgen`` (04);
``store``, ``drift``, ``monitor``, with ``monitor_command``, and ``retraining`` (06); ``optimize`` and ``variants``
(07); ``destinations``, ``fleet``, ``sharing``, ``one_core``, ``cost`` and ``scale``, with ``scale_command`` (08).
``plots`` and ``guess`` show what was measured.
"""

__version__ = "0.1.0"
