"""The library's ContinuousBatchingManager alone, with a bounded cache.

    python -m bench.engines.manager FOLDER

No server, no text: token ids to a callback on an event loop, as any server would take
them. Pages, steps and waiting as the local engine has them; attention, scheduler and
sampling the library's own.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    ContinuousBatchingConfig,
    GenerationConfig,
)

from .prompts import messages
from .replies import Reply
from .talk import answer

PAGE = 32
CACHE_TOKENS = 128 * 1024
STEP_TOKENS = 128


class Manager:
    def __init__(self, folder: str) -> None:
        place = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.float32 if place == "cpu" else torch.bfloat16
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, attn_implementation="sdpa"
        )
        ends = model.generation_config.eos_token_id
        self._ends = -1 if ends is None else ends
        self._manager = (
            model.to(place)
            .eval()
            .init_continuous_batching(
                generation_config=GenerationConfig(
                    do_sample=False, eos_token_id=self._ends
                ),
                continuous_batching_config=ContinuousBatchingConfig(
                    page_size=PAGE,
                    num_blocks=CACHE_TOKENS // PAGE,
                    max_batch_tokens=STEP_TOKENS,
                    use_async_batching=False if place == "cpu" else None,
                    auto_switch_to_flash=False,
                ),
            )
        )
        self._serial = 0
        self._manager.start()

    def stop(self) -> None:
        self._manager.stop(block=True)

    def ask(self, requests: int, tokens: int) -> list[Reply]:
        return asyncio.run(self._all(requests, tokens))

    async def _all(self, requests: int, tokens: int) -> list[Reply]:
        return await asyncio.gather(
            *(self._one(number, tokens) for number in range(requests))
        )

    async def _one(self, number: int, tokens: int) -> Reply:
        reply = Reply(asked=time.perf_counter())
        done = asyncio.Event()

        def hear(output: Any) -> None:
            reply.arrivals.append(time.perf_counter())
            reply.tokens = len(output.generated_tokens)
            if output.is_finished():
                done.set()

        ids = self._tokenizer.apply_chat_template(
            messages(number), add_generation_prompt=True, return_dict=True
        )["input_ids"]
        self._serial += 1
        name = f"request {self._serial}"
        self._manager.register_result_handler(name, hear)
        self._manager.add_request(
            ids,
            request_id=name,
            max_new_tokens=tokens,
            eos_token_id=self._ends,
            streaming=True,
        )
        await done.wait()
        return reply


if __name__ == "__main__":
    manager = Manager(sys.argv[1])
    answer(manager.ask)
    manager.stop()
