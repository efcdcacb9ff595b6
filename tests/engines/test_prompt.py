import pytest

from chat.engines.base import EngineError
from chat.engines.local.prompt import LEAST_REPLY, Prompter
from tests.engines.tiny import make_tokenizer

SYSTEM = {"role": "system", "content": "be brief"}


def prompter(context: int = 300, *, template: bool = True) -> Prompter:
    tokenizer = make_tokenizer()
    if not template:
        tokenizer.chat_template = None
    return Prompter(tokenizer, context=context, vocabulary=len(tokenizer))


def turns(count: int) -> list[dict[str, str]]:
    """Each user turn and its answer; the last has none."""
    messages = [SYSTEM]
    for n in range(count):
        messages.append({"role": "user", "content": f"question {n}"})
        messages.append({"role": "assistant", "content": f"answer {n}"})
    return messages[:-1]


def decoded(ids: list[int]) -> str:
    return make_tokenizer().decode(ids)


def test_it_keeps_a_conversation_that_fits():
    prompt = prompter(10_000).fit(turns(5), 100, None)
    text = decoded(prompt.ids)
    assert all(f"question {n}" in text for n in range(5))
    assert prompt.room == 10_000 - len(prompt.ids)


@pytest.mark.parametrize("count", [2, 3, 8, 21])
def test_it_drops_the_oldest_turns_and_no_more_than_it_must(count):
    fitting = prompter(300).fit(turns(count), 100, None)
    text = decoded(fitting.ids)
    assert "be brief" in text
    assert f"question {count - 1}" in text
    assert fitting.room >= 100
    kept = [n for n in range(count) if f"question {n}<" in text]
    assert kept == list(range(kept[0], count))
    if kept[0] > 0:
        more = [SYSTEM, *turns(count)[1 + 2 * (kept[0] - 1) :]]
        assert prompter(300).encode(more, None).room < 100


def test_it_lets_the_last_turn_take_the_room_of_the_answer():
    context = len(prompter().encode(turns(1), None).ids) + LEAST_REPLY
    assert prompter(context).fit(turns(4), 1000, None).room == LEAST_REPLY
    with pytest.raises(EngineError) as error:
        prompter(context - 1).fit(turns(4), 1000, None)
    assert error.value.code == "prompt_too_long"


def test_it_tells_the_template_whether_to_think():
    assert prompter().fit(turns(1), 10, True).opened
    assert not prompter().fit(turns(1), 10, False).opened
    assert not prompter().fit(turns(1), 10, None).opened


def test_it_writes_plain_text_without_a_template():
    plain = prompter(template=False)
    text = decoded(plain.fit(turns(2), 10, None).ids)
    assert text == (
        "be brief\n\nUser: question 0\n\nAssistant: answer 0\n\n"
        "User: question 1\n\nAssistant:"
    )
    assert plain.stop == ("\nUser:",)
    assert prompter().stop == ()


def test_it_refuses_a_tokenizer_that_is_larger_than_the_model():
    small = Prompter(make_tokenizer(), context=300, vocabulary=10)
    with pytest.raises(EngineError) as error:
        small.fit(turns(1), 10, None)
    assert error.value.code == "invalid_tokens"


def templated(template: str | dict[str, str]) -> Prompter:
    tokenizer = make_tokenizer()
    tokenizer.chat_template = template
    return Prompter(tokenizer, context=1000, vocabulary=len(tokenizer))


PLAIN = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
NO_SYSTEM = (
    "{% if messages[0].role == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}" + PLAIN
)
STRICT = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{% endfor %}" + PLAIN
)
SILENT = PLAIN.replace("messages %}", "messages if m.role != 'system' %}")


@pytest.mark.parametrize("template", [NO_SYSTEM, STRICT, SILENT])
def test_a_template_without_a_system_role_hears_it_from_the_user(template):
    text = decoded(templated(template).fit(turns(2), 10, None).ids)
    assert text == (
        "[user] be brief\n\nquestion 0\n[assistant] answer 0\n[user] question 1\n"
    )


def test_turns_of_one_role_become_one_where_they_must_alternate():
    messages = [*turns(1), {"role": "user", "content": "and again"}]
    text = decoded(templated(STRICT).encode(messages, None).ids)
    assert text == "[user] be brief\n\nquestion 0\n\nand again\n"
    text = decoded(templated(PLAIN).encode(messages, None).ids)
    assert text == "[system] be brief\n[user] question 0\n[user] and again\n"


TOOL_TEMPLATE = (
    "{% if tools %}{{ tools | tojson }} in <tool_call></tool_call>\n{% endif %}"
    "{% for m in messages %}[{{ m.role }}] {{ m.content }}"
    "{% for c in m.tool_calls or [] %}{{ c.function.name }}:"
    "{{ c.function.arguments.n }}{% endfor %}\n{% endfor %}"
)
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {}}}


def test_it_tells_of_tools_and_of_what_they_said():
    tools = templated(TOOL_TEMPLATE)
    call = {"name": "weather", "arguments": '{"n": 7}'}
    messages = [
        {"role": "user", "content": "rain?"},
        {"role": "assistant", "content": "", "tool_calls": [{"function": call}]},
        {"role": "tool", "content": "no", "tool_call_id": "1"},
    ]
    assert tools.takes_tools
    text = decoded(tools.fit(messages, 10, None, [TOOL]).ids)
    assert '"name": "weather"' in text
    assert text.endswith("[user] rain?[assistant] weather:7[tool] no")
    assert "<tool_call>" not in decoded(tools.fit(messages, 10, None).ids)


@pytest.mark.parametrize(
    ("template", "takes"),
    [
        (TOOL_TEMPLATE, True),
        ({"default": PLAIN, "tool_use": TOOL_TEMPLATE}, True),
        (PLAIN, False),
        (PLAIN + "{{ tools }} as JSON", False),
        (TOOL_TEMPLATE + "<function=name>", False),
        (None, False),
    ],
)
def test_it_takes_tools_where_the_template_does(template, takes):
    assert templated(template).takes_tools is takes


def test_it_says_what_the_template_refuses():
    tokenizer = make_tokenizer()
    tokenizer.chat_template = "{{ raise_exception('roles must alternate') }}"
    strict = Prompter(tokenizer, context=300, vocabulary=len(tokenizer))
    with pytest.raises(EngineError, match="roles must alternate") as error:
        strict.fit(turns(1), 10, None)
    assert error.value.code == "invalid_messages"
