/**
 * Which model answers: a choice where there is one, and a label on a demo.
 *
 * @typedef {object} Model
 * @property {string} id
 * @property {string} label
 * @property {boolean} default of its kind
 * @property {boolean} demo
 * @property {boolean} continues whether it goes on from a text that is there
 * @property {"text" | "image"} kind what it makes
 */

import { models } from "./api.js";
import { byId, el } from "./dom.js";
import { t } from "./strings.js";

export class ModelChoice {
  /** @param {() => void} onChange another one is chosen, or it is known which */
  constructor(onChange) {
    this.onChange = onChange;
    this.select = /** @type {HTMLSelectElement} */ (byId("model"));
    this.badge = byId("demo-badge");
    /** @type {Model[]} */
    this.items = [];
    /** The reader chose it, since what is open was opened: nothing else may. */
    this.byReader = false;
    this.select.addEventListener("change", () => {
      this.byReader = true;
      this.draw();
    });
  }

  /** @param {string | null} id of the model of what the page was opened on */
  async load(id) {
    this.items = (await models.list()).items;
    this.select.replaceChildren(...this.options());
    this.use(id);
  }

  /** Those that draw stand apart, under a word that screen readers say too. */
  options() {
    const [texts, pictures] = /** @type {const} */ (["text", "image"]).map((kind) =>
      this.of(kind).map(({ id, label }) => el("option", { value: id }, label || id)),
    );
    if (!texts.length || !pictures.length) return [...texts, ...pictures];
    return [
      el("optgroup", { label: t("modelsText") }, ...texts),
      el("optgroup", { label: t("modelsImage") }, ...pictures),
    ];
  }

  /** @param {"text" | "image"} kind */
  of(kind) {
    return this.items.filter((item) => (item.kind ?? "text") === kind);
  }

  /** @returns {"text" | "image"} what the chosen one makes */
  get kind() {
    return this.items.find((item) => item.id === this.select.value)?.kind ?? "text";
  }

  /** The first one that makes this. @param {"text" | "image"} kind */
  useKind(kind) {
    this.byReader = true;
    const some = this.of(kind);
    this.use((some.find((item) => item.default) ?? some[0])?.id ?? null);
  }

  /**
   * To answer again as `message` was: by the chosen one, if it makes the same.
   * @param {import("./messages/message.js").Message} message
   */
  like({ model, drawing }) {
    return (this.kind === "image") === Boolean(drawing) ? this.chosen : (model ?? undefined);
  }

  /** @param {string | null} id of a conversation's model; null: the default */
  use(id) {
    const chosen = this.items.find((item) => item.id === id) ?? this.of("text").find((item) => item.default);
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
    this.onChange();
  }
}
