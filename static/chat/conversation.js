/**
 * The open conversation: what is shown of it, and that it stays in step with the
 * other pages that show it.
 *
 * @typedef {import("./messages/message.js").Message} Message
 *
 * @typedef {object} Hooks
 * @property {(id: string) => void} onStarted a new conversation has its address
 * @property {(running: boolean) => void} onRunning
 * @property {(lost: boolean) => void} onUnsent a question waits for the connection
 * @property {(answer: import("./answers/answer.js").Answer, drawn: boolean) => void} onAnswered
 * @property {(error: any, about: "question" | "action", retry: (() => void) | null) => void} onProblem
 * @property {(prompt: string) => void} onReturned a question that was not taken
 * @property {() => string | undefined} model
 * @property {(message: Message) => string | undefined} modelLike to answer again as this
 * @property {() => import("./messages/pictures.js").Canvas | null} canvas null: no
 *   picture is wanted
 * @property {(model: string) => boolean} canGoOn whether it continues a text
 * @property {() => object | undefined} first what a new conversation begins with
 */

import { conversations } from "./api.js";
import { Writing } from "./answers/writing.js";
import { AssistantView } from "./messages/assistant.js";
import { Transcript } from "./transcript.js";

// As many messages as one request brings.
const MANY = 100;

/** @param {Message} message */
function isLive({ status, generation }) {
  return Boolean(generation) && (status === "queued" || status === "running");
}

export class ConversationPane {
  /**
   * @param {import("./connection/connection.js").Connection} connection
   * @param {Hooks} hooks
   */
  constructor(connection, hooks) {
    this.connection = connection;
    this.hooks = hooks;
    /** @type {string | null} */
    this.id = null;
    /** @type {string | null} cursor of the older messages */
    this.next = null;
    /** @type {string | null} the last message of the path, as it was heard last */
    this.leaf = null;
    this.reading = new AbortController();
    /** What is open is read; the server has shown it before that. */
    this.opened = Promise.resolve();
    this.writing = new Writing(this);
    this.transcript = new Transcript(
      {
        regenerate: (message) => this.writing.regenerate(message),
        goOn: (message) => this.writing.goOn(message),
        canGoOn: ({ model }) => this.hooks.canGoOn(model ?? ""),
        edit: (message, prompt) => this.writing.edit(message, prompt),
        promptOf: (message) => this.transcript.promptOf(message),
        showSibling: (id) => void this.open(/** @type {string} */ (this.id), id),
      },
      () => void this.loadOlder(),
    );
  }

  get running() {
    return this.writing.live !== null;
  }

  /** Whether what is being made is a picture. */
  get drawing() {
    return this.writing.live?.view.pictures.drawn ?? false;
  }

  /** Let go of what is open; an answer that is being written goes on. */
  leave() {
    this.reading.abort();
    this.reading = new AbortController();
    this.leaf = null;
    this.writing.leave();
  }

  startNew() {
    this.leave();
    this.id = null;
    this.next = null;
    this.opened = Promise.resolve();
    this.transcript.show([], false);
  }

  /**
   * @param {string} id
   * @param {string} [leaf] a message whose branch is wanted
   */
  open(id, leaf) {
    this.leave();
    this.id = id;
    this.opened = this.read(id, leaf);
    return this.opened;
  }

  /** @param {string} id @param {string} [leaf] */
  async read(id, leaf) {
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

  /**
   * Open it on the branch of a message, where that message stands.
   * @param {string} id
   * @param {string} message
   */
  async openAt(id, message) {
    await this.open(id, message);
    const { signal } = this.reading;
    while (!signal.aborted && !this.transcript.reveal(message) && this.next) {
      const before = this.next;
      await this.loadOlder(MANY);
      if (this.next === before) return; // it failed, and was said
    }
  }

  /** @param {string} prompt */
  async ask(prompt) {
    const { signal } = this.reading;
    await this.opened;
    if (signal.aborted || this.running) this.hooks.onReturned(prompt);
    else this.writing.ask(prompt);
  }

  /** @param {number} [limit] */
  async loadOlder(limit) {
    const { signal } = this.reading;
    await this.opened;
    if (signal.aborted || !this.id || !this.next) return;
    try {
      const cursor = this.next;
      const { items, next } = await conversations.messages(this.id, { cursor, limit, signal });
      // Asked for twice, it is shown once.
      if (signal.aborted || cursor !== this.next) return;
      this.next = next;
      this.transcript.showOlder(items, next !== null);
    } catch (error) {
      if (!signal.aborted) this.hooks.onProblem(error, "action", () => void this.loadOlder());
    }
  }

  /** Take up an answer that somebody writes already. */
  followLast() {
    const view = this.transcript.views.at(-1);
    if (!(view instanceof AssistantView) || !isLive(view.message)) return;
    this.writing.follow({ generation: view.message.generation ?? "" }, view, {});
  }

  /**
   * Another page, perhaps on another device, may have written here.
   * @param {{id: string, leaf: string | null}} conversation
   */
  async heard({ id, leaf }) {
    if (id !== this.id || !leaf) return;
    this.leaf = leaf;
    await this.heardLater();
  }

  /** What was heard while an answer was written waits for its end. */
  async heardLater() {
    const shown = this.transcript.views.at(-1)?.message.id;
    if (this.running || this.leaf === null || this.leaf === shown) return;
    await this.catchUp();
  }

  /** Read the conversation again; what is shown already stays as it is. */
  async catchUp() {
    const { signal } = this.reading;
    if (!this.id || this.running) return;
    try {
      const { items, next } = await conversations.messages(this.id, { signal });
      if (signal.aborted || this.running) return;
      if (this.transcript.merge(items, next !== null)) this.next = next;
      this.leaf = items.at(-1)?.id ?? null;
      this.followLast();
    } catch {
      // Nobody asked for it: the next news bring it up again.
    }
  }
}
