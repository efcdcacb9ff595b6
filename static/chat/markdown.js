/**
 * Markdown to elements that are safe to put on the page.
 *
 * Three walls stand between a model's text and the page: HTML in it is not markup
 * but text; what the renderer writes passes an allow-list (DOMPurify); the content
 * security policy allows no inline script or style. Nothing remote is loaded: an
 * image becomes a placeholder (images.js) or a link to it.
 */

import createPurifier from "dompurify";
import { Marked } from "marked";
import { dressCode } from "./code.js";
import { imageAddress, placeImages } from "./images.js";
import { drawMath, mathExtensions } from "./math.js";

const LINK = /^(?:https?:\/\/|mailto:)/i;
const CJK = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;
const PUNCTUATION = /[\p{P}\p{S}]/u;
const BOLD = /^\*\*(?![\s*])((?:[^*]|\*(?!\*))*?[^\s*])\*\*(?!\*)/;

/** @param {string} text */
function escape(text) {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** @param {string} href @param {string} inner HTML @param {string | null} [title] */
function link(href, inner, title) {
  if (!LINK.test(href)) return inner;
  const named = title ? ` title="${escape(title)}"` : "";
  return `<a href="${escape(href)}"${named}>${inner}</a>`;
}

/** @param {string} href @param {string} text */
function image(href, text) {
  const src = imageAddress(href);
  if (!src) return link(href, escape(text || href));
  return `<span class="image" title="${escape(src)}">${escape(text)}</span>`;
}

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
  extensions: mathExtensions(escape),
  tokenizer: {
    emStrong: boldBesideCjk,
    // `undefined`, unlike `false`, means: no such thing here. It stays text.
    html: () => undefined,
    tag: () => undefined,
  },
  renderer: {
    html: ({ text }) => escape(text),
    image: ({ href, text }) => image(href, text),
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
    /** @this {any} */
    listitem({ task, tokens }) {
      return `<li${task ? ' class="task"' : ""}>${this.parser.parse(tokens)}</li>`;
    },
    /** @this {any} */
    link({ href, title, tokens }) {
      return link(href, this.parser.parseInline(tokens), title);
    },
  },
});

const purifier = createPurifier(window);
const PURIFY = {
  RETURN_DOM_FRAGMENT: true,
  ALLOWED_TAGS: (
    "p br strong em del code pre blockquote ul ol li h1 h2 h3 h4 h5 h6 hr " +
    "table thead tbody tr th td a span div"
  ).split(" "),
  ALLOWED_ATTR: ["href", "title", "class", "align", "start"],
  // Their values are no addresses and need not look like one.
  ADD_URI_SAFE_ATTR: ["align", "start"],
  ALLOWED_URI_REGEXP: LINK,
};

purifier.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName !== "A") return;
  node.setAttribute("target", "_blank");
  node.setAttribute("rel", "noopener noreferrer nofollow");
});

/** @param {string} html @returns {DocumentFragment} */
export function purify(html) {
  return /** @type {any} */ (purifier.sanitize(html, /** @type {any} */ (PURIFY)));
}

/**
 * @param {string} text
 * @returns {any[] & {links?: Record<string, unknown>}} the blocks; joined, their
 *   `raw` is the text
 */
export function lex(text) {
  return marked.lexer(text);
}

/**
 * @param {any[]} tokens
 * @param {import("./math.js").Drawn} [drawn] formulas that may be used again
 * @returns {DocumentFragment}
 */
export function render(tokens, drawn) {
  const fragment = purify(/** @type {string} */ (marked.parser(tokens)));
  for (const table of fragment.querySelectorAll("table")) wrapTable(table);
  for (const code of fragment.querySelectorAll("pre > code")) dressCode(code);
  placeImages(fragment);
  // After the purifier, which would take formulas apart.
  drawMath(fragment, drawn);
  return fragment;
}

/** A wide table scrolls on its own. @param {Element} table */
function wrapTable(table) {
  const frame = document.createElement("div");
  frame.className = "table-frame";
  frame.tabIndex = 0;
  table.replaceWith(frame);
  frame.append(table);
}
