/**
 * A line of the list: a link to the conversation and the opener of its menu.
 *
 * @typedef {import("./listing.js").Conversation} Conversation
 *
 * @typedef {object} Snippet
 * @property {string | null} message none: it is the title
 * @property {string} text
 * @property {[number, number][]} ranges
 *
 * @typedef {object} Actions
 * @property {(id: string, message?: string) => void} open
 * @property {(item: Conversation) => void} menu
 */

import { el, iconButton } from "../dom.js";
import { t } from "../strings.js";
import { marked } from "./marks.js";

/** @param {Conversation & {snippets?: Snippet[]}} item */
function heading(item) {
  const found = item.snippets?.find(({ message }) => message === null);
  const title = found ? marked(found.text, found.ranges) : [item.title || t("untitled")];
  return el("span", { className: "row-title", dir: "auto" }, ...title);
}

/** @param {Snippet} snippet */
function quote({ text, ranges }) {
  return el("span", { className: "snippet", dir: "auto" }, ...marked(text, ranges));
}

/**
 * @param {Conversation & {snippets?: Snippet[]}} item
 * @param {boolean} current whether it is open
 * @param {Actions} actions
 */
export function drawRow(item, current, actions) {
  const title = item.title || t("untitled");
  const said = item.snippets?.find(({ message }) => message !== null);
  const at = said?.message ?? undefined;
  const href = `/c/${item.id}/${at ? `?at=${at}` : ""}`;
  const link = el("a", { href, title, draggable: false }, heading(item));
  link.dataset.id = item.id;
  if (current) link.setAttribute("aria-current", "page");
  if (item.running) {
    link.append(el("i", { className: "pulse", title: t("running") }));
    link.append(el("span", { className: "visually-hidden" }, t("running")));
  }
  if (item.tags.length) {
    link.append(el("span", { className: "row-tags", dir: "auto" }, item.tags.join(" · ")));
  }
  if (said) link.append(quote(said));
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    actions.open(item.id, at);
  });
  const opener = iconButton("more", t("menuNamed", { title }), () => actions.menu(item), "row-menu-opener");
  opener.setAttribute("aria-haspopup", "menu");
  opener.setAttribute("aria-expanded", "false");
  return el("li", {}, link, opener);
}
