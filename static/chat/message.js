/**
 * How one message looks: the reader's own words, and an answer that may be growing.
 *
 * @typedef {object} Message
 * @property {string} id
 * @property {string | null} parent
 * @property {"user" | "assistant"} role
 * @property {string} content
 * @property {string} [reasoning]
 * @property {string} status
 * @property {string | null} [generation]
 * @property {string[]} [siblings]
 * @property {import("./answers/answer.js").Problem | null} [error]
 * @property {string | null} [finish_reason]
 * @property {number} [rating]
 * @property {string} [comment]
 *
 * @typedef {object} Actions what the reader can do to a message
 * @property {(message: Message) => void} regenerate
 * @property {(message: Message, prompt: string) => void} edit
 * @property {(id: string) => void} showSibling
 */

import { BlockRenderer } from "./blocks.js";
import { copyButton } from "./clipboard.js";
import { saidWith } from "./composing/files.js";
import { el, iconButton } from "./dom.js";
import { editForm } from "./edit.js";
import { explain, noticeBox } from "./errors.js";
import { feedbackButtons } from "./feedback.js";
import { t } from "./strings.js";

/** @param {Message} message @param {Actions} actions @returns {HTMLElement | null} */
function siblingArrows({ id, siblings = [] }, actions) {
  if (siblings.length < 2) return null;
  const at = siblings.indexOf(id);
  /** @param {string} name @param {string} label @param {number} to */
  const arrow = (name, label, to) => {
    const button = iconButton(name, t(label), () => actions.showSibling(siblings[to]));
    button.disabled = to < 0 || to >= siblings.length;
    return button;
  };
  const place = t("siblingPlace", { at: at + 1, of: siblings.length });
  const arrows = [arrow("left", "siblingBefore", at - 1), arrow("right", "siblingAfter", at + 1)];
  return el("span", { className: "siblings" }, arrows[0], el("span", {}, place), arrows[1]);
}

export class UserView {
  /** @param {Message} message @param {Actions} actions */
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
    const arrows = siblingArrows(message, actions);
    this.opener = iconButton("edit", t("edit"), () => this.edit());
    const copy = copyButton(() => message.content);
    this.bar.replaceChildren(copy, this.opener, ...(arrows ? [arrows] : []));
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

export class AssistantView {
  /** @param {Message} message @param {Actions} actions */
  constructor(message, actions) {
    this.message = message;
    this.actions = actions;
    this.body = el("div", { className: "prose", dir: "auto" });
    this.thoughts = el("div", { className: "prose" });
    this.summary = el("summary", {}, t("thinking"));
    this.reasoning = /** @type {HTMLDetailsElement} */ (
      el("details", { className: "reasoning", hidden: true }, this.summary, this.thoughts)
    );
    this.waiting = el("p", { className: "typing", hidden: true });
    this.note = el("div", { className: "note", hidden: true });
    this.bar = el("div", { className: "actions" });
    const title = el("h3", { className: "visually-hidden" }, t("assistant"));
    const parts = [title, this.reasoning, this.body, this.waiting, this.note, this.bar];
    this.node = el("article", { className: "message assistant" }, ...parts);
    this.blocks = new BlockRenderer(this.body);
    this.thoughtBlocks = new BlockRenderer(this.thoughts);
    this.touched = false;
    this.summary.addEventListener("click", () => (this.touched = true));
    /** Text of a checkpoint is shown until the stream has something better. */
    this.provisional = false;
  }

  /** Show a message that nobody is writing any more. */
  showFinished() {
    const { content, reasoning = "" } = this.message;
    this.blocks.finish(content);
    this.thoughtBlocks.finish(reasoning);
    this.reasoning.hidden = !reasoning;
    this.settle();
  }

  /** Begin to show one that is being written. */
  showGrowing() {
    const { content, reasoning = "" } = this.message;
    this.node.setAttribute("aria-busy", "true");
    this.provisional = Boolean(content || reasoning);
    this.blocks.reset(content);
    this.thoughtBlocks.reset(reasoning);
    this.reasoning.hidden = !reasoning;
    this.showWaiting(null, content);
  }

  /**
   * @param {import("./answers/answer.js").StreamEvent} event
   * @param {import("./answers/answer.js").Answer} answer the event included
   */
  update({ event, data }, answer) {
    if (event === "snapshot" || (event === "delta" && this.provisional)) {
      this.provisional = false;
      this.blocks.reset(answer.text);
      this.thoughtBlocks.reset(answer.reasoning);
    } else if (event === "delta") {
      this.blocks.append(data.text);
      this.thoughtBlocks.append(data.reasoning);
    }
    this.showReasoning(answer);
    this.showWaiting(answer.position, answer.text || (this.provisional ? "…" : ""));
  }

  /** Open while there is nothing else to read, unless the reader decided. */
  showReasoning({ text, reasoning }) {
    if (!reasoning && !this.provisional) this.reasoning.hidden = true;
    if (!reasoning) return;
    if (!this.touched) this.reasoning.open = !text;
    this.reasoning.hidden = false;
    this.summary.textContent = t(text ? "thoughts" : "thinking");
  }

  /** @param {number | null} position @param {string} text what there is already */
  showWaiting(position, text) {
    this.waiting.hidden = Boolean(text);
    if (text) return;
    const words = position ? t("queuePlace", { position }) : t("thinking");
    const dots = el("span", { className: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i"));
    const quiet = position ? "" : "visually-hidden";
    this.waiting.replaceChildren(dots, el("span", { className: quiet }, words));
  }

  /** Read no further here; the answer goes on. */
  leave() {
    this.blocks.frame.cancel();
    this.thoughtBlocks.frame.cancel();
  }

  /** Nobody reads on: leave what there is, and no sign of more to come. */
  giveUp() {
    this.blocks.frame.flush();
    this.node.removeAttribute("aria-busy");
    this.waiting.hidden = true;
  }

  /** @param {import("./answers/answer.js").Answer} answer that is finished */
  finish(answer) {
    const { message } = this;
    message.status = answer.status;
    message.content = answer.text;
    message.reasoning = answer.reasoning;
    message.error = answer.problem;
    message.finish_reason = answer.finishReason;
    this.showFinished();
    this.showReasoning(answer);
  }

  /** The end of an answer: how it ended, and what can be done with it. */
  settle() {
    const { message, actions } = this;
    this.node.dataset.message = message.id;
    this.node.removeAttribute("aria-busy");
    this.waiting.hidden = true;
    this.summary.textContent = t("thoughts");
    this.showEnding();
    const again = iconButton("again", t("regenerate"), () => actions.regenerate(message), "again");
    const arrows = siblingArrows(message, actions);
    const rated = message.status === "failed" ? [] : [feedbackButtons(message)];
    this.bar.replaceChildren(copyButton(() => message.content), again, ...rated, ...(arrows ? [arrows] : []));
  }

  showEnding() {
    const { message, actions } = this;
    const reason = message.status === "stopped" ? "stopped" : message.finish_reason;
    const quiet = { stopped: "endStopped", length: "endLength", content_filter: "endFilter" }[reason ?? ""];
    this.note.className = "note";
    this.note.hidden = message.status !== "failed" && !quiet;
    if (message.status === "failed") {
      const told = explain(message.error ?? { code: "failed", message: "", retryable: true }, "answer");
      this.note.replaceChildren(noticeBox(told, () => actions.regenerate(message)));
    } else {
      this.note.replaceChildren(quiet ? el("p", {}, t(quiet)) : "");
    }
  }
}
