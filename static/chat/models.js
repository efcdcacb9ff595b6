/**
 * Which model answers: a choice where there is one, and a label on a demo.
 *
 * @typedef {object} Model
 * @property {string} id
 * @property {string} label
 * @property {boolean} default
 * @property {boolean} demo
 * @property {boolean} continues whether it goes on from a text that is there
 */

import { models } from "./api.js";
import { byId, el } from "./dom.js";

export class ModelChoice {
  constructor() {
    this.select = /** @type {HTMLSelectElement} */ (byId("model"));
    this.badge = byId("demo-badge");
    /** @type {Model[]} */
    this.items = [];
    this.select.addEventListener("change", () => this.draw());
  }

  async load() {
    this.items = (await models.list()).items;
    const options = this.items.map(({ id, label }) => el("option", { value: id }, label || id));
    this.select.replaceChildren(...options);
    this.use(null);
  }

  /** @param {string | null} id of a conversation's model; null: the default */
  use(id) {
    const chosen = this.items.find((item) => item.id === id) ?? this.items.find((item) => item.default);
    this.select.value = (chosen ?? this.items[0])?.id ?? "";
    this.draw();
  }

  /** @returns {string | undefined} undefined: whatever the server prefers */
  get chosen() {
    return this.items.length > 1 ? this.select.value : undefined;
  }

  /** @param {string} id @returns {boolean} as long as nothing else is known, yes */
  continues(id) {
    return this.items.find((item) => item.id === id)?.continues ?? true;
  }

  draw() {
    byId("model-choice").hidden = this.items.length < 2;
    const chosen = this.items.find((item) => item.id === this.select.value);
    this.badge.hidden = !chosen?.demo;
  }
}
