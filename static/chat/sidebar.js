/**
 * The list of conversations.
 *
 * @typedef {object} Conversation
 * @property {string} id
 * @property {string} title
 * @property {string} model
 * @property {boolean} running
 */

import { conversations } from "./api.js";
import { askDelete, askTitle } from "./dialogs.js";
import { byId, el, iconButton } from "./dom.js";
import { explain, noticeBox } from "./errors.js";
import { announce } from "./status.js";
import { t } from "./strings.js";

// While another conversation's answer is being written, look again this often.
const LOOK_AGAIN = 4000;
// News that come within this time are one.
const NEWS_TOGETHER = 100;

export class Sidebar {
  /**
   * @param {{onOpen: (id: string) => void, onDeleted: (id: string) => void,
   *   onRenamed: (id: string, title: string) => void}} hooks
   */
  constructor(hooks) {
    this.hooks = hooks;
    this.list = byId("conversations");
    this.more = byId("more-conversations");
    this.empty = byId("no-conversations");
    /** @type {Conversation[]} */
    this.items = [];
    /** @type {string | null} */
    this.next = null;
    /** Whether more than the first page was asked for. */
    this.paged = false;
    /** @type {string | null} */
    this.current = null;
    this.timer = 0;
    this.news = 0;
    /** Whether news come by themselves (`onConversation`). */
    this.live = false;
    this.more.addEventListener("click", () => void this.load(this.next));
    document.addEventListener("visibilitychange", () => this.plan());
  }

  /** Read the first page again; what was paged in below stays. */
  async refresh() {
    await this.load(null);
  }

  /**
   * News of one conversation.
   * @param {string} _action created, updated or deleted
   * @param {Conversation} _conversation
   */
  onConversation(_action, _conversation) {
    clearTimeout(this.news);
    this.news = window.setTimeout(() => void this.refresh(), NEWS_TOGETHER);
  }

  /** @param {boolean} live */
  setLive(live) {
    this.live = live;
    this.plan();
  }

  /** @param {string | null} cursor */
  async load(cursor) {
    try {
      const { items, next } = await conversations.list(cursor);
      const known = new Set(items.map((/** @type {Conversation} */ item) => item.id));
      const others = this.items.filter((item) => !known.has(item.id));
      const again = cursor === null;
      if (!again) this.items = [...others, ...items];
      else this.items = this.paged ? [...items, ...others] : items;
      if (!again || !this.paged) this.next = next;
      this.paged ||= !again;
      this.draw();
    } catch (error) {
      this.showProblem(error);
    }
    this.plan();
  }

  /** Ask again while an answer is being written somewhere and somebody looks. */
  plan() {
    clearTimeout(this.timer);
    const running = this.items.some((item) => item.running && item.id !== this.current);
    if (!running || this.live || document.visibilityState !== "visible") return;
    this.timer = window.setTimeout(() => void this.refresh(), LOOK_AGAIN);
  }

  /** @param {any} error */
  showProblem(error) {
    const told = { ...explain(error, "action"), retryable: true };
    const retry = () => void this.refresh();
    const rows = [...this.list.children].filter((row) => row.className !== "problem");
    this.list.replaceChildren(el("li", { className: "problem" }, noticeBox(told, retry)), ...rows);
  }

  /** @param {string | null} id the open conversation */
  mark(id) {
    this.current = id;
    this.draw();
    this.plan();
  }

  /** @param {string} id of a conversation that is being answered */
  markRunning(id) {
    const item = this.items.find((one) => one.id === id);
    if (!item || item.running) return;
    item.running = true;
    this.draw();
  }

  draw() {
    // The focus must not fall out of the list when it is drawn again.
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.closest("#conversations a");
    const href = focused?.getAttribute("href");
    this.list.replaceChildren(...this.items.map((item) => this.row(item)));
    this.more.hidden = this.next === null;
    this.empty.hidden = this.items.length > 0;
    if (href) /** @type {HTMLElement | null} */ (this.list.querySelector(`a[href="${href}"]`))?.focus();
  }

  /** @param {Conversation} item */
  row(item) {
    const title = item.title || t("untitled");
    const link = el("a", { href: `/c/${item.id}/`, title }, el("span", { dir: "auto" }, title));
    if (item.id === this.current) link.setAttribute("aria-current", "page");
    if (item.running) {
      link.append(el("i", { className: "pulse", title: t("running") }));
      link.append(el("span", { className: "visually-hidden" }, t("running")));
    }
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      this.hooks.onOpen(item.id);
    });
    const rename = iconButton("edit", t("renameNamed", { title }), () => void this.rename(item));
    const remove = iconButton("trash", t("deleteNamed", { title }), () => void this.remove(item));
    return el("li", {}, link, el("span", { className: "row-actions" }, rename, remove));
  }

  /** @param {Conversation} item */
  async rename(item) {
    const title = await askTitle(item.title);
    if (title === null) return;
    await this.act(async () => {
      await conversations.change(item.id, { title });
      item.title = title;
      this.hooks.onRenamed(item.id, title);
    });
  }

  /** @param {Conversation} item */
  async remove(item) {
    if (!(await askDelete(item.title || t("untitled")))) return;
    await this.act(async () => {
      await conversations.remove(item.id);
      this.items = this.items.filter((one) => one !== item);
      announce(t("deleted"));
      this.hooks.onDeleted(item.id);
    });
  }

  /** @param {() => Promise<void>} change */
  async act(change) {
    try {
      await change();
      this.draw();
    } catch (error) {
      this.draw();
      this.showProblem(error);
    }
  }
}
