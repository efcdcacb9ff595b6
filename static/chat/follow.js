/**
 * Follow a generation: a connection is only a reader of it.
 *
 * The first request asks (POST); every later one resumes (GET, after the last event
 * seen), so losing a connection never asks twice. Should the first one be lost before
 * it answered, it is sent again with the same Idempotency-Key, which the server
 * answers with the same generation.
 *
 * @typedef {import("./answer.js").StreamEvent} StreamEvent
 *
 * @typedef {object} Handlers
 * @property {(event: StreamEvent) => void} onEvent each new event, once
 * @property {(state: "connecting" | "open" | "lost") => void} [onState]
 * @property {() => void} [onGone] finished, and the server has nothing more to send
 */

import { errorFrom, networkError, send } from "./api.js";
import { delayFor, pause } from "./backoff.js";
import { SseParser } from "./sse.js";

// The server sends at least a comment every 15 s; a connection that stays silent for
// longer is dead, though nobody told us (a sleeping laptop, a changed network).
const SILENCE = 40_000;
// A tab that comes back checks sooner.
const SILENCE_ON_RETURN = 18_000;
const TERMINAL = new Set(["done", "error"]);

export class Follower {
  /**
   * @param {{url: string, body: unknown} | {generation: string, after?: number}} what
   * @param {Handlers} handlers
   */
  constructor(what, handlers) {
    this.ask = "url" in what ? what : null;
    this.generation = "generation" in what ? what.generation : null;
    this.cursor = ("after" in what && what.after) || 0;
    this.handlers = handlers;
    this.key = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    this.abort = new AbortController();
    this.failures = 0;
    this.retry = 1000;
    this.heard = 0;
    this.ended = false;
  }

  /** Stop reading. The generation goes on. */
  close() {
    this.abort.abort();
  }

  get closed() {
    return this.abort.signal.aborted;
  }

  /**
   * Read to the end of the generation.
   * @returns {Promise<void>} throws an `ApiError` when trying again cannot help
   */
  async run() {
    while (!this.ended && !this.closed) {
      try {
        await this.connect();
      } catch (error) {
        if (this.closed) return;
        if (!this.isPassing(error)) throw error;
        this.wait = /** @type {import("./api.js").ApiError} */ (error).retryAfter;
      }
      if (this.ended || this.closed) return;
      this.failures += 1;
      this.handlers.onState?.("lost");
      const delay = this.wait ? this.wait * 1000 : delayFor(this.failures, this.retry);
      this.wait = null;
      await pause(delay, this.abort.signal);
    }
  }

  /** @param {any} error whether reading on is worth another try */
  isPassing(error) {
    if (error?.name !== "ApiError") return false;
    if (this.generation) return error.retryable;
    // Not taken yet, as far as we know. A refusal with a code of ours is an answer;
    // a proxy's error page or a broken connection says nothing.
    return ["network", "http_502", "http_503", "http_504"].includes(error.code);
  }

  async connect() {
    this.handlers.onState?.("connecting");
    const connection = new AbortController();
    const give = () => connection.abort();
    this.abort.signal.addEventListener("abort", give);
    const unwatch = this.watch(connection);
    try {
      const response = await this.request(connection.signal);
      if (response.status === 204) return this.gone();
      if (!response.ok || !response.body) throw await errorFrom(response);
      this.handlers.onState?.("open");
      await this.read(response.body);
    } catch (error) {
      // Aborted by the watchdog, or cut in the middle of the body.
      if (/** @type {any} */ (error)?.name === "ApiError") throw error;
      if (error instanceof SyntaxError) throw error;
      throw networkError();
    } finally {
      unwatch();
      this.abort.signal.removeEventListener("abort", give);
      connection.abort();
    }
  }

  /** @param {AbortSignal} signal */
  request(signal) {
    if (this.generation) {
      const headers = { Accept: "text/event-stream", "Last-Event-ID": String(this.cursor) };
      const url = `/api/generations/${this.generation}/stream?after=${this.cursor}`;
      return send("GET", url, { signal, headers });
    }
    const { url, body } = /** @type {{url: string, body: unknown}} */ (this.ask);
    const headers = { Accept: "text/event-stream", "Idempotency-Key": this.key };
    return send("POST", url, { body, signal, headers });
  }

  gone() {
    this.ended = true;
    this.handlers.onGone?.();
  }

  /** @param {ReadableStream<Uint8Array>} body */
  async read(body) {
    const parser = new SseParser();
    const reader = body.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.heard = Date.now();
      const events = parser.feed(value);
      if (parser.retry !== null) this.retry = parser.retry;
      for (const event of events) this.take(event);
      if (this.ended) return;
    }
  }

  /** @param {import("./sse.js").ServerEvent} event */
  take({ id, event, data }) {
    const seq = Number(id);
    // A reader that came back may be told again what it knows.
    if (this.closed || this.ended || !(seq > this.cursor)) return;
    const parsed = JSON.parse(data);
    this.cursor = seq;
    this.failures = 0;
    if (event === "start") this.generation = parsed.generation;
    if (TERMINAL.has(event)) this.ended = true;
    this.handlers.onEvent({ seq, event, data: parsed });
  }

  /** Give up a connection that has gone silent. @param {AbortController} connection */
  watch(connection) {
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
