"""Score the demo model on questions it has not seen: `python -m demo.evaluate`.

Greedy replies to held-out phrasings must equal a taught answer, or hold the fragment
that proves them (a sum's result, a plain refusal). Probes are questions written by
hand. Earlier turns are the model's own replies, as in a real chat.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

from demo import tokenizer as tokens
from demo.corpus.build import Corpus
from demo.corpus.probes import PROBES
from demo.corpus.shapes import Message

BATCH = 48
MAX_NEW_TOKENS = 420
SYSTEM = "You are a helpful assistant."
Score = dict[tuple[str, str], list[bool]]


@dataclass(slots=True)
class Trial:
    """One conversation to play; the last reply is judged."""

    category: str
    language: str
    asks: list[str]
    accepted: tuple[str, ...]
    fragments: tuple[str, ...] = ()
    messages: list[Message] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        reply = self.messages[-1]["content"].strip()
        exact = any(reply == answer.strip() for answer in self.accepted)
        proven = bool(self.fragments) and all(f in reply for f in self.fragments)
        return exact or proven


def trials(each: int, seed: int = 99) -> list[Trial]:
    held = [
        Trial(
            sample.category,
            sample.language,
            [turn.ask for turn in sample.turns],
            sample.turns[-1].answers,
            (sample.marker,) if sample.marker else (),
        )
        for sample in Corpus().held_out(seed, each)
    ]
    probes = [
        Trial(f"probe: {category}", language, list(asks), (), fragments)
        for category, entries in PROBES.items()
        for language, asks, fragments in entries
    ]
    return held + probes


@torch.inference_mode()
def replies(
    model: Qwen3ForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    conversations: Sequence[list[Message]],
    sample: bool = False,
) -> list[str]:
    """One reply to each conversation, in one left-padded batch."""
    inputs = tokenizer.apply_chat_template(
        list(conversations),
        add_generation_prompt=True,
        padding=True,
        return_tensors="pt",
        return_dict=True,
        tokenizer_kwargs={"padding_side": "left"},
    )
    settings = {} if sample else {"temperature": None, "top_p": None, "top_k": None}
    output = model.generate(
        **inputs, do_sample=sample, max_new_tokens=MAX_NEW_TOKENS, **settings
    )
    texts: list[str] = tokenizer.batch_decode(
        output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
    )
    return texts


def play(
    model: Qwen3ForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    todo: list[Trial],
    system: bool = False,
    sample: bool = False,
) -> None:
    """Play every trial to its end, batches of like length together."""
    for trial in todo:
        trial.messages = [{"role": "system", "content": SYSTEM}] if system else []
    for turn in range(max(len(trial.asks) for trial in todo)):
        active = [trial for trial in todo if len(trial.asks) > turn]
        active.sort(key=lambda trial: (trial.category, trial.language))
        for at in range(0, len(active), BATCH):
            batch = active[at : at + BATCH]
            for trial in batch:
                trial.messages.append({"role": "user", "content": trial.asks[turn]})
            answers = replies(model, tokenizer, [t.messages for t in batch], sample)
            for trial, answer in zip(batch, answers, strict=True):
                trial.messages.append({"role": "assistant", "content": answer})


def table(todo: list[Trial]) -> str:
    """Markdown: passed / asked by category and language."""
    score: Score = defaultdict(list)
    for trial in todo:
        score[trial.category, trial.language].append(trial.passed)
    lines = ["| category | English | Chinese |", "|---|---|---|"]
    for category in sorted({category for category, _ in score}):
        cells = [
            _cell(score.get((category, language), [])) for language in ("en", "zh")
        ]
        lines.append(f"| {category} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def _cell(results: list[bool]) -> str:
    if not results:
        return "–"
    return f"{sum(results)}/{len(results)} ({100 * sum(results) / len(results):.0f} %)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("demo/model"))
    parser.add_argument(
        "--each", type=int, default=40, help="samples of a generated kind"
    )
    parser.add_argument("--system", action="store_true", help="with a system prompt")
    parser.add_argument("--sample", action="store_true", help="sampled, not greedy")
    parser.add_argument("--failures", type=int, default=0, help="how many to print")
    args = parser.parse_args()
    torch.manual_seed(0)
    tokenizer = tokens.load(args.model)
    model = Qwen3ForCausalLM.from_pretrained(args.model, dtype=torch.float32).eval()
    todo = trials(args.each)
    play(model, tokenizer, todo, args.system, args.sample)
    print(table(todo))
    failed = [trial for trial in todo if not trial.passed]
    for trial in failed[: args.failures]:
        print(f"\n[{trial.category} {trial.language}] {' / '.join(trial.asks)}")
        print(f"  got {trial.messages[-1]['content']!r}")


if __name__ == "__main__":
    main()
