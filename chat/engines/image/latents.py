"""What latents look like, without decoding them: a matrix from channels to colours.

The matrix belongs to the autoencoder: it is measured on its encoder once, with
coloured patches, instead of a table of the models there are.
"""

from __future__ import annotations

import logging
from typing import Any

import torch
from PIL import Image
from torch.nn.functional import interpolate

logger = logging.getLogger(__name__)

PATCHES = 8
LATENTS_A_PATCH = 4


class Eye:
    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self._colours: torch.Tensor | None = None
        try:
            with torch.inference_mode():
                self._colours = measured(pipeline)
        except Exception as error:  # one of a kind that is not known here
            logger.warning("previews are without colours: %s", error)

    def look(self, latents: torch.Tensor, width: int, height: int) -> Image.Image:
        """The first one of a batch, as large as it is itself. `width` and `height`: of
        the picture it becomes."""
        flat = unpacked(self._pipeline, latents, width, height)[0].float().cpu()
        flat = flat / max(float(flat.std()), 1.0)  # early ones are mostly noise
        seen = flat.movedim(0, -1)
        if self._colours is not None and len(self._colours) == len(flat) + 1:
            seen = seen @ self._colours[:-1] + self._colours[-1]
        else:
            seen = seen.mean(-1, keepdim=True).expand(-1, -1, 3)
        pixels = (seen.clamp(-1, 1) + 1) * 127.5
        return Image.fromarray(pixels.to(torch.uint8).numpy())


def measured(pipeline: Any) -> torch.Tensor:
    """Channels and one more to red, green and blue, from -1 to 1."""
    vae = pipeline.vae
    seed = torch.Generator().manual_seed(0)
    patches = torch.rand(1, 3, PATCHES, PATCHES, generator=seed) * 2 - 1
    side = PATCHES * LATENTS_A_PATCH * int(pipeline.vae_scale_factor)
    picture = interpolate(patches, size=(side, side), mode="bilinear")
    said = vae.encode(picture.to(vae.device, vae.dtype))
    found = said.latent_dist.mean if hasattr(said, "latent_dist") else said[0]
    shift = getattr(vae.config, "shift_factor", None) or 0.0
    scale = getattr(vae.config, "scaling_factor", None) or 1.0
    latents = ((found - shift) * scale)[0].float().cpu()
    small = interpolate(picture, size=latents.shape[-2:], mode="area")[0]
    ones = torch.ones(1, *latents.shape[-2:])
    known = torch.cat([latents, ones]).flatten(1).T
    return torch.linalg.lstsq(known, small.flatten(1).T).solution


def unpacked(
    pipeline: Any, latents: torch.Tensor, width: int, height: int
) -> torch.Tensor:
    """As (batch, channels, height, width), also where a pipeline keeps them in rows."""
    if latents.ndim == 3:
        factor = pipeline.vae_scale_factor
        latents = pipeline._unpack_latents(latents, height, width, factor)
    if latents.ndim == 5:
        latents = latents[:, :, 0]
    return latents
