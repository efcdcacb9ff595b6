/**
 * Everything this page watches, over one connection.
 *
 * The socket carries it. Where the site can be reached but no socket opens (a proxy
 * in between), each watched generation gets a stream of its own until one does.
 */

import { ApiError } from "../api.js";
import { PageSocket, SIGNED_OUT } from "./socket.js";
import { Stream } from "./stream.js";
import { Watch } from "./watch.js";

// A failed check of reachability need not last long: the next one comes soon.
const PROBE_WITHIN = 5000;

/**
 * @typedef {object} Hooks
 * @property {(action: string, conversation: any) => void} onConversation one of the
 *   user's conversations changed, here or elsewhere
 * @property {() => void} onBack news come from now on; those before may have been missed
 * @property {() => void} onState `lost` or `direct` changed
 */

export class Connection {
  /** @param {Hooks} hooks */
  constructor(hooks) {
    this.hooks = hooks;
    /** @type {Map<string, Watch>} by generation */
    this.watches = new Map();
    /** @type {Map<string, Stream>} by generation; used while no socket opens */
    this.streams = new Map();
    /** Whether streams take the place of the socket. */
    this.streaming = false;
    this.signedOut = false;
    this.socketLost = false;
    this.socket = new PageSocket({
      onOpen: () => this.opened(),
      onLost: (code, failures) => void this.closed(code, failures),
      onMessage: (message) => this.take(message),
    });
    void this.socket.stayOpen();
  }

  /** Whether news come by themselves. */
  get direct() {
    return this.socket.open;
  }

  /** Whether what is watched cannot be heard at the moment. */
  get lost() {
    if (this.streaming) return [...this.streams.values()].some((stream) => stream.lost);
    return this.socketLost;
  }

  /**
   * Read a generation from its beginning.
   * @param {string} generation
   * @param {import("./watch.js").Handlers} handlers
   * @returns {Watch}
   */
  watch(generation, handlers) {
    this.watches.get(generation)?.close();
    const watch = new Watch(generation, handlers, () => this.unwatch(watch));
    this.watches.set(generation, watch);
    this.follow(watch);
    return watch;
  }

  /** @param {Watch} watch */
  follow(watch) {
    const { generation, cursor: after } = watch;
    if (this.socket.send({ type: "watch", generation, after }) || !this.streaming) return;
    const stream = new Stream(watch, () => this.hooks.onState());
    this.streams.set(generation, stream);
    void stream.run();
  }

  /** @param {Watch} watch */
  unwatch({ generation }) {
    this.watches.delete(generation);
    this.streams.get(generation)?.close();
    this.streams.delete(generation);
    this.socket.send({ type: "unwatch", generation });
    this.hooks.onState();
  }

  followAll() {
    for (const stream of this.streams.values()) stream.close();
    this.streams.clear();
    for (const watch of [...this.watches.values()]) this.follow(watch);
  }

  opened() {
    this.socketLost = this.streaming = this.signedOut = false;
    this.followAll();
    this.hooks.onState();
    // The first time too: the page read its lists before anybody would tell it news.
    this.hooks.onBack();
  }

  /** @param {number} code @param {number} failures */
  async closed(code, failures) {
    if (code === SIGNED_OUT) return this.refuseAll();
    this.socketLost = true;
    this.hooks.onState();
    if (this.streaming || failures === 0 || !(await isReachable()) || this.direct) return;
    this.streaming = true;
    this.followAll();
    this.hooks.onState();
  }

  refuseAll() {
    this.signedOut = true;
    const error = new ApiError({ status: 401, code: "unauthorized", message: "" });
    for (const watch of [...this.watches.values()]) watch.refuse(error);
    this.hooks.onState();
  }

  /** @param {any} message */
  take({ type, generation, seq, event, data, action, conversation, code, message }) {
    if (type === "conversation") return this.hooks.onConversation(action, conversation);
    const watch = this.watches.get(generation);
    if (type === "event") watch?.take({ seq, event, data });
    else if (type === "end") watch?.gone();
    else if (type === "error") watch?.refuse(new ApiError({ status: 404, code, message }));
  }
}

/** Whether the site answers at all. */
async function isReachable() {
  try {
    const signal = AbortSignal.timeout(PROBE_WITHIN);
    return (await fetch("/healthz", { cache: "no-store", signal })).ok;
  } catch {
    return false;
  }
}
