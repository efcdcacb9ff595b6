/**
 * The reader's own words.
 */

import { copyButton } from "../clipboard.js";
import { saidWith } from "../composing/files.js";
import { el, iconButton } from "../dom.js";
import { editForm } from "../edit.js";
import { t } from "../strings.js";
import { present, siblingArrows } from "./message.js";

export class UserView {
  /**
   * @param {import("./message.js").Message} message
   * @param {import("./message.js").Actions} actions
   */
  constructor(message, actions) {
    this.message = message;
    this.actions = actions;
    this.bar = el("div", { className: "actions" });
    this.text = el("div", { className: "user-text", dir: "auto" }, ...saidWith(message.content));
    this.node = el(
      "article",
      { className: "message user" },
      el("h3", { className: "visually-hidden" }, t("you")),
      this.text,
      this.bar,
    );
    this.settle();
  }

  /** Show the actions, once the server knows the message. */
  settle() {
    const { message, actions } = this;
    if (!message.id) return;
    this.node.dataset.message = message.id;
    this.opener = iconButton("edit", t("edit"), () => this.edit());
    const copy = copyButton(() => message.content);
    this.bar.replaceChildren(...present(copy, this.opener, siblingArrows(message, actions)));
  }

  edit() {
    const form = editForm(this.message.content, (prompt) => {
      form.replaceWith(this.text);
      this.node.classList.remove("editing");
      if (prompt !== null) this.actions.edit(this.message, prompt);
      else this.opener?.focus();
    });
    this.node.classList.add("editing");
    this.text.replaceWith(form);
    form.querySelector("textarea")?.focus();
  }
}
