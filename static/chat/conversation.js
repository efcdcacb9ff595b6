/**
 * The open conversation: what is shown, what is being written, what can be done.
 *
 * @typedef {import("./message.js").Message} Message
 *
 * @typedef {object} Hooks
 * @property {(id: string) => void} onStarted a new conversation has its address
 * @property {(running: boolean) => void} onRunning
 * @property {(answer: import("./answer.js").Answer) => void} onAnswered
 * @property {(error: any, about: "question" | "action", retry: (() => void) | null) => void} onProblem
 * @property {(prompt: string) => void} onReturned a question that was not taken
 * @property {() => string | undefined} model
 */

import { conversations } from "./api.js";
import { LiveAnswer } from "./live.js";
import { AssistantView } from "./message.js";
import { Transcript } from "./transcript.js";

/** @param {Partial<Message>} parts @returns {Message} */
function blank(parts) {
  return { id: "", parent: null, role: "assistant", content: "", status: "queued", ...parts };
}

/** @param {Message} message */
function isLive({ status, generation }) {
  return Boolean(generation) && (status === "queued" || status === "running");
}

export class ConversationPane {
  /** @param {Hooks} hooks */
  constructor(hooks) {
    this.hooks = hooks;
    /** @type {string | null} */
    this.id = null;
    /** @type {LiveAnswer | null} */
    this.live = null;
    /** @type {string | null} cursor of the older messages */
    this.next = null;
    this.reading = new AbortController();
    this.transcript = new Transcript(
      {
        regenerate: (message) => this.regenerate(message),
        edit: (message, prompt) => this.edit(message, prompt),
        showSibling: (id) => void this.open(/** @type {string} */ (this.id), id),
      },
      () => void this.loadOlder(),
    );
  }

  get running() {
    return this.live !== null;
  }

  /** Let go of what is open; an answer that is being written goes on. */
  leave() {
    this.reading.abort();
    this.reading = new AbortController();
    this.live?.leave();
    this.setLive(null);
  }

  startNew() {
    this.leave();
    this.id = null;
    this.next = null;
    this.transcript.show([], false);
  }

  /**
   * @param {string} id
   * @param {string} [leaf] a message whose branch is wanted
   */
  async open(id, leaf) {
    this.leave();
    this.id = id;
    const { signal } = this.reading;
    try {
      const { items, next } = await conversations.messages(id, { leaf, signal });
      if (signal.aborted) return;
      this.next = next;
      this.transcript.show(items, next !== null);
      this.followLast();
    } catch (error) {
      if (!signal.aborted) this.hooks.onProblem(error, "action", () => void this.open(id, leaf));
    }
  }

  async loadOlder() {
    const { signal } = this.reading;
    if (!this.id || !this.next) return;
    try {
      const { items, next } = await conversations.messages(this.id, { cursor: this.next, signal });
      this.next = next;
      this.transcript.showOlder(items, next !== null);
    } catch (error) {
      if (!signal.aborted) this.hooks.onProblem(error, "action", () => void this.loadOlder());
    }
  }

  /** Take up an answer that was being written when the page was opened. */
  followLast() {
    const view = this.transcript.views.at(-1);
    if (!(view instanceof AssistantView) || !isLive(view.message)) return;
    this.follow({ generation: view.message.generation ?? "", after: 0 }, view, {});
  }

  /** @param {string} prompt */
  ask(prompt) {
    const question = this.transcript.add(blank({ role: "user", content: prompt, status: "done" }));
    const at = this.transcript.views.length - 1;
    const last = this.transcript.views[at - 1]?.message.id;
    const body = { prompt, model: this.hooks.model(), conversation: this.id ?? undefined, parent: last };
    this.write("/api/chat/stream", body, {
      onStart: (started) => {
        question.message.id = started.user_message;
        question.message.siblings = [started.user_message];
        if ("settle" in question) question.settle();
      },
      onRefused: (error) => {
        this.transcript.cut(at);
        this.hooks.onReturned(prompt);
        if (error) this.hooks.onProblem(error, "question", null);
      },
    });
  }

  /** @param {Message} message an answer to be given once more, or a question */
  regenerate(message) {
    if (this.running) return;
    const gone = this.transcript.cut(this.transcript.indexOf(message));
    const siblings = message.siblings ?? [message.id];
    this.write(`/api/messages/${message.id}/regenerate`, { model: this.hooks.model() }, {
      siblings,
      onRefused: (error) => {
        this.transcript.restore(gone);
        if (error) this.hooks.onProblem(error, "action", () => this.regenerate(message));
      },
    });
  }

  /** @param {Message} message @param {string} prompt */
  edit(message, prompt) {
    if (this.running) return;
    const at = this.transcript.indexOf(message);
    const gone = this.transcript.cut(at);
    const siblings = message.siblings ?? [message.id];
    const changed = blank({ role: "user", content: prompt, status: "done", parent: message.parent });
    const question = this.transcript.add(changed);
    this.write(`/api/messages/${message.id}/edit`, { prompt, model: this.hooks.model() }, {
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
   * @param {{siblings?: string[], onStart?: (started: any) => void, onRefused: (error: any) => void}} how
   */
  write(url, body, { siblings = [], onStart, onRefused }) {
    const view = /** @type {AssistantView} */ (this.transcript.add(blank({})));
    this.transcript.stick.toEnd();
    this.follow({ url, body }, view, {
      onStart: (/** @type {any} */ started) => {
        view.message.siblings = [...siblings, started.message];
        onStart?.(started);
        if (this.id === started.conversation) return;
        this.id = started.conversation;
        this.hooks.onStarted(started.conversation);
      },
      onRefused: (/** @type {any} */ error) => {
        this.transcript.cut(this.transcript.views.indexOf(view));
        onRefused(error);
      },
    });
  }

  /**
   * @param {ConstructorParameters<typeof LiveAnswer>[0]} what
   * @param {AssistantView} view
   * @param {{onStart?: (started: any) => void, onRefused?: (error: any) => void}} how
   */
  follow(what, view, how) {
    const live = new LiveAnswer(what, view, {
      onStart: (started) => how.onStart?.(started),
      onEnd: (answer) => {
        this.setLive(null);
        this.hooks.onAnswered(answer);
      },
      onRefused: (error) => {
        this.setLive(null);
        if (how.onRefused && !live.started) how.onRefused(error);
        else this.hooks.onProblem(error, "action", () => void this.open(/** @type {string} */ (this.id)));
      },
    });
    this.setLive(live);
    void live.run();
  }

  /** @param {LiveAnswer | null} live */
  setLive(live) {
    this.live = live;
    document.body.classList.toggle("answering", live !== null);
    this.hooks.onRunning(live !== null);
  }

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
