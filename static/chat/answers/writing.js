/**
 * What makes the model write: a question, another version of one, another answer.
 *
 * @typedef {import("../messages/message.js").Message} Message
 * @typedef {import("../messages/assistant.js").AssistantView} AssistantView
 */

import { LiveAnswer } from "./live.js";

/** @param {Partial<Message>} parts @returns {Message} */
function blank(parts) {
  return { id: "", parent: null, role: "assistant", content: "", status: "queued", ...parts };
}

export class Writing {
  /** @param {import("../conversation.js").ConversationPane} pane */
  constructor(pane) {
    this.pane = pane;
    /** @type {LiveAnswer | null} */
    this.live = null;
  }

  get hooks() {
    return this.pane.hooks;
  }

  get transcript() {
    return this.pane.transcript;
  }

  /** @param {string} prompt */
  ask(prompt) {
    const { transcript, hooks, pane } = this;
    const question = transcript.add(blank({ role: "user", content: prompt, status: "done" }));
    const at = transcript.views.length - 1;
    const last = transcript.views[at - 1]?.message.id;
    const drawing = hooks.canvas();
    const first = drawing ? {} : hooks.first();
    const where = pane.id ? { conversation: pane.id, parent: last } : first;
    const size = drawing ? `${drawing.width}x${drawing.height}` : undefined;
    this.write(drawing ? "/api/images/stream" : "/api/chat/stream", { prompt, model: hooks.model(), size, ...where }, {
      begun: { drawing },
      onStart: (started) => {
        question.message.id = started.user_message;
        question.message.siblings = [started.user_message];
        if ("settle" in question) question.settle();
      },
      onRefused: (error) => {
        transcript.cut(at);
        hooks.onReturned(prompt);
        if (error) hooks.onProblem(error, "question", null);
      },
    });
  }

  /** @param {Message} message an answer to be given once more, or a question */
  regenerate(message) {
    if (this.live) return;
    const gone = this.transcript.cut(this.transcript.indexOf(message));
    this.write(`/api/messages/${message.id}/regenerate`, { model: this.hooks.modelLike(message) }, {
      siblings: message.siblings ?? [message.id],
      begun: { drawing: message.drawing },
      onRefused: (error) => {
        this.transcript.restore(gone);
        if (error) this.hooks.onProblem(error, "action", () => this.regenerate(message));
      },
    });
  }

  /**
   * Go on with an answer that was broken off: another one, which begins with its text.
   * @param {Message} message
   */
  goOn(message) {
    if (this.live) return;
    const gone = this.transcript.cut(this.transcript.indexOf(message));
    const { content, reasoning, model } = message;
    this.write(`/api/messages/${message.id}/continue`, {}, {
      siblings: message.siblings ?? [message.id],
      begun: { content, reasoning, model, goesOn: true },
      onRefused: (error) => {
        this.transcript.restore(gone);
        if (error) this.hooks.onProblem(error, "action", () => this.goOn(message));
      },
    });
  }

  /** @param {Message} message @param {string} prompt */
  edit(message, prompt) {
    if (this.live) return;
    const at = this.transcript.indexOf(message);
    const gone = this.transcript.cut(at);
    const before = gone[1]?.message ?? message;
    const siblings = message.siblings ?? [message.id];
    const changed = blank({ role: "user", content: prompt, status: "done", parent: message.parent });
    const question = this.transcript.add(changed);
    this.write(`/api/messages/${message.id}/edit`, { prompt, model: this.hooks.modelLike(before) }, {
      begun: { drawing: before.drawing },
      onStart: (started) => {
        changed.id = started.user_message;
        changed.siblings = [...siblings, changed.id];
        if ("settle" in question) question.settle();
      },
      onRefused: (error) => {
        this.transcript.cut(at);
        this.transcript.restore(gone);
        if (error) this.hooks.onProblem(error, "action", () => this.edit(message, prompt));
      },
    });
  }

  /**
   * Ask for an answer and show how it grows.
   * @param {string} url
   * @param {object} body
   * @param {object} how
   * @param {string[]} [how.siblings] the versions there are
   * @param {Partial<Message>} [how.begun] what it begins with
   * @param {(started: any) => void} [how.onStart]
   * @param {(error: any) => void} how.onRefused
   */
  write(url, body, { siblings = [], begun = {}, onStart, onRefused }) {
    const { transcript, pane } = this;
    const view = /** @type {AssistantView} */ (transcript.add(blank(begun)));
    transcript.stick.toEnd();
    this.follow({ url, body }, view, {
      onStart: (/** @type {any} */ started) => {
        view.message.siblings = [...siblings, started.message];
        onStart?.(started);
        if (pane.id === started.conversation) return;
        pane.id = started.conversation;
        this.hooks.onStarted(started.conversation);
      },
      onRefused: (/** @type {any} */ error) => {
        transcript.cut(transcript.views.indexOf(view));
        onRefused(error);
      },
    });
  }

  /**
   * @param {import("./live.js").What} what
   * @param {AssistantView} view
   * @param {{onStart?: (started: any) => void, onRefused?: (error: any) => void}} how
   */
  follow(what, view, how) {
    const { hooks, pane } = this;
    const live = new LiveAnswer(what, view, pane.connection, {
      onStart: (started) => how.onStart?.(started),
      onUnsent: (lost) => hooks.onUnsent(lost),
      onEnd: (answer) => {
        this.set(null);
        hooks.onAnswered(answer, view.pictures.drawn);
        void pane.heardLater();
      },
      onRefused: (error) => {
        this.set(null);
        if (how.onRefused && live.asking) how.onRefused(error);
        else hooks.onProblem(error, "action", () => void pane.open(/** @type {string} */ (pane.id)));
      },
    });
    this.set(live);
    void live.run();
  }

  /** @param {LiveAnswer | null} live */
  set(live) {
    this.live = live;
    document.body.classList.toggle("answering", live !== null);
    this.hooks.onRunning(live !== null);
  }

  /** Stop reading; the answer goes on. */
  leave() {
    this.live?.leave();
    this.set(null);
  }

  /** Stop the answer. */
  async stop() {
    const { live } = this;
    if (!live || live.stopping) return;
    try {
      await live.stop();
    } catch (error) {
      live.stopping = false;
      if (this.live === live) this.hooks.onProblem(error, "action", () => void this.stop());
    }
  }
}
