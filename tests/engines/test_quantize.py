"""Weights in 8 or 4 bits, on a CPU by torch's kernels and elsewhere by plain ones."""

import json
import logging
import shutil

import pytest
import torch
from torch import nn

from chat.engines.base import EngineError
from chat.engines.local import LocalEngine, room
from chat.engines.local.loading import Loaded, Wanted, load
from chat.engines.local.quantize import LAYERS, Rounded, fits
from chat.engines.local.weights import Source
from tests.engines.helpers import ask, collect, collect_some

HOW = ["int8", "int4"]


def quantized(folder, how: str) -> Loaded:
    return load(Wanted(str(folder), quantization=how), lambda _state: None)


def in_memory(model: nn.Module) -> int:
    tensors = [*model.parameters(), *model.buffers()]
    return sum(tensor.nbytes for tensor in tensors)


@pytest.mark.parametrize(("how", "error"), [("int8", 0.01), ("int4", 0.1)])
@pytest.mark.parametrize("bias", [False, True])
def test_products_are_about_the_same(how, error, bias):
    torch.manual_seed(1)
    layer = nn.Linear(64, 48, bias=bias).requires_grad_(False)
    x = torch.randn(2, 5, 64)
    exact = layer(x)
    by_kernel = LAYERS[how](layer, "cpu")
    assert by_kernel(x).shape == exact.shape
    assert by_kernel(x).dtype == torch.float32
    assert (by_kernel(x) - exact).norm() < error * exact.norm()

    plain = LAYERS[how](layer, "cuda")
    whole = plain.whole(torch.float32)
    assert (whole - layer.weight).norm() < error * layer.weight.norm()
    assert (by_kernel.product(x[0].bfloat16()) - x[0] @ whole.T).norm() < 0.05


def test_what_the_kernels_cannot_stays_whole():
    assert fits("model.layers.0.mlp.up_proj", (48, 64))
    assert not fits("model.layers.0.mlp.up_proj", (47, 64))
    assert not fits("model.layers.0.mlp.up_proj", (48, 65))
    assert not fits(".lm_head", (48, 64))
    assert not fits("model.embed_tokens.weight", (48, 64))


@pytest.mark.parametrize("how", HOW)
def test_a_model_takes_the_memory_that_was_told_before(tiny_folder, how):
    model = quantized(tiny_folder, how).model
    told = Wanted(str(tiny_folder), quantization=how).size(
        Source("tiny", tiny_folder).weights()
    )
    assert 0 <= in_memory(model) - told < 1000  # what is computed at the start
    assert model.dtype == torch.float32
    rounded = [module for module in model.modules() if isinstance(module, Rounded)]
    assert len(rounded) == 14
    assert type(model.lm_head) is nn.Linear


@pytest.mark.parametrize("how", HOW)
async def test_it_answers_in_batches_and_goes_on(tiny_folder, how):
    engine = LocalEngine(str(tiny_folder), cache_size=2048, quantization=how)
    await engine.start()
    try:
        whole = await collect(engine, ask("Hello", temperature=0, max_tokens=20))
        part = ask("Hello", id="part", temperature=0, max_tokens=20)
        begun = await collect_some(engine, part, 5)
        rest = ask(
            "Hello",
            id="rest",
            temperature=0,
            max_tokens=20,
            progress=begun.progress(),
        )
        ended = await collect(engine, rest)
        assert begun.tokens + ended.tokens == whole.tokens
        assert engine.problem is None
    finally:
        await engine.stop()


def test_it_says_what_cannot_be_rounded(tiny_folder, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_folder, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps(config | {"quantization_config": {"quant_method": "gptq"}})
    )
    with pytest.raises(EngineError, match="CHAT_QUANTIZATION") as error:
        quantized(folder, "int8")
    assert error.value.code == "quantization_impossible"


def test_it_says_that_no_layer_fits(tiny_folder, monkeypatch):
    monkeypatch.setattr("chat.engines.local.quantize.GROUP", 31)
    with pytest.raises(EngineError, match="no layers") as error:
        quantized(tiny_folder, "int4")
    assert error.value.code == "quantization_impossible"


def test_it_needs_room_for_the_weights_as_they_come(monkeypatch):
    monkeypatch.setattr(room, "WORKING_BYTES", 0)
    monkeypatch.setattr(room, "free_memory", lambda: 100)
    room.refuse_without_room("it", 50, 100, None, "cpu", None)
    room.refuse_without_room("it", 50, 200, None, "cpu", 50)
    with pytest.raises(EngineError) as error:
        room.refuse_without_room("it", 50, 101, None, "cpu", None)
    assert error.value.code == "out_of_memory"


def test_it_says_how_many_layers_it_rounded(tiny_folder, caplog):
    caplog.set_level(logging.INFO, "chat")
    quantized(tiny_folder, "int8")
    assert "14 layers as int8" in caplog.text
