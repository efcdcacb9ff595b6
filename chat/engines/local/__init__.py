"""A transformers model in this process, shared by all requests.

Importing this package imports torch: a server leaves that to the model's own process
(`chat.engines.process`).
"""

import os

# Torch's threads wait for each other by spinning. On cores that others use too, a
# spinning thread takes the time the awaited one needs: measured on two busy cores,
# 32 requests ran at 107 tokens/s, and at 1,700 with threads that sleep instead.
# Read once, when torch is loaded; a value in the environment wins.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from chat.engines.local.engine import LocalEngine

__all__ = ["LocalEngine"]
