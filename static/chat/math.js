/**
 * Formulas: `$…$`, `$$…$$`, `\(…\)`, `\[…\]`.
 *
 * An element shows the source until KaTeX, which is large and fetched when the first
 * formula appears, draws into it. It sets styles through the CSSOM only, so that the
 * content security policy holds.
 */

import { el, readJson } from "./dom.js";

// A formula holds no blank line: an opening that never closes ends with its block.
const BLOCK = /^ {0,3}(?:\$\$((?:(?!\n[ \t]*\n)[^$])+?)\$\$|\\\[((?:(?!\n[ \t]*\n)[^])+?)\\\])[ \t]*(?:\n+|$)/;
const DISPLAY = /^(?:\$\$((?:\\[^]|[^$\\])+?)\$\$|\\\[([^]+?)\\\])/;
// Money is not a formula: no space inside the dollars, no digit after them.
const INLINE = /^(?:\$(?![\s$])((?:\\[^\n]|[^$\\\n])*?(?:\\[^\n]|[^\s$\\]))\$(?!\d)|\\\(([^]+?)\\\))/;
const LIMITS = { trust: false, maxSize: 40, maxExpand: 500, strict: "ignore" };

/** @returns {any[]} extensions of marked */
export function mathExtensions() {
  return [
    {
      name: "mathBlock",
      level: "block",
      /** @param {string} src */
      start: (src) => src.match(/\n {0,3}(?:\$\$|\\\[)/)?.index,
      /** @param {string} src */
      tokenizer: (src) => token("mathBlock", BLOCK.exec(src), true),
    },
    {
      name: "mathInline",
      level: "inline",
      /** @param {string} src */
      start: (src) => src.match(/\$|\\[([]/)?.index,
      /** @param {string} src */
      tokenizer: (src) =>
        token("mathInline", DISPLAY.exec(src), true) ?? token("mathInline", INLINE.exec(src), false),
    },
  ];
}

/** @param {string} type @param {RegExpExecArray | null} match @param {boolean} display */
function token(type, match, display) {
  if (!match) return undefined;
  return { type, raw: match[0], text: (match[1] ?? match[2]).trim(), display };
}

/** @type {any} */
let katex;
/** @type {Promise<void> | undefined} */
let loading;

async function load() {
  const styles = document.createElement("link");
  styles.rel = "stylesheet";
  styles.href = readJson("page-data").mathStyles;
  const ready = new Promise((resolve) => {
    styles.onload = styles.onerror = resolve;
  });
  document.head.append(styles);
  const [module] = await Promise.all([import("katex"), ready]);
  katex = module.default;
}

/**
 * @param {string} source
 * @param {boolean} display
 * @returns {import("./tree.js").Leaf}
 */
export function formula(source, display) {
  return { key: `${display} ${source}`, make: () => drawFormula(source, display) };
}

/** Drawn now, or when KaTeX is there. @param {string} source @param {boolean} display */
function drawFormula(source, display) {
  const node = el("span", { className: display ? "math math-display" : "math" }, source);
  if (katex) {
    draw(node, source, display);
  } else {
    loading ??= load();
    loading.then(() => draw(node, source, display), () => (loading = undefined));
  }
  return node;
}

/** @param {HTMLElement} node @param {string} source @param {boolean} displayMode */
function draw(node, source, displayMode) {
  try {
    katex.render(source, node, { ...LIMITS, displayMode, throwOnError: true });
  } catch {
    // Not TeX after all, or more than KaTeX knows: the source says it best.
    node.textContent = source;
    node.classList.add("math-failed");
  }
}
