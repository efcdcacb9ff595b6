/**
 * Which conversations are listed, and in which order. Draws nothing.
 *
 * @typedef {object} Conversation
 * @property {string} id
 * @property {string} title
 * @property {string} model
 * @property {boolean} pinned
 * @property {boolean} archived
 * @property {string} updated
 * @property {boolean} running
 * @property {string[]} tags
 *
 * @typedef {{items: Conversation[], next: string | null}} Page
 * @typedef {{archived: boolean, tag: string}} View
 */

/** @param {Conversation} a @param {Conversation} b as the server sorts them */
function compare(a, b) {
  if (a.pinned !== b.pinned) return a.pinned ? -1 : 1;
  const later = Date.parse(b.updated) - Date.parse(a.updated);
  return later || (a.id < b.id ? 1 : -1);
}

export class Listing {
  constructor() {
    /** @type {Conversation[]} */
    this.items = [];
    /** @type {string | null} where the next page begins */
    this.next = null;
    /** @type {View} */
    this.view = { archived: false, tag: "" };
  }

  /** @param {View} view */
  look(view) {
    this.view = view;
    this.items = [];
    this.next = null;
  }

  /** @param {string | null} id */
  get(id) {
    return this.items.find((item) => item.id === id) ?? null;
  }

  /** @param {Page} page the one behind what is listed */
  append({ items, next }) {
    const known = new Set(this.items.map(({ id }) => id));
    this.items.push(...items.filter(({ id }) => !known.has(id)));
    this.next = next;
  }

  /** @param {Page} page the first one, read again; what is listed behind it stays */
  refresh({ items, next }) {
    const last = items.at(-1);
    const known = new Set(items.map(({ id }) => id));
    const behind = this.items.filter((item) => !known.has(item.id) && last && compare(last, item) < 0);
    if (next === null || !behind.length) this.next = next;
    this.items = next === null ? items : [...items, ...behind];
  }

  /**
   * News of one conversation.
   * @param {string} action created, updated or deleted
   * @param {Conversation} conversation
   */
  apply(action, conversation) {
    this.items = this.items.filter(({ id }) => id !== conversation.id);
    if (action === "deleted" || !this.shows(conversation)) return;
    const at = this.items.findIndex((item) => compare(conversation, item) < 0);
    if (at >= 0) this.items.splice(at, 0, conversation);
    // Behind all that is listed it may belong on a page that was not asked for yet.
    else if (this.next === null) this.items.push(conversation);
  }

  /** @param {Conversation} conversation */
  shows({ archived, tags }) {
    return archived === this.view.archived && (!this.view.tag || tags.includes(this.view.tag));
  }
}
