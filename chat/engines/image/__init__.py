"""Pictures drawn in this process, by any text-to-image pipeline of diffusers.

Importing this package imports torch and diffusers: only the registry does, and only
where a process draws itself.
"""

from chat.engines.image.quiet import quietly

with quietly():
    from chat.engines.image.engine import ImageEngine

__all__ = ["ImageEngine"]
