"""Texts of the scripted engine: what a page must be able to show."""

# The emoji that follow are deliberately hard: joined families, skin tones, flags,
# keycaps and variation selectors, which a page sees one code point at a time.
EMOJI = "😀 👩‍👩‍👧‍👦 👍🏽 🇩🇪 1️⃣ ❤️‍🔥 🏳️‍🌈 🧑🏿‍🚀 "

CHINESE = (
    "你好！我是一个演示引擎。流式输出让人更早看到第一个字，"
    "而不必等到整段回答写完。连接断开时，生成不会停止；"
    "重新连接后，从游标之后继续阅读即可。"
)

MARKDOWN = r"""# A document with everything

Paragraph with **bold**, *italic*, ~~struck~~, `code`, and a [link](https://example.com).
中文**加粗（括号）**后面紧跟文字，**“引号”**也是。

## A table

| engine   | streams | tokens |
|:---------|:-------:|-------:|
| scripted |   yes   |     40 |
| local    |   yes   |  4,096 |

### Lists

1. first
   - nested
   - again
2. second

- [x] done
- [ ] to do

> A quotation
> over two lines.

```python
def stream(text: str) -> None:
    # <b>not bold</b>
    for token in text.split():
        print(token, end=" ", flush=True)
```

Inline math $e^{i\pi} + 1 = 0$ and a block:

$$
\int_0^1 x^2 \, dx = \frac{1}{3}
$$

Prices of $5 and $10 are not math.

Markup stays text: <img src=x onerror="alert(1)"> <script>alert(2)</script>
[a link](javascript:alert(3)) ![an image](data:text/html,<script>alert(4)</script>)

---

```
an open fence, never closed
"""
