/**
 * One generation that the page reads, whatever carries its events.
 *
 * It holds the cursor, so a change of carrier loses nothing and repeats nothing.
 *
 * @typedef {import("../answers/answer.js").StreamEvent} StreamEvent
 *
 * @typedef {object} Handlers
 * @property {(event: StreamEvent) => void} onEvent each new event, once
 * @property {() => void} onGone finished, and the server has nothing more to send
 * @property {(error: import("../api.js").ApiError) => void} onRefused reading on
 *   cannot help
 */

const TERMINAL = new Set(["done", "error"]);

export class Watch {
  /**
   * @param {string} generation
   * @param {Handlers} handlers
   * @param {(watch: Watch) => void} onOver nothing more is wanted
   */
  constructor(generation, handlers, onOver) {
    this.generation = generation;
    this.handlers = handlers;
    this.onOver = onOver;
    /** The number of the last event seen. */
    this.cursor = 0;
    this.over = false;
  }

  /**
   * A reader that came back may be told what it knows. One that begins hears `start`
   * first, with number 1: all before that was meant for an earlier one.
   * @param {StreamEvent} event
   */
  take(event) {
    if (this.over || !(event.seq > this.cursor)) return;
    if (this.cursor === 0 && event.seq !== 1) return;
    this.cursor = event.seq;
    if (TERMINAL.has(event.event)) this.close();
    this.handlers.onEvent(event);
  }

  gone() {
    if (this.over) return;
    this.close();
    this.handlers.onGone();
  }

  /** @param {import("../api.js").ApiError} error */
  refuse(error) {
    if (this.over) return;
    this.close();
    this.handlers.onRefused(error);
  }

  /** Stop reading. The generation goes on. */
  close() {
    if (this.over) return;
    this.over = true;
    this.onOver(this);
  }
}
