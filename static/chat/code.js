/**
 * Code: a frame with the language and a copy button, and colours.
 *
 * The highlighter is fetched when the first code appears. What it returns is markup,
 * so it goes through the purifier like everything else.
 */

import createPurifier from "dompurify";
import { copyButton } from "./clipboard.js";
import { el } from "./dom.js";

// Beyond this, colours cost more than they help.
const LONGEST = 60_000;
const LANGUAGE = /(?:^|\s)language-([\w+#.-]+)/;
const purifier = createPurifier(window);
const SPANS = { RETURN_DOM_FRAGMENT: true, ALLOWED_TAGS: ["span"], ALLOWED_ATTR: ["class"] };

/**
 * A frame for code that may still grow.
 * @param {string} language
 * @returns {{node: HTMLElement, code: HTMLElement}}
 */
export function codeFrame(language) {
  const code = el("code", { className: "hljs" });
  const node = el(
    "figure",
    { className: "code" },
    el("figcaption", {}, el("span", {}, language), copyButton(() => code.textContent ?? "")),
    // It scrolls sideways, so the keyboard must be able to reach it.
    el("pre", { tabIndex: 0 }, code),
  );
  return { node, code };
}

/** Put finished code (`pre > code`) into a frame, with colours. @param {Element} plain */
export function dressCode(plain) {
  const language = LANGUAGE.exec(plain.className)?.[1] ?? "";
  const { node, code } = codeFrame(language);
  code.textContent = (plain.textContent ?? "").replace(/\n$/, "");
  plain.parentElement?.replaceWith(node);
  if (language && code.textContent.length <= LONGEST) colour(code, language);
}

/** @type {any} */
let highlighter;
/** @type {Promise<void> | undefined} */
let loading;

/** @param {HTMLElement} code @param {string} language */
function colour(code, language) {
  if (highlighter) return paint(code, language);
  loading ??= import("highlight.js").then((module) => {
    highlighter = module.default;
  });
  loading.then(() => paint(code, language), () => (loading = undefined));
}

/** @param {HTMLElement} code @param {string} language */
function paint(code, language) {
  if (!highlighter.getLanguage(language)) return;
  const { value } = highlighter.highlight(code.textContent, { language, ignoreIllegals: true });
  code.replaceChildren(/** @type {any} */ (purifier.sanitize(value, /** @type {any} */ (SPANS))));
}
