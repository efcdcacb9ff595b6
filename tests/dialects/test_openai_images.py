"""`/v1/images/generations`, as OpenAI's own client sees it."""

from __future__ import annotations

import asyncio
import base64
from io import BytesIO
from typing import Any

import httpx
import openai
import pytest
from PIL import Image

from chat.api.openai.image_events import ImageEvents
from chat.events import Step

ASK: dict[str, Any] = {"model": "scripted-image", "prompt": "a red fox pace=0"}
PNG = "data:image/webp;base64,AAAA"


def opened(b64: str) -> Image.Image:
    return Image.open(BytesIO(base64.b64decode(b64)))


def test_a_whole_picture(client):
    done = client.images.generate(**ASK, size="128x64")

    assert (done.background, done.output_format, done.size) == (
        "opaque",
        "png",
        "128x64",
    )
    (picture,) = done.data
    assert opened(picture.b64_json).size == (128, 64)
    assert picture.url is None
    assert done.usage.output_tokens == 1000
    assert done.usage.total_tokens == 1000 + done.usage.input_tokens


def test_its_model_draws_if_none_is_named(client):
    done = client.images.generate(prompt="pace=0", size="auto")

    assert opened(done.data[0].b64_json).format == "PNG"


def test_a_picture_at_an_address(client, site):
    """Which opens without a key, as clients expect; and not when it is changed."""
    done = client.images.generate(**ASK, response_format="url", n=2)

    (one, two) = (picture.url for picture in done.data)
    assert one.startswith(f"{site.url}/api/images/")
    assert done.data[0].b64_json is None
    found = httpx.get(one, timeout=60)
    assert found.headers["content-type"] == "image/png"
    assert Image.open(BytesIO(found.content)).format == "PNG"
    assert httpx.get(one[:-3], timeout=60).status_code == 401
    assert found.content != httpx.get(two, timeout=60).content


def test_several_pictures(client):
    done = client.images.generate(**ASK, n=3, extra_body={"seed": 5})
    (alone,) = client.images.generate(**ASK, extra_body={"seed": 7}).data

    assert len({picture.b64_json for picture in done.data}) == 3
    assert done.data[2].b64_json == alone.b64_json
    assert done.usage.output_tokens == 3000


def test_a_stream_of_partial_images(client):
    """A reader that is late gets fewer: only the newest matters."""
    said = list(client.images.generate(**ASK, stream=True, partial_images=3))

    *partial, last = said
    assert 1 <= len(partial) <= 3
    assert {event.type for event in partial} == {"image_generation.partial_image"}
    assert last.type == "image_generation.completed"
    indexes = [event.partial_image_index for event in partial]
    assert indexes == list(range(len(partial)))
    assert len({event.b64_json for event in partial}) == len(partial)
    assert opened(partial[0].b64_json).format == "WEBP"
    assert {event.output_format for event in partial} == {"webp"}
    assert opened(last.b64_json).format == "PNG"
    assert (last.output_format, last.background) == ("png", "opaque")
    assert last.usage.total_tokens == 1000 + last.usage.input_tokens


def test_a_stream_without_partial_images(client):
    (only,) = client.images.generate(**ASK, stream=True)

    assert only.type == "image_generation.completed"


def test_several_pictures_in_a_stream(client):
    said = list(client.images.generate(**ASK, stream=True, partial_images=1, n=2))

    kinds = [event.type.removeprefix("image_generation.") for event in said]
    assert kinds.count("completed") == 2
    assert 1 <= kinds.count("partial_image") <= 2
    used = [event.usage.output_tokens for event in said if "comp" in event.type]
    assert used == [1000, 1000]


async def test_with_the_asynchronous_client(site):
    async with openai.AsyncOpenAI(
        base_url=f"{site.url}/v1", api_key=site.key
    ) as client:
        whole, stream = await asyncio.gather(
            client.images.generate(**ASK),
            client.images.generate(**ASK, stream=True, partial_images=2),
        )
        said = [event async for event in stream]

    assert opened(whole.data[0].b64_json).format == "PNG"
    assert said[-1].type == "image_generation.completed"


def test_what_is_asked_for_reaches_the_engine(client, site):
    raw = client.images.with_raw_response.generate(
        **ASK,
        size="64x128",
        extra_body={
            "seed": 5,
            "num_inference_steps": 3,
            "guidance_scale": 2.5,
            "negative_prompt": "fur",
        },
    )

    row = site.generation(raw.headers["x-generation-id"])
    (picture,) = row["images"]
    assert (picture["width"], picture["height"], picture["seed"]) == (64, 128, 5)
    assert picture["alt"] == ASK["prompt"]


def test_it_is_stored_as_a_call_of_the_keys_owner(client, site):
    prompt = "Vermilion fox pace=0"
    client.images.generate(model="scripted-image", prompt=prompt)

    (call,) = site.calls("Vermilion")
    path = f"/api/conversations/{call['id']}/messages"
    (question, answer) = site.get(path).json()["items"]
    assert question["content"] == prompt
    assert len(answer["images"]) == 1


def test_the_same_key_is_the_same_picture(client, site):
    again = {"Idempotency-Key": "the-same-picture"}
    one = client.images.generate(**ASK, extra_headers=again)
    two = client.images.generate(**ASK, extra_headers=again)

    assert one == two


def test_its_stream_can_be_stopped_by_its_name(once, site):
    prompt = "hang=4 pace=0"
    with once.images.with_streaming_response.generate(
        model="scripted-image", prompt=prompt, stream=True, partial_images=3
    ) as response:
        name = response.headers["x-generation-id"]
        lines = response.iter_lines()
        assert any("partial_image" in line for line in lines)
        stopped = site.post(f"/api/generations/{name}/stop", {})
        rest = "\n".join(lines)

    assert stopped.status_code == 200
    assert '"code":"stopped"' in rest
    assert "completed" not in rest


def test_what_is_withheld_is_a_refusal(once):
    asked = {"model": "scripted-image", "prompt": "withhold pace=0"}
    with pytest.raises(openai.BadRequestError) as caught:
        once.images.generate(**asked)
    assert caught.value.code == "content_policy_violation"

    with pytest.raises(openai.APIError, match="withheld") as raised:
        list(once.images.generate(**asked, stream=True))
    assert raised.value.code == "content_policy_violation"


def test_a_failure_is_an_error(once):
    asked = {"model": "scripted-image", "prompt": "fail=2 pace=0"}
    with pytest.raises(openai.InternalServerError) as caught:
        once.images.generate(**asked)
    assert caught.value.code == "engine_failed"

    with pytest.raises(openai.APIError) as raised:
        list(once.images.generate(**asked, stream=True, partial_images=2))
    assert raised.value.code == "engine_failed"


@pytest.mark.parametrize(
    ("asked", "param", "status"),
    [
        ({"prompt": " "}, "prompt", 400),
        ({"model": "scripted"}, "model", 400),
        ({"model": "nobody"}, "model", 404),
        ({"n": 5}, "n", 400),
        ({"n": 0}, "n", 400),
        ({"size": "large"}, "size", 400),
        ({"size": "5000x5000"}, "size", 400),
        ({"extra_body": {"num_inference_steps": 51}}, "num_inference_steps", 400),
        ({"partial_images": 2}, "partial_images", 400),
        ({"partial_images": 4, "stream": True}, "partial_images", 400),
        ({"response_format": "url", "stream": True}, "response_format", 400),
        ({"response_format": "path"}, "response_format", 400),
        ({"output_format": "webp"}, "output_format", 400),
        ({"quality": "hd", "background": "transparent"}, "background", 400),
    ],
)
def test_what_is_wrong_is_named(once, asked, param, status):
    with pytest.raises(openai.APIStatusError) as caught:
        once.images.generate(**{**ASK, **asked})

    assert caught.value.status_code == status
    assert caught.value.param == param


def test_a_model_that_draws_does_not_write(once):
    message = {"role": "user", "content": "Hello"}
    with pytest.raises(openai.BadRequestError) as caught:
        once.chat.completions.create(model="scripted-image", messages=[message])

    assert caught.value.param == "model"


def test_without_a_key_nothing_is_drawn(site):
    with (
        openai.OpenAI(base_url=f"{site.url}/v1", api_key="sk-no") as nobody,
        pytest.raises(openai.AuthenticationError),
    ):
        nobody.images.generate(**ASK)


def test_partial_images_are_spread_over_the_steps():
    events = ImageEvents(0, "auto", n=2, partial=2)

    when = [step for step in range(1, 17) if events.step(Step(step, 16, PNG))]

    assert when == [1, 4, 9, 12]


def test_another_attempt_repeats_no_partial_image():
    events = ImageEvents(0, "auto", n=1, partial=3)
    first = [events.step(Step(step, 6, PNG)) for step in (1, 2, 3)]
    again = [events.step(Step(step, 6, PNG)) for step in (1, 2, 3, 4)]

    assert [bool(frame) for frame in first] == [True, True, False]
    assert [bool(frame) for frame in again] == [False, False, False, True]
    assert b'"partial_image_index":2' in again[-1]
