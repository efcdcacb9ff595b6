/**
 * Share a conversation: make the link, copy it, bring its copy up to date, revoke it.
 *
 * @typedef {object} Share
 * @property {string} id
 * @property {string} url
 * @property {string} conversation
 * @property {string} title
 * @property {number} messages
 * @property {boolean} reasoning
 * @property {string} updated
 */

import { call } from "../api.js";
import { copyButton } from "../clipboard.js";
import { ask } from "../dialogs.js";
import { el } from "../dom.js";
import { explain } from "../errors.js";
import { announce } from "../status.js";
import { formatNumber, sentences, t } from "../strings.js";

const shares = {
  /** @param {string} conversation @returns {Promise<Share | null>} */
  of: async (conversation) => (await call("GET", `/api/shares?conversation=${conversation}`)).items[0] ?? null,
  /** @returns {Promise<Share[]>} */
  all: async () => (await call("GET", "/api/shares")).items,
  /** @param {string} conversation @param {boolean} reasoning @returns {Promise<Share>} */
  put: (conversation, reasoning) => call("POST", `/api/conversations/${conversation}/share`, { reasoning }),
  /** @param {string} id */
  revoke: (id) => call("DELETE", `/api/shares/${id}`),
};

/** @param {string} moment */
function when(moment) {
  const language = document.documentElement.lang || undefined;
  return new Date(moment).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
}

/** @param {Share} share */
function linkRow({ url }) {
  const input = /** @type {HTMLInputElement} */ (
    el("input", { type: "text", readOnly: true, value: url, "aria-label": t("shareLink"), onfocus: () => input.select() })
  );
  return el("div", { className: "share-link" }, input, copyButton(() => url));
}

export class ShareDialog {
  /** @param {string} conversation */
  constructor(conversation) {
    this.conversation = conversation;
    /** @type {Share | null} */
    this.share = null;
    this.problem = el("p", { className: "field-error", role: "alert" });
    this.body = el("div", { className: "share-body" });
    this.thoughts = /** @type {HTMLInputElement} */ (el("input", { type: "checkbox" }));
    this.all = el("ul", { className: "share-all" });
    const more = el("details", { ontoggle: () => void this.showAll() }, el("summary", {}, t("shareAll")), this.all);
    const close = el("button", { type: "submit", className: "quiet" }, t("close"));
    this.more = /** @type {HTMLDetailsElement} */ (more);
    this.dialog = /** @type {HTMLDialogElement} */ (
      el(
        "dialog",
        { className: "wide share", "aria-labelledby": "share-title" },
        el("h2", { id: "share-title" }, t("shareTitle")),
        el("p", {}, t("shareWhat")),
        el("label", { className: "check" }, this.thoughts, t("shareThoughts")),
        this.body,
        this.problem,
        el("p", { className: "visually-hidden", role: "status" }),
        more,
        el("form", { method: "dialog", className: "buttons" }, close),
      )
    );
    this.dialog.addEventListener("close", () => this.dialog.remove());
  }

  open() {
    document.body.append(this.dialog);
    this.dialog.showModal();
    void this.act(async () => {
      this.share = await shares.of(this.conversation);
      this.thoughts.checked = this.share?.reasoning ?? false;
    });
  }

  /**
   * Do it, and show what came of it.
   * @param {() => Promise<string | void>} work gives what to announce
   */
  async act(work) {
    this.problem.textContent = "";
    try {
      const done = await work();
      this.draw();
      if (done) announce(done);
      if (this.more.open) await this.showAll();
    } catch (error) {
      const { what, next } = explain(error, "action");
      this.problem.textContent = sentences(what, next);
    }
  }

  draw() {
    const { share } = this;
    /** @param {string} words @param {string} className @param {() => void} onclick */
    const button = (words, className, onclick) => el("button", { type: "button", className, onclick }, words);
    if (!share) {
      const create = button(t("shareCreate"), "primary", () => void this.put(t("shareCreated")));
      this.body.replaceChildren(el("div", { className: "buttons" }, create));
      return;
    }
    const state = t("shareState", { count: formatNumber(share.messages), when: when(share.updated) });
    const update = button(t("shareUpdate"), "", () => void this.put(t("shareUpdated")));
    const revoke = button(t("shareRevoke"), "quiet", () => void this.revoke(share));
    const buttons = el("div", { className: "buttons" }, revoke, update);
    this.body.replaceChildren(linkRow(share), el("p", { className: "hint" }, state), buttons);
  }

  /** @param {string} done */
  put(done) {
    return this.act(async () => {
      this.share = await shares.put(this.conversation, this.thoughts.checked);
      return done;
    });
  }

  /** @param {Share} share */
  async revoke(share) {
    const question = el("p", {}, t("shareRevokeQuestion"));
    if (!(await ask(t("shareRevoke"), [question], t("shareRevoke"), "danger"))) return;
    await this.act(async () => {
      await shares.revoke(share.id);
      if (this.share?.id === share.id) this.share = null;
      return t("shareRevoked");
    });
  }

  async showAll() {
    if (!this.more.open) return;
    try {
      const every = await shares.all();
      const rows = every.map((share) => this.row(share));
      this.all.replaceChildren(...(rows.length ? rows : [el("li", { className: "hint" }, t("shareNone"))]));
    } catch (error) {
      this.problem.textContent = explain(error, "action").what;
    }
  }

  /** @param {Share} share */
  row(share) {
    const title = share.title || t("untitled");
    const revoke = el(
      "button",
      { type: "button", className: "quiet", "aria-label": t("shareRevokeNamed", { title }), onclick: () => void this.revoke(share) },
      t("shareRevoke"),
    );
    const link = el("a", { href: share.url, target: "_blank", dir: "auto" }, title);
    const named = el("div", {}, link, el("span", { className: "hint" }, when(share.updated)));
    return el("li", {}, named, copyButton(() => share.url), revoke);
  }
}
