"""The design of most tutorials, for comparison: a `generate` thread per request.

    python -m bench.threads FOLDER TOKENS REQUESTS [REQUESTS …]

A process of its own, so that it runs with transformers' and torch's own defaults and
nothing of ours. Prints tokens a second for each number of requests, as a JSON list.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

from transformers import AutoModelForCausalLM, AutoTokenizer

WARM_UP_TOKENS = 8


def messages(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"Tell me about Chatsite, number {number}."}]


def measure(model: Any, tokenizer: Any, requests: int, tokens: int) -> float:
    """Tokens a second over all requests together."""
    counts: list[int] = []

    def generate(number: int) -> None:
        inputs = tokenizer.apply_chat_template(
            messages(number),
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        )
        output = model.generate(**inputs, do_sample=False, max_new_tokens=tokens)
        counts.append(output.shape[1] - inputs["input_ids"].shape[1])

    threads = [
        threading.Thread(target=generate, args=(number,)) for number in range(requests)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


def main() -> None:
    folder, tokens, *numbers = sys.argv[1:]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()
    measure(model, tokenizer, 1, WARM_UP_TOKENS)
    speeds = [measure(model, tokenizer, int(n), int(tokens)) for n in numbers]
    print(json.dumps(speeds))


if __name__ == "__main__":
    main()
