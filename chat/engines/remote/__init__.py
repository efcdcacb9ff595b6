"""Engines behind HTTP: the OpenAI protocol and DashScope's own.

vLLM, SGLang, llama.cpp, Ollama, TGI, `transformers serve` and DashScope's compatible
mode speak the first one, each a little differently:

1. Some send no `[DONE]`, some send it behind an error: only a `finish_reason` proves
   that an answer is complete.
2. Usage comes in a chunk of its own, on the finish chunk, or on every chunk.
3. Reasoning is called `reasoning_content` or `reasoning`.
4. An error is an object, or a string, in a frame of the stream.
5. Some refuse keys they do not know: those a request can do without are then left
   out, and that is remembered.
6. Most continue a partial answer, by different switches (`payload.continuation`).
"""

from .engine import RemoteEngine

__all__ = ["RemoteEngine"]
