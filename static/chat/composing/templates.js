/**
 * Prompts of one's own: choose one, keep what is written, change, delete.
 *
 * @typedef {{id: number, name: string, text: string}} Template
 */

import { call } from "../api.js";
import { byId, el, iconButton } from "../dom.js";
import { explain } from "../errors.js";
import { t } from "../strings.js";

const templates = {
  list: () => call("GET", "/api/templates"),
  /** @param {{name: string, text: string}} body */
  create: (body) => call("POST", "/api/templates", body),
  /** @param {number} id @param {{name: string, text: string}} body */
  change: (id, body) => call("PATCH", `/api/templates/${id}`, body),
  /** @param {number} id */
  remove: (id) => call("DELETE", `/api/templates/${id}`),
};

export class TemplatePicker {
  /**
   * @param {object} page
   * @param {(text: string) => void} page.onChosen
   * @param {() => string} page.written what could become a template
   */
  constructor(page) {
    this.page = page;
    this.opener = byId("templates");
    this.opener.addEventListener("click", () => void this.open());
    /** @type {Template[]} */
    this.items = [];
  }

  async open() {
    this.filter = /** @type {HTMLInputElement} */ (
      el("input", { type: "search", "aria-label": t("templateFilter"), placeholder: t("templateFilter") })
    );
    this.list = el("ul", { className: "templates" });
    this.problem = el("p", { className: "field-error", role: "alert" });
    const add = el("button", { type: "button", onclick: () => this.edit(null) }, t("templateNew"));
    const close = el("button", { type: "button", className: "quiet", onclick: () => this.dialog?.close() }, t("close"));
    this.body = el("div", {}, this.filter, this.list, el("div", { className: "buttons" }, add, close));
    this.dialog = /** @type {HTMLDialogElement} */ (
      el("dialog", { "aria-labelledby": "templates-title" }, el("h2", { id: "templates-title" }, t("templates")), this.problem, this.body)
    );
    this.dialog.addEventListener("close", () => this.dialog?.remove());
    this.filter.addEventListener("input", () => this.draw());
    this.filter.addEventListener("keydown", (event) => this.keyed(event));
    document.body.append(this.dialog);
    this.dialog.showModal();
    await this.load();
  }

  async load() {
    await this.doing(async () => {
      this.items = (await templates.list()).items;
    });
    this.draw();
  }

  /** @param {() => Promise<void>} work @returns {Promise<boolean>} whether it went well */
  async doing(work) {
    try {
      await work();
      this.problem?.replaceChildren();
      return true;
    } catch (error) {
      const told = explain(error, "action");
      this.problem?.replaceChildren(`${told.what} ${told.next}`);
      return false;
    }
  }

  get shown() {
    const wanted = this.filter?.value.trim().toLowerCase() ?? "";
    return this.items.filter(({ name, text }) => `${name}\n${text}`.toLowerCase().includes(wanted));
  }

  /** Enter takes the first one that fits. @param {KeyboardEvent} event */
  keyed(event) {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    if (this.shown[0]) this.choose(this.shown[0]);
  }

  draw() {
    const rows = this.shown.map((item) => this.row(item));
    this.list?.replaceChildren(...(rows.length ? rows : [el("li", { className: "muted" }, t(this.items.length ? "templateNone" : "templatesEmpty"))]));
  }

  /** @param {Template} item */
  row(item) {
    const { name, text } = item;
    const start = text.length > 90 ? `${text.slice(0, 90)}…` : text;
    const choose = el(
      "button",
      { type: "button", className: "quiet template", onclick: () => this.choose(item) },
      el("strong", { dir: "auto" }, name),
      el("small", { dir: "auto" }, start),
    );
    const edit = iconButton("edit", t("templateEdit", { name }), () => this.edit(item));
    const remove = iconButton("trash", t("templateDelete", { name }), () => void this.remove(item));
    return el("li", {}, choose, edit, remove);
  }

  /** @param {Template} item */
  choose(item) {
    this.dialog?.close();
    this.page.onChosen(item.text);
  }

  /** @param {Template} item */
  async remove(item) {
    if (await this.doing(() => templates.remove(item.id))) await this.load();
    this.filter?.focus();
  }

  /** @param {Template | null} item null: a new one */
  edit(item) {
    const name = /** @type {HTMLInputElement} */ (
      el("input", { type: "text", value: item?.name ?? "", maxLength: 80, required: true, dir: "auto" })
    );
    const text = /** @type {HTMLTextAreaElement} */ (
      el("textarea", { value: item?.text ?? this.page.written(), rows: 6, required: true, maxLength: 32000, dir: "auto" })
    );
    const back = el("button", { type: "button", className: "quiet" }, t("cancel"));
    const save = el("button", { type: "submit", className: "primary" }, t("save"));
    const form = el(
      "form",
      {},
      el("label", {}, t("templateName"), name),
      el("label", {}, t("templateText"), text),
      el("div", { className: "buttons" }, back, save),
    );
    const leave = () => form.replaceWith(/** @type {HTMLElement} */ (this.body));
    back.addEventListener("click", leave);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const body = { name: name.value, text: text.value };
      void this.doing(() => (item ? templates.change(item.id, body) : templates.create(body))).then(
        (well) => well && (leave(), this.load()),
      );
    });
    this.body?.replaceWith(form);
    name.focus();
  }
}
