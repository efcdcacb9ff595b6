/**
 * The field that searches, and the choice of what is listed: all, a tag's, archived.
 */

import { tags } from "../api.js";
import { byId, el } from "../dom.js";
import { t } from "../strings.js";

// Typing pauses this long before it is looked for.
const PAUSE = 250;

export class Finder {
  /**
   * @param {{onQuery: (query: string) => void,
   *   onView: (view: import("./listing.js").View) => void}} hooks
   */
  constructor(hooks) {
    this.hooks = hooks;
    this.field = /** @type {HTMLInputElement} */ (byId("find"));
    this.select = /** @type {HTMLSelectElement} */ (byId("find-in"));
    this.query = "";
    this.timer = 0;
    this.field.addEventListener("input", (event) => this.typed(/** @type {InputEvent} */ (event).isComposing));
    this.field.addEventListener("compositionend", () => this.typed(false));
    this.field.addEventListener("keydown", (event) => this.keyed(event));
    this.select.addEventListener("focus", () => void this.loadTags());
    this.select.addEventListener("change", () => this.hooks.onView(this.view));
  }

  /** @returns {import("./listing.js").View} */
  get view() {
    const [kind, tag = ""] = this.select.value.split(/:(.*)/s);
    return { archived: kind === "archived", tag };
  }

  /** @param {boolean} composing half a word is no query */
  typed(composing) {
    clearTimeout(this.timer);
    if (!composing) this.timer = window.setTimeout(() => this.look(), PAUSE);
  }

  look() {
    clearTimeout(this.timer);
    const query = this.field.value.trim();
    if (query === this.query) return;
    this.query = query;
    this.hooks.onQuery(query);
  }

  /** @param {KeyboardEvent} event */
  keyed(event) {
    if (event.isComposing) return;
    if (event.key === "Enter") this.look();
    else if (event.key === "Escape" && this.field.value) this.clear();
    else return;
    event.preventDefault();
  }

  clear() {
    this.field.value = "";
    this.look();
  }

  /** The choice of tags as they are now. */
  async loadTags() {
    const chosen = this.select.value;
    const { items } = await tags.list().catch(() => ({ items: [] }));
    const options = items.map((/** @type {{name: string}} */ { name }) => el("option", { value: `tag:${name}` }, name));
    this.select.querySelector("optgroup")?.remove();
    if (options.length) this.select.append(el("optgroup", { label: t("tags") }, ...options));
    this.select.value = chosen;
    if (this.select.selectedIndex < 0) this.select.selectedIndex = 0;
  }
}
