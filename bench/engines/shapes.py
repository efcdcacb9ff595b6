"""Models of well-known shapes with random weights, built from configuration.

They speak nonsense without an end, as fast as the real ones.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

DEMO = Path(__file__).resolve().parents[2] / "demo" / "model"
SHAPES: dict[str, dict[str, Any]] = {
    "qwen3-60m": {
        "hidden_size": 640,
        "intermediate_size": 1920,
        "num_hidden_layers": 12,
        "num_attention_heads": 10,
        "num_key_value_heads": 5,
        "head_dim": 64,
        "tie_word_embeddings": False,
    },
    "qwen3-0.6b": {
        "vocab_size": 151_936,
        "hidden_size": 1024,
        "intermediate_size": 3072,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "tie_word_embeddings": True,
    },
    "qwen3-7b": {
        "vocab_size": 151_936,
        "hidden_size": 3584,
        "intermediate_size": 18_944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "head_dim": 128,
        "tie_word_embeddings": False,
    },
}
CONTEXT = 8192


def build(folder: Path, shape: str) -> None:
    """Saved as it is computed with: float32 on a CPU, else bfloat16. The tokenizer is
    the demo model's, with more words up to the shape's vocabulary.

    ValueError for an unknown shape.
    """
    if shape not in SHAPES:
        raise ValueError(f"There is no shape {shape}, but {', '.join(SHAPES)}.")
    place = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.float32 if place == "cpu" else torch.bfloat16
    known = len(AutoTokenizer.from_pretrained(DEMO))
    described = {"vocab_size": known, **SHAPES[shape]}
    config = AutoConfig.for_model(
        "qwen3", max_position_embeddings=CONTEXT, eos_token_id=None, **described
    )
    torch.manual_seed(1)
    with torch.device(place):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    model.save_pretrained(folder)
    copy_tokenizer(folder, known, described["vocab_size"])


def copy_tokenizer(folder: Path, known: int, wanted: int) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if (DEMO / name).is_file():
            shutil.copy(DEMO / name, folder)
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    words = tokenizer["model"]["vocab"]
    words |= {f"Ġt{number}": number for number in range(known, wanted)}
    path.write_text(json.dumps(tokenizer))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings["model_max_length"] = CONTEXT
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
