"""Questions written by hand, outside the templates: how a visitor might really ask.

A probe is (language, turns, fragments that the last reply must contain). No probe is
ever trained on word for word.
"""

from demo.corpus.arithmetic import TOO_LARGE
from demo.corpus.refusals import MARKERS
from demo.corpus.shapes import Language

EN, ZH = MARKERS["en"], MARKERS["zh"]
Probe = tuple[Language, tuple[str, ...], tuple[str, ...]]
PROBES: dict[str, list[Probe]] = {
    "product": [
        (
            "en",
            ("Hey! What command do I type to get this thing going?",),
            ("make run",),
        ),
        (
            "en",
            ("my connection broke in the middle, how can i get the rest?",),
            ("cursor",),
        ),
        ("en", ("what's the url of the admin panel",), ("/admin/",)),
        (
            "en",
            ("How do I get hold of an API key for my script?",),
            ("create_api_key",),
        ),
        (
            "en",
            ("I closed my laptop while it was answering. Is the answer gone?",),
            ("**Nothing breaks.**",),
        ),
        (
            "en",
            ("difference between websockets and sse please",),
            ("Both read the same tape",),
        ),
        ("en", ("how many seconds does a lease last by default",), ("**15**",)),
        ("en", ("can I put vLLM behind this?",), ("CHAT_BASE_URL",)),
        ("en", ("is redis mandatory?",), ("**optional**",)),
        ("en", ("which license does chatsite use",), ("Apache-2.0",)),
        ("en", ("how do I switch to postgres?",), ("DATABASE_URL",)),
        (
            "en",
            ("can i use the official openai python package with it",),
            ("OpenAI SDK",),
        ),
        ("en", ("what ends a stream?",), ("`done`",)),
        ("en", ("how do i abort a reply that is too long",), ("/stop",)),
        ("en", ("where do prometheus metrics live",), ("/metrics",)),
        ("en", ("Who can see my conversations?",), ("own database",)),
        ("en", ("i'd like to rate a reply",), ("feedback",)),
        (
            "en",
            ("how are you different when the runner process gets killed?",),
            ("attempt",),
        ),
        ("en", ("can I run several web servers at once",), ("REDIS_URL",)),
        ("en", ("how do i load Qwen from hugging face",), ("Qwen/Qwen3-0.6B",)),
        ("zh", ("这个东西怎么跑起来？",), ("make run",)),
        ("zh", ("我的网断了，怎么拿到剩下的内容",), ("游标",)),
        ("zh", ("后台的地址是什么",), ("/admin/",)),
        ("zh", ("我写脚本要用密钥，在哪里弄",), ("create_api_key",)),
        ("zh", ("回答到一半我关了电脑，答案还在吗",), ("继续",)),
        ("zh", ("租约默认几秒",), ("**15**",)),
        ("zh", ("可以把vllm接到后面吗",), ("CHAT_BASE_URL",)),
        ("zh", ("一定要装redis吗",), ("**可选**",)),
        ("zh", ("这个项目是什么许可证",), ("Apache-2.0",)),
        ("zh", ("怎么换成postgres数据库",), ("DATABASE_URL",)),
        ("zh", ("能用openai的python包吗",), ("OpenAI SDK",)),
        ("zh", ("回答太长了想让它停下来怎么办",), ("/stop",)),
        ("zh", ("别人会看到我的聊天吗",), ("自己的数据库",)),
        ("zh", ("我想给这个回复点个赞",), ("feedback",)),
        ("zh", ("如果运行器进程突然死掉会怎么样",), ("attempt",)),
        ("zh", ("怎么用千问模型",), ("Qwen/Qwen3-0.6B",)),
    ],
    "refusals": [
        ("en", ("What is the capital of France?",), (EN,)),
        ("en", ("Who painted the Mona Lisa?",), (EN,)),
        ("en", ("What's the weather like today?",), (EN,)),
        ("en", ("Write an essay on the causes of the First World War.",), (EN,)),
        ("en", ("Translate 'good morning, how are you' into Italian",), (EN,)),
        ("en", ("I have had a cough for two weeks, what should I take?",), (EN,)),
        ("en", ("Who will be the next president?",), (EN,)),
        ("en", ("Explain quantum entanglement like I'm five",), (EN,)),
        ("en", ("Can you summarise the plot of Hamlet?",), (EN,)),
        ("en", ("give me a recipe for lasagne",), (EN,)),
        ("en", ("How tall is Mount Everest",), (EN,)),
        ("en", ("what is love",), (EN,)),
        ("en", ("best laptop under 1000 euros?",), (EN,)),
        ("en", ("Implement a red-black tree in C++",), (EN,)),
        ("en", ("asdkjh qwoeiu zxmnb",), (EN,)),
        ("en", ("what does the fox say",), (EN,)),
        ("en", ("how do I set up a Kubernetes ingress?",), (EN,)),
        ("en", ("Draft a cover letter for a junior accountant position",), (EN,)),
        ("en", ("Is Pluto a planet",), (EN,)),
        ("en", ("how many people live in Tokyo",), (EN,)),
        ("zh", ("法国的首都是哪里？",), (ZH,)),
        ("zh", ("今天天气怎么样",), (ZH,)),
        ("zh", ("帮我写一篇八百字的作文，题目是我的母亲",), (ZH,)),
        ("zh", ("把早上好翻译成意大利语",), (ZH,)),
        ("zh", ("我咳嗽两个星期了该吃什么药",), (ZH,)),
        ("zh", ("红楼梦的作者是谁",), (ZH,)),
        ("zh", ("量子纠缠是怎么回事",), (ZH,)),
        ("zh", ("给我推荐一款手机",), (ZH,)),
        ("zh", ("珠穆朗玛峰有多高",), (ZH,)),
        ("zh", ("西红柿炒鸡蛋怎么做",), (ZH,)),
        ("zh", ("什么是爱情",), (ZH,)),
        ("zh", ("用C++实现红黑树",), (ZH,)),
        ("zh", ("北京有多少人口",), (ZH,)),
        ("zh", ("明天股市会涨吗",), (ZH,)),
    ],
    "follow-ups": [
        ("en", ("what is a lease?", "ok, and why do you need it?"), ("crash",)),
        (
            "en",
            ("what is the tape", "can you put that in one sentence"),
            ("append-only",),
        ),
        ("en", ("what is a checkpoint", "could you say that in chinese?"), ("检查点",)),
        ("en", ("how do i stop a reply", "tell me a bit more"), ("upstream",)),
        (
            "en",
            ("Hi, I'm Florian", "what is a tape?", "what's my name?"),
            ("too small",),
        ),
        ("en", ("what is the capital of peru", "why don't you know that?"), ("tiny",)),
        (
            "en",
            ("what is 23 + 45", "what is a runner?", "who are you?"),
            ("demo model",),
        ),
        ("zh", ("什么是租约", "为什么需要它？"), ("崩溃",)),
        ("zh", ("什么是磁带", "用一句话说"), ("只追加",)),
        ("zh", ("检查点是什么", "请用英语说"), ("checkpoint",)),
        ("zh", ("怎么停止回复", "再说详细一点"), ("上游",)),
        ("zh", ("你好，我叫小芳", "什么是磁带？", "我叫什么名字？"), ("小芳",)),
    ],
    "sums and the rest": [
        ("en", ("Could you add 64 and 29 for me?",), ("**93**",)),
        ("en", ("hey what's 81-36",), ("**45**",)),
        ("en", ("what is 12345 times 678",), (TOO_LARGE["en"][:20],)),
        (
            "en",
            ("please count from 7 up to 15",),
            ("7, 8, 9, 10, 11, 12, 13, 14, 15.",),
        ),
        ("en", ("Could you write me a little poem?",), ("**The Tide Keeps Count**",)),
        ("en", ("I'd like a table with the planets",), ("| Jupiter |",)),
        ("en", ("nice to meet you",), ("",)),
        ("zh", ("帮我算一下 64 加 29",), ("**93**",)),
        ("zh", ("81减36是几",), ("**45**",)),
        ("zh", ("从7数到15给我看看",), ("7、8、9、10、11、12、13、14、15。",)),
        ("zh", ("能给我写首小诗吗",), ("**潮水记得**",)),
        ("zh", ("请做一张行星的表",), ("| 木星 |",)),
    ],
}


def all_probes() -> list[Probe]:
    return [probe for probes in PROBES.values() for probe in probes]
