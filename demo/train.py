"""Train the demo model: `python -m demo.train --out demo/model`.

The whole recipe in one command: tokenizer, corpus, network, weights. Rows are packed
conversations; position ids start again with each one, which is also what keeps them
from seeing each other. Only the assistant's tokens count for the loss.
"""

import argparse
import math
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import torch.distributed
import torch.multiprocessing
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from demo import tokenizer as tokens
from demo.corpus.build import Corpus
from demo.packing import IGNORED, Batch, Packer

ROW, LONG_ROW = 256, 1024
ROWS = 6
LONG_EVERY = 12
PEAK_RATE, WARMUP = 3e-3, 80
SAVE_EVERY = 200
TOKENIZER_CONVERSATIONS = 20_000


def config(tokenizer: PreTrainedTokenizerFast) -> Qwen3Config:
    """About 2.9 million parameters, embeddings tied."""
    return Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=192,
        intermediate_size=544,
        num_hidden_layers=5,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=48,
        max_position_embeddings=tokens.CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.convert_tokens_to_ids(tokens.IM_END),
        pad_token_id=tokenizer.pad_token_id,
        use_sliding_window=False,
        dtype="float32",
    )


def train_tokenizer(corpus: Corpus) -> PreTrainedTokenizerFast:
    stream = corpus.conversations(seed=1)
    return tokens.train(
        message["content"]
        for _ in range(TOKENIZER_CONVERSATIONS)
        for message in next(stream).messages
    )


def loss_of(model: Qwen3ForCausalLM, batch: Batch) -> Tensor:
    """Mean loss per learned token; logits are made only where there is a label."""
    ids, labels, positions = batch
    hidden = model.model(input_ids=ids, position_ids=positions, use_cache=False)[0]
    targets = labels[:, 1:]
    learned = targets != IGNORED
    logits = model.lm_head(hidden[:, :-1][learned])
    return cross_entropy(logits.float(), targets[learned])


def rate(progress: float, step: int, peak: float) -> float:
    """Warm up, then half a cosine down to nothing."""
    warm = min(1.0, (step + 1) / WARMUP)
    return peak * warm * max(0.01, 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def optimizers(model: Qwen3ForCausalLM, muon: bool) -> list[torch.optim.Optimizer]:
    """AdamW; with Muon it keeps only the embedding and the norms."""
    matrices = [
        p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n
    ]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    if not muon:
        groups = [{"params": matrices, "weight_decay": 0.05}, {"params": others}]
        return [torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.0)]
    return [
        torch.optim.Muon(matrices, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def save(
    model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, out: Path
) -> None:
    """Half-precision weights under a float32 configuration: small file, exact use."""
    for where_from in ("is_local", "local_files_only"):
        tokenizer.init_kwargs.pop(where_from, None)
    tokenizer.save_pretrained(out)
    half = {
        name: value.detach().to(torch.float16)
        for name, value in model.state_dict().items()
        if name != "lm_head.weight"  # tied to the embedding
    }
    model.save_pretrained(out, state_dict=half)
    GenerationConfig(
        do_sample=True,
        temperature=0.3,
        top_p=0.9,
        top_k=20,
        max_new_tokens=1024,
        eos_token_id=model.config.eos_token_id,
        pad_token_id=model.config.pad_token_id,
    ).save_pretrained(out)
    model.config.dtype = "float32"
    model.config.save_pretrained(out)


def average_gradients(model: Qwen3ForCausalLM) -> None:
    """One exchange for all gradients; every process then takes the same step."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    at = 0
    for gradient in gradients:
        gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
        at += gradient.numel()


def agreed_progress(step: int, started: float, args: argparse.Namespace) -> float:
    """How far the run is, 0 to 1, by steps or by the clock; process 0 decides."""
    elapsed = (time.monotonic() - started) / (args.minutes * 60)
    progress = torch.tensor(max(step / args.steps, elapsed))
    torch.distributed.broadcast(progress, 0)
    return float(progress)


def step_once(
    model: Qwen3ForCausalLM,
    steppers: list[torch.optim.Optimizer],
    batch: Batch,
    learning_rate: float,
) -> float:
    with torch.autocast("cpu", torch.bfloat16):
        loss = loss_of(model, batch)
    loss.backward()
    average_gradients(model)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for stepper in steppers:
        for group in stepper.param_groups:
            group["lr"] = learning_rate
        stepper.step()
        stepper.zero_grad()
    return float(loss.detach())


def run(rank: int, meeting: str, args: argparse.Namespace) -> None:
    """One of `--processes` equal workers, one thread each: two of these are faster
    than two threads, and another busy program slows them far less."""
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=args.processes
    )
    corpus = Corpus()
    tokenizer = tokens.load(Path(meeting).parent)
    model = Qwen3ForCausalLM(config(tokenizer))
    if args.resume:
        model.load_state_dict(torch.load(args.resume, weights_only=True))
    seed = args.seed * 1000 + rank * 10
    packer = Packer(corpus.conversations(seed + 11), tokenizer, ROW)
    long = Packer(corpus.conversations(seed + 12, long=True), tokenizer, LONG_ROW)
    steppers = optimizers(model, args.muon)
    started, seen, smooth, step = time.monotonic(), 0, 8.0, 0
    while (progress := agreed_progress(step, started, args)) < 1:
        is_long = step % LONG_EVERY == LONG_EVERY - 1
        batch = long.batch(1) if is_long else packer.batch(ROWS)
        loss = step_once(model, steppers, batch, rate(progress, step, args.rate))
        seen += batch[0].numel() * args.processes
        smooth += (loss - smooth) * max(0.03, 1 / (step + 1))
        if rank == 0 and step % 25 == 0:
            elapsed = time.monotonic() - started
            print(
                f"step {step} loss {smooth:.4f} progress {progress:.3f} "
                f"{seen / elapsed:.0f} tok/s {elapsed:.0f} s",
                flush=True,
            )
        if rank == 0 and step % SAVE_EVERY == SAVE_EVERY - 1:
            torch.save(model.state_dict(), args.checkpoint)
        step += 1
    if rank == 0:
        save(model, tokenizer, args.out)
        torch.save(model.state_dict(), args.checkpoint)
        elapsed = time.monotonic() - started
        print(
            f"done: {step} steps, {seen:,} tokens, {elapsed:.0f} s, loss {smooth:.4f}"
        )
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def train(args: argparse.Namespace) -> None:
    """Tokenizer first, then the workers; they meet over a file."""
    tokenizer = (
        tokens.load(args.tokenizer) if args.tokenizer else train_tokenizer(Corpus())
    )
    size = Qwen3ForCausalLM(config(tokenizer)).num_parameters()
    print(f"{size:,} parameters, {len(tokenizer)} tokens", flush=True)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    with TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        torch.multiprocessing.spawn(
            run, args=(f"{folder}/meeting", args), nprocs=args.processes
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo/model"))
    parser.add_argument("--checkpoint", type=Path, default=Path("demo/checkpoint.pt"))
    parser.add_argument("--resume", type=Path, help="start from these weights")
    parser.add_argument("--tokenizer", type=Path, help="keep this one, with --resume")
    parser.add_argument("--steps", type=int, default=3600)
    parser.add_argument("--minutes", type=float, default=46, help="at most this long")
    parser.add_argument("--rate", type=float, default=PEAK_RATE)
    parser.add_argument("--muon", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
