/**
 * Bytes of a text/event-stream to events: the mirror of chat/sse.py.
 *
 * Pure: no network, no page. It holds back what a chunk leaves unfinished (half a
 * character, half a line, a CR that may belong to a CRLF) until the next one comes.
 *
 * @typedef {object} ServerEvent
 * @property {string} id the last id seen, "" if none
 * @property {string} event
 * @property {string} data
 */

export class SseParser {
  constructor() {
    // Stream mode keeps the first bytes of a cut character; a BOM is dropped.
    this.decoder = new TextDecoder("utf-8");
    this.buffer = "";
    this.scanned = 0;
    this.skipLineFeed = false;
    this.lastId = "";
    /** @type {number | null} what the server asked for, in milliseconds */
    this.retry = null;
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
    else if (field === "id" && !value.includes("\0")) this.lastId = value;
    else if (field === "retry" && /^[0-9]+$/.test(value)) this.retry = Number(value);
    return null;
  }

  /** @returns {ServerEvent | null} */
  dispatch() {
    const event = { id: this.lastId, event: this.name || "message", data: this.data.join("\n") };
    const empty = this.data.length === 0;
    this.name = "";
    this.data = [];
    return empty ? null : event;
  }
}
