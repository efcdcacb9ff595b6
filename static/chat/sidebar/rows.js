/**
 * The list on the page. Rows that stay the same keep their elements, and the focus.
 *
 * @typedef {import("./listing.js").Conversation} Conversation
 */

import { el } from "../dom.js";
import { grouped } from "./groups.js";
import { drawRow } from "./row.js";

export class Rows {
  /**
   * @param {HTMLElement} root
   * @param {import("./row.js").Actions} actions
   */
  constructor(root, actions) {
    this.root = root;
    this.actions = actions;
    /** @type {Map<string, {row: HTMLElement, as: string}>} by conversation */
    this.drawn = new Map();
    root.addEventListener("keydown", (event) => this.keyed(event));
  }

  /**
   * @param {Conversation[]} items
   * @param {string | null} current
   * @param {string} [heading] one for all of them, instead of their days
   */
  show(items, current, heading) {
    const groups = heading ? [/** @type {[string, Conversation[]]} */ ([heading, items])] : grouped(items);
    // Rows that are kept leave the page as soon as they are put into a new list.
    this.keepingFocus(() => this.root.replaceChildren(...this.sections(groups, current)));
  }

  /** @param {[string, Conversation[]][]} groups @param {string | null} current */
  sections(groups, current) {
    const before = this.drawn;
    this.drawn = new Map();
    return groups.map(([label, some]) => {
      const rows = some.map((item) => this.row(item, item.id === current, before));
      return el("section", { "aria-label": label }, el("h3", {}, label), el("ul", {}, ...rows));
    });
  }

  /** @param {Conversation} item @param {boolean} current @param {Map<string, {row: HTMLElement, as: string}>} before */
  row(item, current, before) {
    const { id, title, running, tags, pinned, archived } = item;
    const { snippets } = /** @type {any} */ (item);
    const as = JSON.stringify([title, running, tags, pinned, archived, current, snippets]);
    const known = before.get(id);
    const row = known?.as === as ? known.row : drawRow(item, current, this.actions);
    this.drawn.set(id, { row, as });
    return row;
  }

  /** Of a conversation, if it is listed. @param {string} id */
  of(id) {
    return this.drawn.get(id)?.row;
  }

  /** @param {() => void} change */
  keepingFocus(change) {
    const focused = /** @type {HTMLElement} */ (document.activeElement);
    const inside = this.root.contains(focused);
    const row = focused?.closest("li");
    const id = row?.querySelector("a")?.dataset.id;
    const index = [...this.root.querySelectorAll("li")].indexOf(/** @type {any} */ (row));
    change();
    if (!inside) return;
    if (focused.isConnected) focused.focus();
    else this.focus(id ?? "", index);
  }

  /** @param {string} id @param {number} [index] whose row to take when it is gone */
  focus(id, index = 0) {
    const links = [...this.root.querySelectorAll("a")];
    const link = links.find((one) => one.dataset.id === id) ?? links[Math.min(index, links.length - 1)];
    link?.focus();
  }

  /** Arrows go from row to row. @param {KeyboardEvent} event */
  keyed(event) {
    const row = /** @type {HTMLElement} */ (event.target).closest("li");
    if (!row || /** @type {HTMLElement} */ (event.target).tagName === "INPUT") return;
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const links = [...this.root.querySelectorAll("a")];
    const at = links.findIndex((link) => row.contains(link));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
    const opener = /** @type {HTMLElement | null} */ (row.querySelector("button"));
    if (to !== undefined) links[to]?.focus();
    else if (event.key === "ArrowRight" || event.key === "ContextMenu") opener?.click();
    else return;
    event.preventDefault();
  }
}
