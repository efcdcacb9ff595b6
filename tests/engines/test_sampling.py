import pytest
import torch
from transformers import (
    GenerationConfig,
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from chat.engines.base import Params
from chat.engines.local.sampling import (
    CANDIDATES,
    Chooser,
    Sampling,
    draw,
    model_defaults,
    resolve,
    uniform,
)

DRAWS = 4000


def logits(size: int, spread: float = 3.0) -> torch.Tensor:
    return torch.randn(1, size, generator=torch.Generator().manual_seed(0)) * spread


def expected(scores: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """The distribution of `generate`."""
    warpers = LogitsProcessorList([TemperatureLogitsWarper(sampling.temperature)])
    if sampling.top_k:
        warpers.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        warpers.append(TopPLogitsWarper(sampling.top_p))
    if sampling.min_p:
        warpers.append(MinPLogitsWarper(sampling.min_p))
    return warpers(None, scores).softmax(-1)[0]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"top_k": 5},
        {"top_p": 0.8},
        {"min_p": 0.1},
        {"top_k": 10, "top_p": 0.8},
        {"top_k": 20, "top_p": 0.9, "min_p": 0.05, "temperature": 0.7},
        {"top_p": 0.9, "temperature": 1.8},
    ],
)
def test_it_draws_as_generate_does(options):
    scores = logits(40)
    kinds = [
        Sampling(**{"temperature": 1.0, **options, "seed": n}) for n in range(DRAWS)
    ]
    tokens = draw(scores.expand(DRAWS, -1), kinds, [3] * DRAWS)
    drawn = torch.bincount(tokens, minlength=40) / DRAWS
    target = expected(scores, kinds[0])
    assert (drawn - target).abs().max() < 0.04
    assert not drawn[target == 0].any()


def test_it_looks_behind_the_candidates_where_top_p_reaches_there():
    flat = logits(4 * CANDIDATES, 0.01)
    kinds = [Sampling(1.0, top_p=0.99, seed=n) for n in range(200)]
    tokens = draw(flat.expand(200, -1), kinds, [0] * 200)
    best = flat[0].topk(CANDIDATES).indices
    assert not torch.isin(tokens, best).all()


def test_it_draws_the_same_alone_and_in_a_batch():
    scores = logits(300).repeat(6, 1)
    kinds = [
        Sampling(1.0, seed=1),
        Sampling(0.7, top_k=5, seed=2),
        Sampling(1.0, top_p=0.5, seed=3),
        Sampling(1.5, seed=4),
        Sampling(1.0, top_k=200, top_p=0.9, seed=5),
        Sampling(1.0, min_p=0.2, seed=6),
    ]
    together = draw(scores, kinds, list(range(6)))
    for row, kind in enumerate(kinds):
        assert draw(scores[row : row + 1], [kind], [row]) == together[row]


def test_it_penalises_as_generate_does_though_tokens_move_to_the_prompt():
    reference = RepetitionPenaltyLogitsProcessor(1.4)
    chooser = Chooser(Sampling(repetition_penalty=1.4))
    steps = [([1, 2], []), ([1, 2], [7]), ([1, 2, 7], [9]), ([1, 2, 7], [9, 7, 5])]
    for prompt, reply in steps:
        scores = logits(30)
        target = reference(torch.tensor([prompt + reply]), scores.clone())
        chooser.penalise(scores[0], prompt, reply)
        assert torch.equal(scores, target)


def test_it_takes_the_defaults_of_the_model():
    config = GenerationConfig(do_sample=True, temperature=0.6, top_k=20, top_p=0.95)
    defaults = model_defaults(config)
    assert defaults == Sampling(0.6, 0.95, 20)
    resolved = resolve(Params(top_p=0.5), defaults, 1000)
    assert (resolved.temperature, resolved.top_p, resolved.top_k) == (0.6, 0.5, 20)


def test_it_is_greedy_where_the_model_says_nothing():
    assert model_defaults(GenerationConfig()) == Sampling()


def test_seeds_and_positions_give_numbers_of_their_own():
    numbers = {uniform(seed, at) for seed in (-1, 0, 1) for at in range(100)}
    assert len(numbers) == 300
    assert all(0 <= number < 1 for number in numbers)
    assert 0.4 < sum(numbers) / 300 < 0.6
