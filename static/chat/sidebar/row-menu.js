/**
 * The menu of one conversation in the list.
 *
 * @typedef {import("./listing.js").Conversation} Conversation
 *
 * @typedef {object} Choice
 * @property {string} name of its words
 * @property {string} icon
 * @property {() => void} run
 */

import { byId, el, icon } from "../dom.js";
import { t } from "../strings.js";

const GAP = 8;

export class RowMenu {
  constructor() {
    this.list = el("ul", { className: "menu row-menu", role: "menu", popover: "auto" });
    /** @type {() => HTMLElement | null | undefined} as its row is drawn by now */
    this.opener = () => null;
    this.list.addEventListener("keydown", (event) => this.keyed(event));
    this.list.addEventListener("toggle", () => this.mark());
    byId("sidebar").append(this.list);
  }

  /**
   * @param {() => HTMLElement | null | undefined} opener its button, which news may draw again meanwhile
   * @param {string} title whose menu it is
   * @param {Choice[]} choices
   */
  open(opener, title, choices) {
    this.opener = opener;
    this.list.setAttribute("aria-label", title);
    this.list.replaceChildren(...choices.map((choice) => this.item(choice)));
    this.list.showPopover();
    const at = opener()?.getBoundingClientRect();
    if (at) this.place(at);
    this.items()[0]?.focus();
  }

  /** @param {Choice} choice */
  item({ name, icon: picture, run }) {
    const chosen = () => {
      this.close();
      run();
    };
    const button = el("button", { type: "button", role: "menuitem", tabIndex: -1, onclick: chosen }, icon(picture), t(name));
    return el("li", { role: "none" }, button);
  }

  /** Beside its opener, and all of it on the screen. @param {DOMRect} at */
  place(at) {
    const { width, height } = this.list.getBoundingClientRect();
    const below = at.bottom + height + GAP < innerHeight;
    this.list.style.top = `${Math.max(GAP, below ? at.bottom : at.top - height)}px`;
    this.list.style.left = `${Math.max(GAP, Math.min(at.left, innerWidth - width - GAP))}px`;
  }

  items() {
    return [...this.list.querySelectorAll("button")];
  }

  close() {
    this.list.hidePopover();
    this.opener()?.focus();
  }

  /** Its opener says whether it is open; and shows, so that it can be focused. */
  mark() {
    this.opener()?.setAttribute("aria-expanded", String(this.list.matches(":popover-open")));
  }

  /** @param {KeyboardEvent} event */
  keyed(event) {
    const items = this.items();
    const at = items.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const { length } = items;
    const to = { ArrowDown: (at + 1) % length, ArrowUp: (at + length - 1) % length, Home: 0, End: length - 1 }[event.key];
    if (to !== undefined) items[to].focus();
    else if (event.key === "Escape" || event.key === "Tab" || event.key === "ArrowLeft") this.close();
    else return;
    event.preventDefault();
    // The page's own Escape stops the answer or closes the drawer.
    event.stopPropagation();
  }
}
