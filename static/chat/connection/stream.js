/**
 * One generation over a request of its own: where a proxy lets no socket through.
 *
 * A connection is only a reader. Lost, it comes back with the last number seen.
 */

import { errorFrom, networkError, send } from "../api.js";
import { delayFor, pause } from "../backoff.js";
import { SseParser } from "../sse.js";

// The server sends at least a comment every 15 s; a connection that stays silent for
// longer is dead, though nobody told us (a sleeping laptop, a changed network).
const SILENCE = 40_000;
// A tab that comes back checks sooner.
const SILENCE_ON_RETURN = 18_000;

export class Stream {
  /**
   * @param {import("./watch.js").Watch} watch
   * @param {(lost: boolean) => void} onLost
   */
  constructor(watch, onLost) {
    this.watch = watch;
    this.onLost = onLost;
    this.abort = new AbortController();
    this.failures = 0;
    this.retry = 1000;
    this.heard = 0;
    this.lost = false;
  }

  close() {
    this.abort.abort();
  }

  get over() {
    return this.abort.signal.aborted || this.watch.over;
  }

  /** Read to the end of the generation. */
  async run() {
    while (!this.over) {
      let wait = 0;
      try {
        await this.connect();
      } catch (error) {
        if (this.over) return;
        const { retryable, retryAfter } = /** @type {import("../api.js").ApiError} */ (error);
        if (!retryable) return this.watch.refuse(/** @type {any} */ (error));
        wait = (retryAfter ?? 0) * 1000;
      }
      if (this.over) return;
      this.failures += 1;
      this.setLost(true);
      await pause(wait || delayFor(this.failures, this.retry), this.abort.signal);
    }
  }

  /** @param {boolean} lost */
  setLost(lost) {
    this.lost = lost;
    this.onLost(lost);
  }

  async connect() {
    const connection = new AbortController();
    const { generation, cursor } = this.watch;
    const signal = AbortSignal.any([this.abort.signal, connection.signal]);
    const unguard = this.guard(connection);
    try {
      const headers = { Accept: "text/event-stream", "Last-Event-ID": String(cursor) };
      const url = `/api/generations/${generation}/stream?after=${cursor}`;
      const response = await send("GET", url, { signal, headers });
      if (response.status === 204) return this.watch.gone();
      if (!response.ok || !response.body) throw await errorFrom(response);
      this.setLost(false);
      await this.read(response.body);
    } catch (error) {
      if (/** @type {any} */ (error)?.name === "ApiError") throw error;
      // Aborted by the guard, or cut in the middle of the body.
      throw networkError();
    } finally {
      unguard();
      connection.abort();
    }
  }

  /** @param {ReadableStream<Uint8Array>} body */
  async read(body) {
    const parser = new SseParser();
    const reader = body.getReader();
    while (!this.over) {
      const { value, done } = await reader.read();
      if (done) return;
      this.heard = Date.now();
      this.failures = 0;
      const events = parser.feed(value);
      if (parser.retry !== null) this.retry = parser.retry;
      for (const { id, event, data } of events) {
        this.watch.take({ seq: Number(id), event, data: JSON.parse(data) });
      }
    }
  }

  /** Give up a connection that has gone silent. @param {AbortController} connection */
  guard(connection) {
    this.heard = Date.now();
    /** @param {number} limit */
    const check = (limit) => Date.now() - this.heard > limit && connection.abort();
    const back = () => document.visibilityState === "visible" && check(SILENCE_ON_RETURN);
    const online = () => check(2000);
    const timer = setInterval(() => check(SILENCE), 5000);
    document.addEventListener("visibilitychange", back);
    window.addEventListener("online", online);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", back);
      window.removeEventListener("online", online);
    };
  }
}
