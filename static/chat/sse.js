/**
 * Server-Sent Events over fetch. Copy this file: it needs no other, in a browser or in
 * Node, and is free to use under the project's licence (Apache-2.0).
 *
 *     import { follow } from "./sse.js";
 *
 *     const connect = (lastId, signal) =>
 *       fetch(url, { signal, headers: { Authorization: key, "Last-Event-ID": lastId } });
 *     const isLast = ({ event }) => event === "done" || event === "error";
 *     for await (const { event, data } of follow(connect, { isLast })) {
 *       if (event === "delta") show(JSON.parse(data).text);
 *     }
 *
 * The browser's EventSource is shorter, and enough for a page of the site itself. This
 * one also sends headers and POST, tells why it was refused, and finds out about
 * connections that died without a word.
 *
 * `follow` reads to the end, over as many connections as that takes:
 *
 * - A lost connection is made again, behind the last event that was seen whole. The
 *   server's `retry:` and `Retry-After` say when; without them the pauses grow, each a
 *   little different, so that a thousand pages do not come back in the same instant.
 * - A connection that is silent for longer than a heartbeat is given up as lost.
 * - The end is an event that is the last one, or status 204. An end of the body is not:
 *   a server that restarts ends it, too.
 * - A refusal that no retry mends (any other 4xx) is thrown, as `StreamError`.
 *
 * `SseParser` turns bytes into events (WHATWG HTML, section 9.2): lines end with LF,
 * CRLF or CR; what a chunk leaves unfinished (half a character, half a line, a CR that
 * may belong to a CRLF) is held back until the next one comes.
 *
 * @typedef {object} ServerEvent
 * @property {string} id the last id seen, "" if none
 * @property {string} event
 * @property {string} data
 *
 * @typedef {object} Options
 * @property {(event: ServerEvent) => boolean} [isLast] nothing follows this one
 * @property {AbortSignal} [signal] ends the reading
 * @property {number} [silence] milliseconds after which a silent connection is lost
 */

// Longer than two of the server's heartbeats.
const SILENCE = 40_000;
const LONGEST_PAUSE = 15_000;
const FIRST_PAUSE = 1000;

/** The server refused. `response` is unread. */
export class StreamError extends Error {
  /** @param {Response} response */
  constructor(response) {
    super(`the server answered with status ${response.status}`);
    this.name = "StreamError";
    this.response = response;
  }

  /** Whether the same request may succeed later. */
  get retryable() {
    const { status } = this.response;
    return status === 408 || status === 429 || status >= 500;
  }

  /** What the server asks for, in milliseconds; 0 if nothing. */
  get pause() {
    return 1000 * Number(this.response.headers.get("Retry-After") ?? 0) || 0;
  }
}

/**
 * @param {(lastId: string, signal: AbortSignal) => Promise<Response>} connect asks for
 *   what follows the id; "" asks for everything
 * @param {Options} [options]
 * @returns {AsyncGenerator<ServerEvent, void, void>}
 */
export async function* follow(connect, { isLast, signal, silence = SILENCE } = {}) {
  const parser = new SseParser();
  let failures = 0;
  while (!signal?.aborted) {
    const connection = new Connection(silence, signal);
    let pause = 0;
    try {
      const response = await connect(parser.lastId, connection.signal);
      if (response.status === 204) return;
      if (!response.ok || !response.body) throw new StreamError(response);
      for await (const bytes of connection.read(response.body)) {
        for (const event of parser.feed(bytes)) {
          failures = 0;
          yield event;
          if (isLast?.(event)) return;
        }
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof StreamError) {
        if (!error.retryable) throw error;
        pause = error.pause;
      }
    } finally {
      connection.close();
    }
    parser.reset();
    failures += 1;
    await sleep(pause || delayFor(failures, parser.retry ?? FIRST_PAUSE), signal);
  }
}

/** One connection, given up when it stays silent. */
class Connection {
  /** @param {number} silence @param {AbortSignal} [signal] */
  constructor(silence, signal) {
    this.controller = new AbortController();
    this.outer = signal;
    this.end = () => this.controller.abort();
    this.heard = Date.now();
    this.timer = setInterval(() => {
      if (Date.now() - this.heard > silence) this.end();
    }, silence / 4);
    signal?.addEventListener("abort", this.end);
  }

  get signal() {
    return this.controller.signal;
  }

  /** @param {ReadableStream<Uint8Array>} body */
  async *read(body) {
    const reader = body.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.heard = Date.now();
      yield value;
    }
  }

  close() {
    clearInterval(this.timer);
    this.outer?.removeEventListener("abort", this.end);
    this.end();
  }
}

/**
 * Doubles with each failure; at least half of it is waited.
 * @param {number} failures in a row, from 1
 * @param {number} base in milliseconds
 */
export function delayFor(failures, base = FIRST_PAUSE) {
  const longest = Math.min(LONGEST_PAUSE, base * 2 ** Math.min(failures - 1, 10));
  return longest * (0.5 + Math.random() * 0.5);
}

/** @param {number} ms @param {AbortSignal} [signal] ends it early */
function sleep(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve(undefined);
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
}

/** Pure: no network, no page. */
export class SseParser {
  constructor() {
    /** the id of the last event that came whole */
    this.lastId = "";
    /** @type {number | null} what the server asked for, in milliseconds */
    this.retry = null;
    this.reset();
  }

  /** Forget what is unfinished: another connection begins. */
  reset() {
    // Stream mode keeps the first bytes of a cut character; a BOM is dropped.
    this.decoder = new TextDecoder("utf-8");
    this.buffer = "";
    this.scanned = 0;
    this.skipLineFeed = false;
    this.id = this.lastId;
    this.name = "";
    /** @type {string[]} */
    this.data = [];
  }

  /**
   * @param {Uint8Array} bytes
   * @returns {ServerEvent[]} the events these bytes complete
   */
  feed(bytes) {
    /** @type {ServerEvent[]} */
    const events = [];
    for (const line of this.takeLines(this.decoder.decode(bytes, { stream: true }))) {
      const event = this.takeLine(line);
      if (event) events.push(event);
    }
    return events;
  }

  /** @param {string} text @returns {string[]} the lines it completes */
  takeLines(text) {
    if (text && this.skipLineFeed) {
      this.skipLineFeed = false;
      if (text[0] === "\n") text = text.slice(1);
    }
    this.buffer += text;
    const lines = [];
    const ending = /\r\n?|\n/g;
    // What was searched before is not searched again, however long the line.
    ending.lastIndex = this.scanned;
    let start = 0;
    for (let match = ending.exec(this.buffer); match; match = ending.exec(this.buffer)) {
      lines.push(this.buffer.slice(start, match.index));
      start = ending.lastIndex;
      if (match[0] === "\r" && start === this.buffer.length) this.skipLineFeed = true;
    }
    this.buffer = this.buffer.slice(start);
    this.scanned = this.buffer.length;
    return lines;
  }

  /** @param {string} line @returns {ServerEvent | null} the event that it ends */
  takeLine(line) {
    if (line === "") return this.dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.data.push(value);
    else if (field === "event") this.name = value;
    else if (field === "id" && !value.includes("\0")) this.id = value;
    else if (field === "retry" && /^[0-9]+$/.test(value)) this.retry = Number(value);
    return null;
  }

  /** @returns {ServerEvent | null} */
  dispatch() {
    this.lastId = this.id;
    const event = { id: this.id, event: this.name || "message", data: this.data.join("\n") };
    const empty = this.data.length === 0;
    this.name = "";
    this.data = [];
    return empty ? null : event;
  }
}
