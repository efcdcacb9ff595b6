/**
 * An answer that is being written: the connection that reads it, the view that shows
 * it, and the way to stop it.
 */

import { generations } from "./api.js";
import { Answer } from "./answer.js";
import { Follower } from "./follow.js";

/**
 * @typedef {object} Hooks
 * @property {(started: any) => void} onStart the server knows the question
 * @property {(answer: Answer) => void} onEnd
 * @property {(error: any) => void} onRefused there is no answer to follow
 */

export class LiveAnswer {
  /**
   * @param {ConstructorParameters<typeof Follower>[0]} what
   * @param {import("./message.js").AssistantView} view
   * @param {Hooks} hooks
   */
  constructor(what, view, hooks) {
    this.view = view;
    this.hooks = hooks;
    this.answer = new Answer();
    this.started = false;
    this.stopping = false;
    this.lost = false;
    this.follower = new Follower(what, {
      onEvent: (event) => this.take(event),
      onState: (state) => this.show(state),
      onGone: () => void this.fetchRest(),
    });
  }

  async run() {
    try {
      await this.follower.run();
    } catch (error) {
      this.leave();
      this.view.giveUp();
      this.hooks.onRefused(error);
    }
  }

  /** Stop reading; the answer goes on and can be followed again. */
  leave() {
    this.follower.close();
    this.view.blocks.frame.cancel();
    this.view.thoughtBlocks.frame.cancel();
  }

  /** Stop the answer itself. What is there is kept. */
  async stop() {
    this.stopping = true;
    const { generation } = this.follower;
    if (generation) return generations.stop(generation);
    // Not even asked yet, as far as we know: give the question back.
    if (!this.lost) return undefined;
    this.leave();
    this.hooks.onRefused(null);
    return undefined;
  }

  /** @param {import("./answer.js").StreamEvent} event */
  take(event) {
    this.answer.apply(event);
    if (event.event === "start") this.begin(event.data);
    if (this.answer.finished) return this.end();
    this.view.update(event, this.answer);
  }

  /** @param {any} data */
  begin(data) {
    if (this.started) return;
    this.started = true;
    this.view.message.id = data.message;
    this.view.message.generation = data.generation;
    this.hooks.onStart(data);
    if (this.stopping) void this.stop().catch(() => (this.stopping = false));
  }

  end() {
    this.view.finish(this.answer);
    this.hooks.onEnd(this.answer);
  }

  /** @param {"connecting" | "open" | "lost"} state */
  show(state) {
    if (state === "connecting") return;
    this.lost = state === "lost";
    this.view.showConnection(this.lost, this.follower.generation !== null);
  }

  /** The stream is gone, so the stored answer is all there is. */
  async fetchRest() {
    try {
      const stored = await generations.get(this.follower.generation ?? "");
      const { text, reasoning, status, error, finish_reason: reason } = stored;
      this.answer.apply({ seq: 0, event: "snapshot", data: { text, reasoning } });
      this.answer.status = status;
      this.answer.finishReason = reason;
      this.answer.problem = error ?? null;
      if (!this.follower.closed) this.end();
    } catch (error) {
      if (!this.follower.closed) this.hooks.onRefused(error);
    }
  }
}
