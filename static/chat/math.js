/**
 * Formulas: `$…$`, `$$…$$`, `\(…\)`, `\[…\]`.
 *
 * The markdown renderer leaves their source in marked elements; KaTeX, which is
 * large, is fetched when the first one appears, and draws into those elements. It
 * sets styles through the CSSOM only, so that the content security policy holds.
 */

import { readJson } from "./dom.js";

// A formula holds no blank line: an opening that never closes ends with its block.
const BLOCK = /^ {0,3}(?:\$\$((?:(?!\n[ \t]*\n)[^$])+?)\$\$|\\\[((?:(?!\n[ \t]*\n)[^])+?)\\\])[ \t]*(?:\n+|$)/;
const DISPLAY = /^(?:\$\$((?:\\[^]|[^$\\])+?)\$\$|\\\[([^]+?)\\\])/;
// Money is not a formula: no space inside the dollars, no digit after them.
const INLINE = /^(?:\$(?![\s$])((?:\\[^\n]|[^$\\\n])*?(?:\\[^\n]|[^\s$\\]))\$(?!\d)|\\\(([^]+?)\\\))/;
const LIMITS = { trust: false, maxSize: 40, maxExpand: 500, strict: "ignore" };

/**
 * @param {(text: string) => string} escape
 * @returns {any[]} extensions of marked
 */
export function mathExtensions(escape) {
  /** @param {{text: string, display: boolean}} token */
  const mark = ({ text, display }) => {
    const names = display ? "math math-display" : "math";
    return `<span class="${names}">${escape(text)}</span>`;
  };
  return [
    {
      name: "mathBlock",
      level: "block",
      /** @param {string} src */
      start: (src) => src.match(/\n {0,3}(?:\$\$|\\\[)/)?.index,
      /** @param {string} src */
      tokenizer: (src) => token("mathBlock", BLOCK.exec(src), true),
      /** @param {any} found */
      renderer: (found) => `<p>${mark(found)}</p>`,
    },
    {
      name: "mathInline",
      level: "inline",
      /** @param {string} src */
      start: (src) => src.match(/\$|\\[([]/)?.index,
      /** @param {string} src */
      tokenizer: (src) =>
        token("mathInline", DISPLAY.exec(src), true) ?? token("mathInline", INLINE.exec(src), false),
      renderer: mark,
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

/** @typedef {Map<string, Element[]>} Drawn formulas by what they were drawn from */

/** @type {WeakMap<Element, string>} */
const origins = new WeakMap();

/**
 * The formulas of blocks that are drawn again: most of them are in the new block too.
 * @param {Node[]} nodes
 * @returns {Drawn}
 */
export function drawnMath(nodes) {
  /** @type {Drawn} */
  const drawn = new Map();
  for (const node of nodes) {
    if (!(node instanceof Element)) continue;
    for (const formula of node.querySelectorAll(".math")) {
      const origin = origins.get(formula);
      if (origin === undefined) continue;
      const same = drawn.get(origin);
      if (same) same.push(formula);
      else drawn.set(origin, [formula]);
    }
  }
  return drawn;
}

/**
 * Draw the formulas under `root`, now or when KaTeX is there.
 * @param {ParentNode} root
 * @param {Drawn} [drawn] those that may be moved here
 */
export function drawMath(root, drawn) {
  const nodes = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(".math")]);
  if (!nodes.length) return;
  if (katex) return nodes.forEach((node) => draw(node, drawn));
  loading ??= load();
  loading.then(() => nodes.forEach((node) => draw(node)), () => (loading = undefined));
}

/** @param {HTMLElement} node @param {Drawn} [drawn] */
function draw(node, drawn) {
  const source = node.textContent ?? "";
  const displayMode = node.classList.contains("math-display");
  const origin = `${displayMode} ${source}`;
  const same = drawn?.get(origin)?.pop();
  if (same) return node.replaceWith(same);
  origins.set(node, origin);
  try {
    katex.render(source, node, { ...LIMITS, displayMode, throwOnError: true });
  } catch {
    // Not TeX after all, or more than KaTeX knows: the source says it best.
    node.textContent = source;
    node.classList.add("math-failed");
  }
}
