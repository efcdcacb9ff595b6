"""The design of most tutorials: a `generate` thread per request.

    python -m bench.engines.threads FOLDER

With transformers' and torch's own defaults and nothing of ours.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.generation.streamers import BaseStreamer

from .prompts import messages
from .replies import Reply
from .talk import answer


class Clock(BaseStreamer):
    """Notes when each token came; the first call brings the prompt."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._prompted = False

    def put(self, value: Any) -> None:
        if self._prompted:
            self._reply.arrivals.append(time.perf_counter())
            self._reply.tokens += value.numel()
        self._prompted = True

    def end(self) -> None: ...


class Threads:
    def __init__(self, folder: str) -> None:
        place = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.float32 if place == "cpu" else torch.bfloat16
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
        self._model = model.to(place).eval()

    def ask(self, requests: int, tokens: int) -> list[Reply]:
        replies = [Reply() for _ in range(requests)]
        threads = [
            threading.Thread(target=self._generate, args=(number, tokens, reply))
            for number, reply in enumerate(replies)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return replies

    def _generate(self, number: int, tokens: int, reply: Reply) -> None:
        reply.asked = time.perf_counter()
        inputs = self._tokenizer.apply_chat_template(
            messages(number),
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        ).to(self._model.device)
        self._model.generate(
            **inputs, do_sample=False, max_new_tokens=tokens, streamer=Clock(reply)
        )


if __name__ == "__main__":
    answer(Threads(sys.argv[1]).ask)
