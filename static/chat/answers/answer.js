/**
 * An answer as its events describe it. Pure: no network, no page.
 *
 * @typedef {object} Problem
 * @property {string} code
 * @property {string} message
 * @property {boolean} retryable
 *
 * @typedef {object} StreamEvent
 * @property {number} seq
 * @property {string} event
 * @property {any} data
 *
 * @typedef {object} Step of drawing: `step` of `steps` is done
 * @property {number} step
 * @property {number} steps
 * @property {string} image a data URL: what there is to see by now
 */

export class Answer {
  constructor() {
    /** @type {"queued" | "running" | "done" | "stopped" | "failed"} */
    this.status = "queued";
    /** @type {number | null} place in the queue, from 1 */
    this.position = null;
    this.text = "";
    this.reasoning = "";
    /** @type {Step | null} the newest one */
    this.step = null;
    /** @type {import("../messages/pictures.js").Picture[]} */
    this.images = [];
    this.attempt = 0;
    /** @type {string | null} */
    this.finishReason = null;
    /** @type {Problem | null} */
    this.problem = null;
    /** @type {import("../messages/message.js").Usage | null} */
    this.usage = null;
    /** @type {import("../messages/message.js").Timing | null} */
    this.timing = null;
  }

  get finished() {
    return this.status !== "queued" && this.status !== "running";
  }

  /**
   * @param {StreamEvent} event an unknown name changes nothing
   */
  apply({ event, data }) {
    if (event === "queued") {
      this.position = data.position;
    } else if (event === "start") {
      // It comes again when another process continues the answer: the text stays.
      this.attempt = data.attempt;
    } else if (event === "delta") {
      this.begin();
      this.text += data.text ?? "";
      this.reasoning += data.reasoning ?? "";
    } else if (event === "snapshot") {
      this.begin();
      this.text = data.text ?? "";
      this.reasoning = data.reasoning ?? "";
    } else if (event === "step") {
      this.begin();
      this.step = data;
    } else if (event === "done") {
      this.status = data.finish_reason === "stopped" ? "stopped" : "done";
      this.finishReason = data.finish_reason;
      this.images = data.images ?? [];
      this.usage = data.usage ?? null;
      this.timing = data.timing ?? null;
    } else if (event === "error") {
      this.status = "failed";
      this.problem = data;
    }
  }

  /** @param {any} stored the generation, as the API gives it */
  adopt({ text, reasoning, status, error, finish_reason: reason, usage, timing, images = [] }) {
    Object.assign(this, { text, reasoning, status, usage, timing, images });
    this.finishReason = reason;
    this.problem = error ?? null;
  }

  begin() {
    this.status = "running";
    this.position = null;
  }
}
