/**
 * Markdown to elements that are safe to put on the page.
 *
 * Three walls stand between a model's text and the page: HTML in it is not markup
 * but text; the elements are made one by one, of the few kinds named here, and no
 * markup is parsed on the way (tree.js); the content security policy allows no inline
 * script or style. Nothing remote is loaded: an image becomes a placeholder
 * (images.js) or a link to it.
 *
 * @typedef {import("./tree.js").Tree} Tree
 * @typedef {import("./tree.js").Leaf} Leaf
 */

import { Lexer, Marked } from "marked";
import { closedCode, languageOf } from "./code.js";
import { imageAddress, placeholder } from "./images.js";
import { formula, mathExtensions } from "./math.js";
import { t } from "./strings.js";
import { branch } from "./tree.js";

const LINK = /^(?:https?:\/\/|mailto:)/i;
const CJK = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;
const PUNCTUATION = /[\p{P}\p{S}]/u;
const BOLD = /^\*\*(?![\s*])((?:[^*]|\*(?!\*))*?[^\s*])\*\*(?!\*)/;
const REFERENCE = /&(?:#\d{1,7}|#[Xx][a-fA-F0-9]{1,6}|\w+);/g;
const MOST_WORDS = 300;
// Nobody reads on beyond; every level costs a piece of the stack, here and in the page.
const DEEPEST = 64;
const OUTSIDE = { target: "_blank", rel: "noopener noreferrer nofollow" };

/**
 * Bold beside CJK text. CommonMark decides by the spaces around punctuation whether
 * `**` may close, and Chinese has none: `**注意：**后面` would keep its asterisks.
 * @this {any}
 * @param {string} src
 * @param {string} masked the same text with code and links blanked out
 * @param {string} before the character before it
 */
function boldBesideCjk(src, masked, before) {
  const match = BOLD.exec(masked.slice(-src.length));
  if (!match) return false;
  const raw = src.slice(0, match[0].length);
  const inner = raw.slice(2, -2);
  const after = src.slice(raw.length, raw.length + 2);
  const closes = PUNCTUATION.test(inner.slice(-1)) && CJK.test(after);
  const opens = PUNCTUATION.test(inner.slice(0, 1)) && CJK.test(before);
  if (!closes && !opens) return false;
  // `2**3 次方，**` is a power, not bold text.
  if (/[\p{N}A-Za-z]/u.test(before) && !opens) return false;
  return { type: "strong", raw, text: inner, tokens: this.lexer.inlineTokens(inner) };
}

const marked = new Marked({
  gfm: true,
  // A line the model ended is a line: verses and addresses have no blank lines.
  breaks: true,
  extensions: mathExtensions(),
  tokenizer: {
    emStrong: boldBesideCjk,
    // `undefined`, unlike `false`, means: no such thing here. It stays text.
    html: () => undefined,
    tag: () => undefined,
  },
});

/** What is nested deeper than anybody writes stays text. @extends {Lexer<any, any>} */
class ShallowLexer extends Lexer {
  depth = 0;

  /** @param {string} src @param {any[]} [tokens] @param {boolean} [last] */
  blockTokens(src, tokens = [], last = false) {
    return this.within(src, tokens, () => super.blockTokens(src, tokens, last));
  }

  /** @param {string} src @param {any[]} [tokens] */
  inlineTokens(src, tokens = []) {
    return this.within(src, tokens, () => super.inlineTokens(src, tokens));
  }

  /** @param {string} src @param {any[]} tokens @param {() => any[]} parse adds to `tokens` */
  within(src, tokens, parse) {
    if (this.depth >= DEEPEST) {
      tokens.push(asItIs(src));
      return tokens;
    }
    this.depth += 1;
    try {
      return parse();
    } finally {
      this.depth -= 1;
    }
  }
}

/** @param {string} raw @returns {any} a token that is drawn as its source */
function asItIs(raw) {
  return { type: "other", raw, text: raw };
}

/**
 * @param {string} text
 * @returns {any[] & {links?: Record<string, unknown>}} the blocks; joined, their
 *   `raw` is the text
 */
export function lex(text) {
  try {
    return new ShallowLexer(marked.defaults).lex(text);
  } catch (error) {
    // One text that cannot be parsed must not take the page with it.
    console.warn(error);
    return [{ type: "paragraph", raw: text, text, tokens: [asItIs(text)] }];
  }
}

/** @param {any} token a block of `lex` @returns {Tree | null} null: nothing to be seen */
export function blockTree(token) {
  try {
    return trees([token], null)[0] ?? null;
  } catch (error) {
    console.warn(error);
    return branch("p", null, [token.raw]);
  }
}

/**
 * @param {any[]} tokens
 * @param {Leaf[] | null} images where those inside a link go, to stand behind it
 * @returns {Tree[]}
 */
function trees(tokens, images) {
  /** @type {Tree[]} */
  const found = [];
  for (const token of tokens) {
    const drawn = (DRAW[token.type] ?? DRAW.other)(token, images);
    for (const tree of Array.isArray(drawn) ? drawn : [drawn]) {
      const last = found.length - 1;
      if (typeof tree === "string" && typeof found[last] === "string") found[last] += tree;
      else if (tree !== "") found.push(tree);
    }
  }
  return found;
}

/** @param {string} tag @returns {(token: any, images: Leaf[] | null) => Tree} */
const plain = (tag) => (token, images) => branch(tag, null, trees(token.tokens, images));

/** @type {Record<string, (token: any, images: Leaf[] | null) => Tree | Tree[]>} */
const DRAW = {
  space: () => "",
  def: () => "",
  hr: () => branch("hr", null),
  br: () => branch("br", null),
  paragraph: plain("p"),
  blockquote: plain("blockquote"),
  strong: plain("strong"),
  em: plain("em"),
  del: plain("del"),
  heading: (token, images) => branch(`h${token.depth}`, null, trees(token.tokens, images)),
  checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  code: ({ text, lang }) => closedCode(text, languageOf(lang)),
  codespan: ({ text }) => branch("code", null, text ? [text] : []),
  mathBlock: ({ text }) => branch("p", null, [formula(text, true)]),
  mathInline: ({ text, display }) => formula(text, display),
  escape: ({ text }) => text,
  text: ({ text, tokens }, images) => (tokens ? trees(tokens, images) : resolve(text)),
  other: ({ raw }) => raw,
  list,
  table,
  link,
  image,
};

/** @param {any} token */
function list({ ordered, start, items }) {
  const drawn = items.map((/** @type {any} */ { task, tokens }) =>
    branch("li", task ? { class: "task" } : null, trees(tokens, null)),
  );
  return branch(ordered ? "ol" : "ul", ordered && start !== 1 ? { start: `${start}` } : null, drawn);
}

/** A wide table scrolls on its own. @param {any} token */
function table({ header, rows }) {
  const parts = [branch("thead", null, [row(header)])];
  if (rows.length) parts.push(branch("tbody", null, rows.map(row)));
  return branch("div", { class: "table-frame", tabindex: "0" }, [branch("table", null, parts)]);
}

/** @param {any[]} cells */
function row(cells) {
  const drawn = cells.map(({ header, align, tokens }) =>
    branch(header ? "th" : "td", align ? { align } : null, trees(tokens, null)),
  );
  return branch("tr", null, drawn);
}

/** @param {any} token @param {Leaf[] | null} images */
function link({ href, title, tokens }, images) {
  if (!LINK.test(href)) return trees(tokens, images);
  /** @type {Leaf[]} */
  const behind = [];
  const inner = trees(tokens, behind);
  return [branch("a", { href, ...(title ? { title } : null), ...OUTSIDE }, inner), ...behind];
}

/** @param {any} token @param {Leaf[] | null} images */
function image({ href, text }, images) {
  const src = imageAddress(href);
  const words = text.slice(0, MOST_WORDS);
  if (!src) return LINK.test(href) && !images ? branch("a", { href, ...OUTSIDE }, [text || href]) : text || href;
  const drawn = { key: `image ${src} ${words}`, make: () => placeholder(src, words) };
  if (!images) return drawn;
  images.push(drawn);
  return words || t("image");
}

// Nothing happens in a document that is not shown; it only knows the names.
const { body } = document.implementation.createHTMLDocument("");

/** `&copy;` and its kind, which Markdown takes from HTML. @param {string} text */
function resolve(text) {
  if (!text.includes("&")) return text;
  return text.replace(REFERENCE, (reference) => {
    body.innerHTML = reference;
    return body.textContent ?? "";
  });
}
