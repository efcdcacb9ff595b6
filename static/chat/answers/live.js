/**
 * An answer that is being written: what reads it, the view that shows it, and the
 * way to stop it.
 */

import { generations } from "../api.js";
import { ask } from "../connection/ask.js";
import { Answer } from "./answer.js";

/**
 * @typedef {{url: string, body: unknown} | {generation: string}} What a question to
 *   ask, or an answer that is being written already
 *
 * @typedef {object} Hooks
 * @property {(started: any) => void} onStart the server knows the question
 * @property {(answer: Answer) => void} onEnd
 * @property {(error: any) => void} onRefused there is no answer to follow
 * @property {(lost: boolean) => void} onUnsent whether the question waits for the
 *   connection
 */

export class LiveAnswer {
  /**
   * @param {What} what
   * @param {import("../messages/assistant.js").AssistantView} view
   * @param {import("../connection/connection.js").Connection} connection
   * @param {Hooks} hooks
   */
  constructor(what, view, connection, hooks) {
    this.question = "url" in what ? what : null;
    this.generation = "generation" in what ? what.generation : null;
    this.view = view;
    this.connection = connection;
    this.hooks = hooks;
    this.answer = new Answer();
    this.abort = new AbortController();
    /** @type {import("../connection/watch.js").Watch | null} */
    this.watch = null;
    this.stopping = false;
    this.unsent = false;
  }

  /** Whether the question was asked here, and is not known to be taken. */
  get asking() {
    return this.generation === null;
  }

  async run() {
    try {
      if (this.question) await this.ask(this.question);
    } catch (error) {
      return this.refused(error);
    }
    if (this.generation === null || this.abort.signal.aborted) return;
    this.watch = this.connection.watch(this.generation, {
      onEvent: (event) => this.take(event),
      onGone: () => void this.fetchRest(),
      onRefused: (error) => this.refused(error),
    });
  }

  /** @param {{url: string, body: unknown}} question */
  async ask(question) {
    const started = await ask(question, this.abort.signal, (lost) => {
      this.unsent = lost;
      this.hooks.onUnsent(lost);
    });
    if (started) this.begin(started);
  }

  /** Stop reading; the answer goes on and can be followed again. */
  leave() {
    this.abort.abort();
    this.watch?.close();
    if (this.unsent) this.hooks.onUnsent(false);
    this.view.leave();
  }

  /** @param {any} error */
  refused(error) {
    this.leave();
    this.view.giveUp();
    this.hooks.onRefused(error);
  }

  /** Stop the answer itself. What is there is kept. */
  async stop() {
    this.stopping = true;
    // It has ended, but is still being typed: the reader has waited long enough.
    if (this.answer.finished) return this.view.typewriter.skip();
    if (this.generation) return generations.stop(this.generation);
    // Not even asked yet, as far as we know: give the question back.
    if (!this.unsent) return undefined;
    this.leave();
    this.hooks.onRefused(null);
    return undefined;
  }

  /** @param {import("../connection/ask.js").Started} started */
  begin(started) {
    this.generation = started.generation;
    this.view.message.id = started.message;
    this.view.message.generation = started.generation;
    this.view.message.model = started.model;
    this.hooks.onStart(started);
    if (this.stopping) void this.stop().catch(() => (this.stopping = false));
  }

  /** @param {import("./answer.js").StreamEvent} event */
  take(event) {
    this.answer.apply(event);
    if (this.answer.finished) return this.end();
    this.view.update(event, this.answer);
  }

  end() {
    this.view.finish(this.answer, () => this.hooks.onEnd(this.answer));
  }

  /** The stream is gone, so the stored answer is all there is. */
  async fetchRest() {
    try {
      const stored = await generations.get(this.generation ?? "", this.abort.signal);
      this.answer.adopt(stored);
      this.end();
    } catch (error) {
      if (!this.abort.signal.aborted) this.refused(error);
    }
  }
}
