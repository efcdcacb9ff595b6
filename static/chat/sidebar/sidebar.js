/**
 * The list of conversations: by date, or what a search found.
 *
 * @typedef {import("./listing.js").Conversation} Conversation
 */

import { conversations } from "../api.js";
import { byId } from "../dom.js";
import { explain, noticeBox } from "../errors.js";
import { announce } from "../status.js";
import { t } from "../strings.js";
import { Finder } from "./finder.js";
import { tellTimeZone } from "./groups.js";
import { Listing } from "./listing.js";
import { Organiser } from "./organiser.js";
import { Rows } from "./rows.js";

// While no news come by themselves, look again this often.
const LOOK_AGAIN = 15_000;

/**
 * @typedef {object} Hooks
 * @property {(id: string, message?: string) => void} onOpen
 * @property {(id: string) => void} onDeleted
 * @property {(id: string) => void} onRenamed
 *
 * @typedef {{news: [string, Conversation][]}} Reading the news since it began
 */

export class Sidebar {
  /** @param {Hooks} hooks */
  constructor(hooks) {
    this.hooks = hooks;
    this.listing = new Listing();
    /** @type {{query: string, items: any[], next: string | null} | null} */
    this.search = null;
    this.organiser = new Organiser(this);
    this.rows = new Rows(byId("conversations"), {
      open: (id, message) => this.hooks.onOpen(id, message),
      menu: (item) => this.organiser.open(item),
    });
    this.finder = new Finder({
      onQuery: (query) => void this.find(query),
      onView: (view) => void this.look(view),
    });
    this.more = byId("more-conversations");
    this.empty = byId("no-conversations");
    this.problem = byId("sidebar-problem");
    /** @type {string | null} */
    this.current = null;
    /** Whether news come by themselves (`onConversation`). */
    this.live = false;
    this.loading = false;
    /** @type {Reading[]} under way, in the order in which they began */
    this.readings = [];
    this.timer = 0;
    this.more.addEventListener("click", () => void this.loadMore());
    new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && void this.loadMore()).observe(this.more);
    document.addEventListener("visibilitychange", () => this.plan());
    tellTimeZone();
  }

  /** What is listed by date, whatever is searched for at the moment. */
  get items() {
    return this.listing.items;
  }

  // Reading

  /** Read the first page again; what was paged in below stays. */
  async refresh() {
    const { view } = this.listing;
    /** @type {Reading} */
    const reading = { news: [] };
    this.readings.push(reading);
    await this.read(async () => {
      const page = await conversations.list({ ...view });
      if (!this.settle(reading) || view !== this.listing.view) return;
      this.listing.refresh(page);
      // The page may be older than they are.
      for (const [action, conversation] of reading.news) this.listing.apply(action, conversation);
    });
    this.settle(reading);
    this.plan();
  }

  /** @param {Reading} reading that is over @returns {boolean} whether none that began later was sooner */
  settle(reading) {
    return this.readings.splice(0, this.readings.indexOf(reading) + 1).length > 0;
  }

  async loadMore() {
    const { search, listing } = this;
    const cursor = search ? search.next : listing.next;
    if (this.loading || !cursor) return;
    this.loading = true;
    const { view } = listing;
    await this.read(async () => {
      const page = await conversations.list({ ...view, q: search?.query, cursor });
      if (search) Object.assign(search, { items: [...search.items, ...page.items], next: page.next });
      else if (view === listing.view) listing.append(page);
    });
    this.loading = false;
  }

  /** @param {string} query nothing: back to the list */
  async find(query) {
    const search = (this.search = query ? { query, items: [], next: null } : null);
    if (!search) return this.draw();
    await this.read(async () => {
      const page = await conversations.list({ ...this.listing.view, q: query });
      Object.assign(search, page);
    });
    if (this.search === search) announce(search.items.length ? t("foundSome") : t("foundNone", { query }));
  }

  /** @param {import("./listing.js").View} view */
  async look(view) {
    this.listing.look(view);
    await this.refresh();
    if (this.search) await this.find(this.search.query);
  }

  /** @param {() => Promise<void>} reading */
  async read(reading) {
    try {
      await reading();
      this.problem.replaceChildren();
      this.draw();
    } catch (error) {
      this.showProblem(error);
    }
  }

  /** Ask now and then while nobody tells and somebody looks. */
  plan() {
    clearTimeout(this.timer);
    if (this.live || document.visibilityState !== "visible") return;
    this.timer = window.setTimeout(() => void this.refresh(), LOOK_AGAIN);
  }

  // News

  /** @param {boolean} live */
  setLive(live) {
    this.live = live;
    this.plan();
  }

  /**
   * News of one conversation.
   * @param {string} action created, updated or deleted
   * @param {Conversation} conversation
   */
  onConversation(action, conversation) {
    const { id } = conversation;
    this.listing.apply(action, conversation);
    for (const { news } of this.readings) news.push([action, conversation]);
    if (this.search) this.search.items = this.search.items.flatMap((item) => {
      if (item.id !== id) return [item];
      return action === "deleted" ? [] : [{ ...conversation, snippets: item.snippets }];
    });
    this.draw();
    if (action !== "deleted") this.hooks.onRenamed(id);
  }

  /** @param {string | null} id the open conversation */
  mark(id) {
    this.current = id;
    this.draw();
  }

  /** @param {string} id of a conversation that is being answered */
  markRunning(id) {
    const item = this.listing.get(id);
    if (!item || item.running) return;
    item.running = true;
    this.draw();
  }

  // Showing

  draw() {
    // The field in a row would lose what is written there.
    if (this.organiser.renaming) return;
    const { search, listing } = this;
    const items = search ? search.items : listing.items;
    this.rows.show(items, this.current, search ? t("found") : undefined);
    this.organiser.menu.mark();
    this.more.hidden = (search ? search.next : listing.next) === null;
    this.empty.hidden = items.length > 0;
    this.empty.textContent = this.nothing();
  }

  nothing() {
    if (this.search) return t("foundNone", { query: this.search.query });
    const { archived, tag } = this.listing.view;
    return t(archived ? "listNoneArchived" : tag ? "listNoneTagged" : "listNone");
  }

  /** @param {any} error */
  showProblem(error) {
    const told = { ...explain(error, "action"), retryable: true };
    this.problem.replaceChildren(noticeBox(told, () => void this.refresh()));
  }
}
