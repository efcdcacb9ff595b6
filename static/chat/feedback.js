/**
 * What the reader thinks of an answer: good or bad, and why.
 *
 * @typedef {import("./messages/message.js").Message} Message
 */

import { call } from "./api.js";
import { el, iconButton } from "./dom.js";
import { explain } from "./errors.js";
import { announce } from "./status.js";
import { t } from "./strings.js";

const MAX_COMMENT = 2000;

/**
 * Two buttons, and a form for a word with it.
 * @param {Message} message
 * @returns {HTMLElement}
 */
export function feedbackButtons(message) {
  const good = iconButton("good", t("rateGood"), () => void rate(1));
  const bad = iconButton("bad", t("rateBad"), () => void rate(-1));
  const node = el("span", { className: "feedback" }, good, bad);

  const show = () => {
    good.setAttribute("aria-pressed", String(message.rating === 1));
    bad.setAttribute("aria-pressed", String(message.rating === -1));
  };

  /** @param {number} rating @param {string} comment */
  const keep = async (rating, comment) => {
    const before = { rating: message.rating, comment: message.comment };
    Object.assign(message, { rating, comment });
    show();
    try {
      await call("PUT", `/api/messages/${message.id}/feedback`, { rating, comment });
      return true;
    } catch (error) {
      Object.assign(message, before);
      show();
      announce(explain(error, "action").what);
      return false;
    }
  };

  /** A second click on the same takes it back. @param {number} rating */
  const rate = async (rating) => {
    node.parentElement?.parentElement?.querySelector("form.comment")?.remove();
    const taken = message.rating === rating;
    const kept = await keep(taken ? 0 : rating, taken ? "" : (message.comment ?? ""));
    if (!kept) return;
    announce(t(taken ? "rateTaken" : "rateThanks"));
    if (!taken) node.parentElement?.after(commentForm(message, (comment) => keep(rating, comment)));
  };

  show();
  return node;
}

/**
 * @param {Message} message
 * @param {(comment: string) => Promise<boolean>} keep
 */
function commentForm(message, keep) {
  const area = /** @type {HTMLTextAreaElement} */ (
    el("textarea", { rows: 2, maxLength: MAX_COMMENT, value: message.comment ?? "", dir: "auto" })
  );
  const close = el("button", { type: "button", className: "quiet", onclick: () => form.remove() }, t("cancel"));
  const save = el("button", { type: "submit", className: "primary" }, t("save"));
  const form = el(
    "form",
    { className: "comment" },
    el("label", {}, t("rateWhy"), area),
    el("div", { className: "buttons" }, close, save),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void keep(area.value.trim()).then((kept) => kept && (form.remove(), announce(t("rateThanks"))));
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    form.remove();
  });
  return form;
}
