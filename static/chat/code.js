/**
 * Code: a frame with the language and a copy button, and colours.
 *
 * The highlighter is fetched when the first code appears. What it returns is markup,
 * so it goes through a purifier; nothing else on the page is made from markup.
 */

import { copyButton } from "./clipboard.js";
import { el } from "./dom.js";

// Beyond this, colours cost more than they help.
const LONGEST = 60_000;
const LANGUAGE = /^[\w+#.-]+/;
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

/** @param {string | undefined} info what stands behind the fence @returns {string} */
export function languageOf(info) {
  return LANGUAGE.exec(info ?? "")?.[0] ?? "";
}

/**
 * Finished code in a frame, with colours.
 * @param {string} text
 * @param {string} language
 * @returns {import("./tree.js").Leaf}
 */
export function closedCode(text, language) {
  const make = () => {
    const { node, code } = codeFrame(language);
    code.textContent = text.replace(/\n$/, "");
    if (language && text.length <= LONGEST) colour(code, language);
    return node;
  };
  return { key: `code ${language} ${text}`, make };
}

/** @type {any} */
let highlighter;
/** @type {any} */
let purifier;
/** @type {Promise<void> | undefined} */
let loading;

/** @param {HTMLElement} code @param {string} language */
function colour(code, language) {
  if (highlighter) return paint(code, language);
  loading ??= Promise.all([import("highlight.js"), import("dompurify")]).then(([colours, purify]) => {
    highlighter = colours.default;
    purifier = purify.default(window);
  });
  loading.then(() => paint(code, language), () => (loading = undefined));
}

/** @param {HTMLElement} code @param {string} language */
function paint(code, language) {
  if (!highlighter.getLanguage(language)) return;
  const { value } = highlighter.highlight(code.textContent, { language, ignoreIllegals: true });
  code.replaceChildren(purifier.sanitize(value, SPANS));
}
