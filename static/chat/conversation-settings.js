/**
 * What a conversation keeps for all of its questions: model, system prompt, parameters.
 * Before the first question they wait here and go along with it.
 *
 * @typedef {{system_prompt: string, params: Record<string, any>}} Kept
 */

import { conversations } from "./api.js";
import { byId, el } from "./dom.js";
import { explain } from "./errors.js";
import { t } from "./strings.js";

/** name, lowest, highest, step; empty: the model's own. */
const NUMBERS = /** @type {const} */ ([
  ["temperature", 0, 2, 0.05],
  ["top_p", 0.01, 1, 0.01],
  ["max_tokens", 1, null, 1],
  ["seed", 0, null, 1],
]);

export class ConversationSettings {
  /**
   * @param {object} page
   * @param {() => string | null} page.conversation
   * @param {() => void} page.onSaved
   */
  constructor(page) {
    this.page = page;
    /** @type {Kept | null} for a conversation that does not exist yet */
    this.pending = null;
    byId("conversation-settings").addEventListener("click", () => void this.open());
  }

  /** What the first question of a new conversation takes along. */
  get first() {
    return this.pending ?? undefined;
  }

  /**
   * It exists now: what goes beyond its first question is kept there.
   * @param {string} id
   * @param {boolean} drawing that was a picture's, and took nothing along
   */
  async started(id, drawing) {
    const { pending } = this;
    this.pending = null;
    if (!pending) return;
    const kept = drawing ? pending : { params: pending.params };
    if (drawing || Object.keys(pending.params).length) await conversations.change(id, kept);
  }

  forget() {
    this.pending = null;
  }

  async open() {
    const id = this.page.conversation();
    const problem = el("p", { className: "field-error", role: "alert" });
    /** @type {Kept} */
    let kept = this.pending ?? { system_prompt: "", params: {} };
    if (id) {
      try {
        kept = await conversations.get(id);
      } catch (error) {
        problem.textContent = explain(error, "action").what;
      }
    }
    this.show(id, kept, problem);
  }

  /** @param {string | null} id @param {Kept} kept @param {HTMLElement} problem */
  show(id, kept, problem) {
    const fields = new Fields(kept);
    const cancel = el("button", { type: "button", className: "quiet", onclick: () => dialog.close() }, t("cancel"));
    const save = el("button", { type: "submit", className: "primary" }, t("save"));
    const form = el("form", {}, ...fields.rows, problem, el("div", { className: "buttons" }, cancel, save));
    const title = el("h2", { id: "settings-title" }, t("conversationSettings"));
    const dialog = /** @type {HTMLDialogElement} */ (
      el("dialog", { className: "wide", "aria-labelledby": "settings-title" }, title, form)
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.save(id, fields.read()).then(
        () => dialog.close(),
        (error) => (problem.textContent = explain(error, "action").what),
      );
    });
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  /** @param {string | null} id @param {Kept} kept */
  async save(id, kept) {
    if (id) await conversations.change(id, kept);
    else this.pending = kept;
    this.page.onSaved();
  }
}

/** The form's fields, from what is kept and back. */
class Fields {
  /** @param {Kept} kept */
  constructor({ system_prompt: prompt, params }) {
    this.params = params;
    this.prompt = /** @type {HTMLTextAreaElement} */ (
      el("textarea", { value: prompt, rows: 4, maxLength: 32000, dir: "auto", name: "system_prompt" })
    );
    this.thinking = /** @type {HTMLSelectElement} */ (
      el(
        "select",
        { name: "thinking" },
        ...["", "true", "false"].map((value) =>
          el("option", { value, selected: value === String(params.thinking ?? "") }, t(`thinking_${value || "auto"}`)),
        ),
      )
    );
    this.numbers = NUMBERS.map(([name, min, max, step]) =>
      /** @type {HTMLInputElement} */ (
        el("input", { type: "number", name, min, max, step, value: params[name] ?? "", placeholder: t("modelsOwn") })
      ),
    );
  }

  get rows() {
    const numbers = this.numbers.map((input) => el("label", {}, t(`param_${input.name}`), input));
    return [
      el("label", {}, t("systemPrompt"), this.prompt),
      el("div", { className: "params" }, ...numbers, el("label", {}, t("param_thinking"), this.thinking)),
    ];
  }

  /** What the form does not show stays as it is. @returns {Kept} */
  read() {
    const params = { ...this.params };
    for (const { name, value, valueAsNumber } of this.numbers) {
      if (value === "") delete params[name];
      else params[name] = valueAsNumber;
    }
    if (this.thinking.value === "") delete params.thinking;
    else params.thinking = this.thinking.value === "true";
    return { system_prompt: this.prompt.value, params };
  }
}
