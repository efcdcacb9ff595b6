/**
 * A message as the API gives it, and what can be done with it.
 *
 * @typedef {object} Timing milliseconds; null: not known, or not so
 * @property {number | null} queue_ms
 * @property {number | null} ttft_ms
 * @property {number | null} thinking_ms
 * @property {number | null} total_ms
 * @property {number | null} tokens_per_second
 *
 * @typedef {object} Usage
 * @property {number} prompt_tokens
 * @property {number} completion_tokens
 *
 * @typedef {object} Message
 * @property {string} id
 * @property {string | null} parent
 * @property {"user" | "assistant"} role
 * @property {string} content
 * @property {string} [reasoning]
 * @property {string} status
 * @property {string | null} [generation]
 * @property {string | null} [model]
 * @property {string[]} [siblings]
 * @property {import("../answers/answer.js").Problem | null} [error]
 * @property {string | null} [finish_reason]
 * @property {number} [rating]
 * @property {string} [comment]
 * @property {Usage | null} [usage]
 * @property {Timing | null} [timing]
 * @property {boolean} [goesOn] it begins with the text of an earlier one
 * @property {import("./pictures.js").Canvas | null} [drawing] what is, or was, to be drawn
 * @property {import("./pictures.js").Picture[]} [images] what was
 *
 * @typedef {object} Actions what the reader can do to a message
 * @property {(message: Message) => void} regenerate
 * @property {(message: Message) => void} goOn
 * @property {(message: Message) => boolean} canGoOn
 * @property {(message: Message, prompt: string) => void} edit
 * @property {(message: Message) => string} promptOf what it answers
 * @property {(id: string) => void} showSibling
 */

import { el, iconButton } from "../dom.js";
import { t } from "../strings.js";

/**
 * The way to the other versions of a message.
 * @param {Message} message
 * @param {Actions} actions
 * @returns {HTMLElement | null}
 */
export function siblingArrows({ id, siblings = [] }, actions) {
  if (siblings.length < 2) return null;
  const at = siblings.indexOf(id);
  /** @param {string} name @param {string} label @param {number} to */
  const arrow = (name, label, to) => {
    const button = iconButton(name, t(label), () => actions.showSibling(siblings[to]));
    button.disabled = to < 0 || to >= siblings.length;
    return button;
  };
  const place = t("siblingPlace", { at: at + 1, of: siblings.length });
  const arrows = [arrow("left", "siblingBefore", at - 1), arrow("right", "siblingAfter", at + 1)];
  return el("span", { className: "siblings" }, arrows[0], el("span", {}, place), arrows[1]);
}

/** @param {(HTMLElement | null)[]} parts @returns {HTMLElement[]} */
export function present(...parts) {
  return parts.filter((part) => part !== null);
}
