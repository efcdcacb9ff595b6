"""An engine in a process of its own.

What computes in Python and what serves in Python would take turns at one interpreter:
beside 32 starts a step of the demo model took four times as long. And a model that dies
takes nobody with it: its process is started again, and what it wrote is continued.

`engine` is the engine as the runner knows it, `child` the process and what is under way
in it, `main` what runs there. Neither the first two nor the messages import torch.
"""

from .engine import ProcessEngine

__all__ = ["ProcessEngine"]
