/**
 * The page's one long connection, opened again whenever it is lost.
 *
 * HTTP/1.1 gives a browser six connections to a site, over all its tabs; sockets do
 * not count among them.
 */

import { delayFor, pause } from "../backoff.js";

export const SIGNED_OUT = 4401;
const LOST = 1006;
const RESTARTING = 1012;
const WAIT = 500;
// As a sleeping laptop or a changed network leaves it: dead, though nobody said so.
const SILENCE = 25_000;
const ANSWER_WITHIN = 5000;
// Somebody looks at the page again, and does not want to wait.
const ANSWER_SOON = 2500;
const OPEN_WITHIN = 10_000;

/**
 * @typedef {object} Hooks
 * @property {() => void} onOpen
 * @property {(code: number, failures: number) => void} onLost `failures`: how many
 *   times in a row it could not be opened
 * @property {(message: any) => void} onMessage
 */

export class PageSocket {
  /** @param {Hooks} hooks */
  constructor(hooks) {
    this.hooks = hooks;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.open = false;
    this.heard = 0;
    this.failures = 0;
    /** Milliseconds before the next try, at most. */
    this.wait = WAIT;
    /** Ends the connection that there is, as lost. */
    this.drop = () => {};
    this.never = new AbortController().signal;
  }

  /** Open it, for as long as the page lives. */
  async stayOpen() {
    this.listen();
    for (;;) {
      const code = await this.connect();
      this.failures = this.open ? 0 : this.failures + 1;
      this.open = false;
      this.socket = null;
      this.hooks.onLost(code, this.failures);
      await pause(delayFor(this.failures + 1, this.wait), this.never);
    }
  }

  listen() {
    setInterval(() => Date.now() - this.heard > SILENCE && this.check(ANSWER_WITHIN), 5000);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.check(ANSWER_SOON);
    });
    window.addEventListener("online", () => this.check(ANSWER_SOON));
    window.addEventListener("pageshow", () => this.check(ANSWER_SOON));
  }

  /** @returns {Promise<number>} the code it was closed with, when it was */
  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/`);
    this.socket = socket;
    return new Promise((resolve) => {
      this.drop = () => {
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close();
        resolve(LOST);
      };
      const timer = setTimeout(() => this.drop(), OPEN_WITHIN);
      socket.onopen = () => {
        clearTimeout(timer);
        this.wait = WAIT;
        this.open = true;
        this.heard = Date.now();
        this.hooks.onOpen();
      };
      socket.onmessage = ({ data }) => {
        this.heard = Date.now();
        this.hooks.onMessage(JSON.parse(data));
      };
      socket.onclose = ({ code, reason }) => {
        clearTimeout(timer);
        // A process that ends says to each page when to come back: not all at once.
        if (code === RESTARTING) this.wait = Number(reason) || WAIT;
        resolve(code);
      };
    });
  }

  /** Give it up unless something is heard soon. @param {number} limit milliseconds */
  check(limit) {
    const { socket, heard } = this;
    if (!this.open || !this.send({ type: "ping" })) return;
    setTimeout(() => this.socket === socket && this.heard === heard && this.drop(), limit);
  }

  /** @param {object} message @returns {boolean} whether there was a connection */
  send(message) {
    if (!this.open || this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }
}
