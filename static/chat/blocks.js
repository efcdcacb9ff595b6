/**
 * Markdown that grows: finished blocks are drawn once, the last one again.
 *
 * A frame costs what is new, not what is there. Text behind the last frozen block is
 * parsed again; blocks whose source is the same are left alone, and so are the parts
 * that stay the same of one that grew; once the last block has a full first line, what
 * stands before it cannot change any more and freezes.
 * An open code fence only grows by its new text, and so do words in a line. Link
 * definitions change what stands before them: `finish` parses a text that has some
 * once more, as a whole.
 */

import { codeFrame, languageOf } from "./code.js";
import { FrameLoop } from "./frame.js";
import { offerImages } from "./images.js";
import { blockTree, lex } from "./markdown.js";
import { grow, regrow } from "./tree.js";

/**
 * @typedef {object} Block
 * @property {string} raw
 * @property {import("./tree.js").Tree | null} tree null: nothing to be seen, or finished
 * @property {ChildNode | null} node
 * @property {HTMLElement} [code] an open fence's element: it only grows
 */

// Behind words, more words mean nothing to Markdown; in an open fence, all but its end.
const WORD = /[\p{L}\p{M} ,，。、；：）”’]/u;
const MORE_WORDS = /^[^\n*_`~$\\[\]<>|#!&]+$/;
const MORE_CODE = /^[^\n`~]+$/;
const DEFINITION = /^ {0,3}\[[^\]\n]+\]:/m;
const FORMULA = /^ {0,3}(?:\$\$|\\\[)/m;
const BLANK = /\n[ \t]*\n$/;
const FENCE = /^ {0,3}(`{3,}|~{3,})([^\n`]*)/;

/** @param {any} token whether it is a code fence that nothing has closed yet */
function isOpenFence({ type, raw }) {
  const fence = type === "code" && FENCE.exec(raw);
  if (!fence || !raw.includes("\n")) return false;
  const body = raw.trimEnd();
  const end = body.lastIndexOf("\n");
  const last = body.slice(end + 1).trim();
  return end < 0 || !(last.startsWith(fence[1]) && /^(`+|~+)$/.test(last));
}

/** @param {string} text line ends as the parser counts them */
function normalise(text) {
  return text.includes("\r") ? text.replaceAll("\r", "") : text;
}

export class BlockRenderer {
  /** @param {HTMLElement} root holds nothing but the blocks */
  constructor(root) {
    this.root = root;
    this.frame = new FrameLoop(() => this.drawTail());
    this.clear();
  }

  clear() {
    this.frame.cancel();
    /** What is behind the frozen blocks. */
    this.tail = "";
    /** How much of the tail is drawn. */
    this.drawn = 0;
    /** How long the text is, frozen blocks included. */
    this.length = 0;
    /** @type {Block[]} */
    this.frozen = [];
    /** @type {Block[]} */
    this.live = [];
    this.root.replaceChildren();
  }

  /** @param {string} text new text, behind what there is */
  append(text) {
    if (!text) return;
    const more = normalise(text);
    this.tail += more;
    this.length += more.length;
    this.frame.request();
  }

  /** @param {string} text replaces everything */
  reset(text) {
    this.clear();
    this.append(text);
  }

  /** @param {string} text the whole of it; nothing follows */
  finish(text) {
    this.frame.cancel();
    const whole = normalise(text);
    if (whole.length !== this.length || !whole.endsWith(this.tail) || DEFINITION.test(whole)) {
      this.live.unshift(...this.frozen);
      this.frozen = [];
      this.tail = whole;
    }
    const tokens = lex(this.tail);
    const same = Object.keys(tokens.links ?? {}).length ? 0 : countSame(this.live, tokens);
    this.replace(this.live, same, tokens, false);
    this.keep(this.live.length);
    for (const block of this.frozen) block.tree = null;
    this.tail = "";
    this.drawn = 0;
    this.length = whole.length;
  }

  drawTail() {
    if (!this.growWords()) {
      const tokens = lex(this.tail);
      this.replace(this.live, countSame(this.live, tokens), tokens, true);
      this.freeze(tokens);
    }
    this.drawn = this.tail.length;
  }

  /**
   * The block keeps its old source, so that the next full drawing draws it again.
   * @returns {boolean} whether the new text only lengthens the last line drawn
   */
  growWords() {
    const block = this.live.at(-1);
    const last = this.tail.charAt(this.drawn - 1);
    const more = this.tail.slice(this.drawn);
    const grows = block?.code ? MORE_CODE.test(more) : WORD.test(last) && MORE_WORDS.test(more);
    const text = grows ? lastText(block?.node) : null;
    // A link's address and a formula's source would have to grow with it.
    if (!text?.data.endsWith(last) || text.parentElement?.closest("a, .math")) return false;
    text.appendData(more);
    return true;
  }

  /**
   * Draw the blocks from `index` on again.
   * @param {Block[]} blocks
   * @param {number} index
   * @param {any[]} tokens
   * @param {boolean} growing whether the last one may be an open fence
   */
  replace(blocks, index, tokens, growing) {
    const last = tokens.length - 1;
    if (growing && index === last && blocks.length === tokens.length) {
      if (growCode(blocks[last], tokens[last])) return;
    }
    for (let i = index; i <= last; i++) {
      const open = growing && i === last && isOpenFence(tokens[i]);
      const block = open ? openCode(tokens[i]) : closedBlock(tokens[i]);
      this.place(block, blocks[i], blocks.slice(i + 1));
      blocks[i] = block;
    }
    for (const { node } of blocks.splice(tokens.length)) node?.remove();
  }

  /**
   * @param {Block} block
   * @param {Block | undefined} old what stood there
   * @param {Block[]} later what stands behind it
   */
  place(block, old, later) {
    if (!block.tree) {
      old?.node?.remove();
    } else if (old?.node) {
      block.node = regrow(old.node, old.tree, block.tree);
    } else {
      block.node = grow(block.tree);
      this.root.insertBefore(block.node, later.find(({ node }) => node)?.node ?? null);
    }
  }

  /**
   * Let go of what stands before the last block with a full first line.
   * @param {any[]} tokens
   */
  freeze(tokens) {
    let start = this.tail.length;
    let last = tokens.length;
    do {
      last -= 1;
      if (last <= 0) return;
      start -= tokens[last].raw.length;
    } while (tokens[last].type === "space" || !this.tail.includes("\n", start));
    const count = countClosed(tokens, last);
    for (const { raw } of tokens.slice(count, last)) start -= raw.length;
    this.tail = this.tail.slice(start);
    this.keep(count);
  }

  /** @param {number} count of the live blocks, which change no more */
  keep(count) {
    const blocks = this.live.splice(0, count);
    for (const { node } of blocks) if (node) offerImages(node);
    this.frozen.push(...blocks);
  }
}

/**
 * How many of the first `count` blocks no later text can join: a formula that is open
 * may run on, over what looks like a list, up to a blank line.
 * @param {any[]} tokens
 * @param {number} count
 */
function countClosed(tokens, count) {
  let closed = count;
  for (let i = count - 1; i >= 0; i--) {
    const { type, raw } = tokens[i];
    if (type === "space" || BLANK.test(raw)) break;
    if (type !== "mathBlock" && FORMULA.test(raw)) closed = i;
  }
  return closed;
}

/** @param {Node | null | undefined} node @returns {Text | null} what it ends with, if that is text */
function lastText(node) {
  while (node && !(node instanceof Text)) node = node.lastChild;
  return node ?? null;
}

/** @param {Block[]} blocks @param {any[]} tokens how many at the start are drawn already */
function countSame(blocks, tokens) {
  let same = 0;
  while (same < blocks.length && same < tokens.length) {
    if (blocks[same].raw !== tokens[same].raw || blocks[same].code) break;
    same += 1;
  }
  return same;
}

/** @param {any} token @returns {Block} */
function closedBlock(token) {
  return { raw: token.raw, tree: blockTree(token), node: null };
}

/** @param {any} token @returns {Block} */
function openCode(token) {
  const { node, code } = codeFrame(languageOf(token.lang));
  code.append(document.createTextNode(token.text));
  return { raw: token.raw, tree: { key: "", make: () => node }, node: null, code };
}

/** @param {Block} block @param {any} token @returns {boolean} whether that was enough */
function growCode(block, token) {
  const text = /** @type {Text | undefined} */ (block.code?.firstChild);
  if (!text || !isOpenFence(token) || !token.text.startsWith(text.data)) return false;
  text.appendData(token.text.slice(text.data.length));
  block.raw = token.raw;
  return true;
}
