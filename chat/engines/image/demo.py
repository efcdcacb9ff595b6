"""A tiny pipeline with random weights, built from configuration: nothing is fetched.

It draws no more than coloured noise, but by every step that a real one takes. The
same weights each time, so that a seed means the same picture everywhere.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

SEED = 7
WIDTH = 32
SPECIAL = ["<|startoftext|>", "<|endoftext|>"]
MAX_TOKENS = 77


def build(folder: Path) -> Path:
    """The folder, with the pipeline in it. Several processes may do it at once."""
    if not (folder / "model_index.json").is_file():
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}."))
        try:
            pipeline().save_pretrained(made)
            publish(made, folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return folder


def publish(made: Path, folder: Path) -> None:
    """Whole or not at all; who comes second leaves the first one's."""
    made.chmod(0o755)
    try:
        made.rename(folder)
    except OSError:
        if not (folder / "model_index.json").is_file():
            raise


def pipeline() -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return StableDiffusionPipeline(
            vae=autoencoder(),
            text_encoder=text_encoder(),
            tokenizer=tokenizer(),
            unet=denoiser(),
            scheduler=DDIMScheduler(
                clip_sample=False, set_alpha_to_one=False, steps_offset=1
            ),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )


def tokenizer() -> CLIPTokenizer:
    """Every byte is a token."""
    alphabet = sorted(ByteLevel.alphabet())
    tokens = [*alphabet, *(f"{letter}</w>" for letter in alphabet), *SPECIAL]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=MAX_TOKENS)


def text_encoder() -> CLIPTextModel:
    words = 2 * len(ByteLevel.alphabet())
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=words + len(SPECIAL),
            bos_token_id=words,
            eos_token_id=words + 1,
            pad_token_id=words + 1,
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=MAX_TOKENS,
        )
    )


def denoiser() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=64,
        in_channels=4,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(WIDTH // 2, WIDTH, WIDTH),
        norm_num_groups=8,
        # Attention where there is least to attend to.
        down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=8,
    )


def autoencoder() -> AutoencoderKL:
    """A latent is the size of four by four pixels."""
    return AutoencoderKL(
        block_out_channels=(8, 16, 16),
        norm_num_groups=4,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=4,
        sample_size=256,
    )
