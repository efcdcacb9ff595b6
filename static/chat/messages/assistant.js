/**
 * An answer: one that is complete, or one that is being written.
 */

import { Typewriter } from "../answers/typewriter.js";
import { BlockRenderer } from "../blocks.js";
import { copyButton } from "../clipboard.js";
import { el, icon, iconButton } from "../dom.js";
import { explain, noticeBox } from "../errors.js";
import { feedbackButtons } from "../feedback.js";
import { preferences } from "../preferences.js";
import { t } from "../strings.js";
import { Figures } from "./figures.js";
import { present, siblingArrows } from "./message.js";
import { downloadLink } from "./picture.js";
import { Pictures } from "./pictures.js";
import { Thoughts } from "./thoughts.js";

/** @type {Record<string, string>} how it ended, if not as it should */
const ENDS = { stopped: "endStopped", length: "endLength", content_filter: "endFilter" };
/** @type {Record<string, string>} */
const ENDS_OF_PICTURES = { stopped: "endStoppedPicture", content_filter: "endFilterPicture" };

export class AssistantView {
  /**
   * @param {import("./message.js").Message} message
   * @param {import("./message.js").Actions} actions
   */
  constructor(message, actions) {
    this.message = message;
    this.actions = actions;
    this.body = el("div", { className: "prose", dir: "auto" });
    this.thoughts = new Thoughts();
    this.pictures = new Pictures(message, () => actions.promptOf(message));
    this.waiting = el("p", { className: "typing", hidden: true });
    this.note = el("div", { className: "note", hidden: true });
    this.bar = el("div", { className: "actions" });
    this.figures = new Figures(message);
    const title = el("h3", { className: "visually-hidden" }, t("assistant"));
    const said = [this.thoughts.node, this.body, this.pictures.node, this.waiting, this.note];
    this.node = el("article", { className: "message assistant" }, title, ...said, this.bar, this.figures.panel);
    this.blocks = new BlockRenderer(this.body);
    this.typewriter = new Typewriter((text) => this.blocks.append(text), preferences());
    /** Text of a checkpoint is shown until the stream has something better. */
    this.provisional = false;
    const { goesOn, content, reasoning = "" } = message;
    /** How much it began with. */
    this.head = goesOn ? content.length + reasoning.length : 0;
  }

  /** Show a message that nobody is writing any more. */
  showFinished() {
    const { content, reasoning = "", timing } = this.message;
    this.typewriter.clear();
    this.blocks.finish(content);
    this.thoughts.finish(reasoning, timing?.thinking_ms);
    this.pictures.showFinished();
    this.settle();
  }

  /** Begin to show one that is being written. */
  showGrowing() {
    const { content, reasoning = "", timing } = this.message;
    this.node.setAttribute("aria-busy", "true");
    this.provisional = Boolean(content || reasoning);
    this.blocks.reset(content);
    this.thoughts.reset(reasoning);
    if (content) this.thoughts.conclude(timing?.thinking_ms);
    else if (reasoning) this.thoughts.begin(timing?.thinking_ms ?? 0);
    this.pictures.showGrowing();
    this.showWaiting(null, this.pictures.drawn || (this.provisional && !this.head));
    this.bar.replaceChildren(this.figures.button);
  }

  /**
   * @param {import("../answers/answer.js").StreamEvent} event
   * @param {import("../answers/answer.js").Answer} answer the event included
   */
  update({ event, data }, answer) {
    if (this.pictures.drawn) return this.pictures.update(answer);
    if (event === "snapshot" || (event === "delta" && this.provisional)) {
      this.provisional = false;
      this.typewriter.clear();
      this.blocks.reset(answer.text);
      this.thoughts.reset(answer.reasoning);
    } else if (event === "delta") {
      this.typewriter.append(data.text);
      this.thoughts.append(data.reasoning);
    }
    if (answer.text) this.thoughts.conclude();
    else if (answer.reasoning) this.thoughts.begin();
    const size = answer.text.length + answer.reasoning.length;
    this.showWaiting(answer.position, this.provisional || size > this.head);
  }

  /** @param {number | null} position in the queue @param {boolean} begun */
  showWaiting(position, begun) {
    if (begun && this.waiting.hidden) return;
    this.waiting.hidden = begun;
    if (begun) return;
    const words = position ? t("queuePlace", { position }) : t("thinking");
    const dots = el("span", { className: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i"));
    const quiet = position ? "" : "visually-hidden";
    this.waiting.replaceChildren(dots, el("span", { className: quiet }, words));
  }

  /** Read no further here; the answer goes on. */
  leave() {
    this.typewriter.clear();
    this.blocks.frame.cancel();
    this.thoughts.leave();
    this.figures.leave();
  }

  /** Nobody reads on: leave what there is, and no sign of more to come. */
  giveUp() {
    this.blocks.frame.flush();
    this.pictures.leave();
    this.node.removeAttribute("aria-busy");
    this.waiting.hidden = true;
  }

  /**
   * Show the rest and how it ended.
   * @param {import("../answers/answer.js").Answer} answer that is finished
   * @param {() => void} done when all of it is shown
   */
  finish(answer, done) {
    const { message } = this;
    message.status = answer.status;
    message.content = answer.text;
    message.reasoning = answer.reasoning;
    message.error = answer.problem;
    message.finish_reason = answer.finishReason;
    message.images = answer.images;
    message.usage = answer.usage;
    message.timing = answer.timing;
    this.typewriter.end(() => {
      this.showFinished();
      done();
    });
    // What was stopped must not seem to go on.
    if (answer.status !== "done") this.typewriter.skip();
  }

  /** The end of an answer: how it ended, and what can be done with it. */
  settle() {
    const { message, actions, pictures } = this;
    this.node.dataset.message = message.id;
    this.node.removeAttribute("aria-busy");
    this.waiting.hidden = true;
    this.showEnding();
    const copy = pictures.drawn
      ? copyButton(() => actions.promptOf(message), t("copyPrompt"))
      : copyButton(() => message.content);
    const verb = t(pictures.drawn ? "drawAgain" : "regenerate");
    const again = iconButton("again", verb, () => actions.regenerate(message), "again");
    // Of several, each has its own in full size.
    const save = message.images?.length === 1 ? downloadLink(message.images[0]) : null;
    const rated = message.status === "failed" ? null : feedbackButtons(message);
    const arrows = siblingArrows(message, actions);
    this.bar.replaceChildren(...present(copy, save, again, rated, this.figures.button, arrows));
    this.figures.refresh();
  }

  showEnding() {
    const { message, actions } = this;
    const failed = message.status === "failed";
    const reason = message.status === "stopped" ? "stopped" : message.finish_reason;
    const quiet = (this.pictures.drawn ? ENDS_OF_PICTURES : ENDS)[reason ?? ""];
    this.note.hidden = !failed && !quiet;
    if (failed) {
      const about = this.pictures.drawn ? "picture" : "answer";
      const told = explain(message.error ?? { code: "failed", message: "", retryable: true }, about);
      this.note.replaceChildren(noticeBox(told, () => actions.regenerate(message)));
    } else {
      this.note.replaceChildren(el("p", {}, quiet ? t(quiet) : ""));
    }
    const place = failed ? this.note.firstElementChild : this.note;
    if (canContinue(message) && actions.canGoOn(message)) place?.append(this.goOnButton());
  }

  goOnButton() {
    const { message, actions } = this;
    const onclick = () => actions.goOn(message);
    return el("button", { type: "button", className: "go-on", onclick }, icon("right"), t("goOn"));
  }
}

/** @param {import("./message.js").Message} message whether it was broken off, behind some text */
function canContinue({ status, finish_reason: reason, content, reasoning }) {
  const cut = status === "stopped" || status === "failed" || reason === "length";
  return cut && Boolean(content || reasoning);
}
