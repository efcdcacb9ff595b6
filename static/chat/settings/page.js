/**
 * The settings page: what is changed is kept at once, a new key can be copied, and
 * revoking one asks first. Without this script the page's forms do the same.
 */

import { call } from "../api.js";
import { copyButton } from "../clipboard.js";
import { ask } from "../dialogs.js";
import { byId, el } from "../dom.js";
import { explain, noticeBox } from "../errors.js";
import { announce } from "../status.js";
import { t } from "../strings.js";
import { takeFiles } from "./import.js";

const form = /** @type {HTMLFormElement} */ (byId("preferences"));

/** @returns {Record<string, string | number | boolean>} as the API takes them */
function wanted() {
  const data = new FormData(form);
  return {
    language: String(data.get("language")),
    theme: String(data.get("theme")),
    typewriter: String(data.get("typewriter")),
    typewriter_speed: Number(data.get("typewriter_speed")),
    remote_images: data.has("remote_images"),
  };
}

/** @param {unknown} error */
function complain(error) {
  const told = explain(error, "action");
  byId("notice").replaceChildren(noticeBox(told, () => void save()));
  announce(told.what);
}

async function save() {
  if (!form.reportValidity()) return;
  const values = wanted();
  document.documentElement.dataset.theme = String(values.theme);
  byId("notice").replaceChildren();
  try {
    await call("PATCH", "/api/settings", values);
  } catch (error) {
    complain(error);
    return;
  }
  if (values.language === document.documentElement.lang) announce(t("saved"));
  else location.reload();
}

/** One after the other: the last one counts. */
let saving = Promise.resolve();
form.addEventListener("change", () => (saving = saving.then(save)));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  saving = saving.then(save);
});

const key = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-new-key]"));
if (key) {
  key.after(copyButton(() => key.value));
  key.focus();
  key.select();
  // Loading this page again must not make another key.
  history.replaceState(null, "", "/settings/");
}

for (const revoke of document.querySelectorAll("form[data-revoke]")) {
  revoke.addEventListener("submit", (event) => {
    event.preventDefault();
    const asked = /** @type {HTMLFormElement} */ (event.currentTarget);
    const name = asked.dataset.revoke || t("revokeNameless");
    const text = el("p", {}, t("revokeQuestion"));
    void ask(name, [text], t("revoke"), "danger").then((agreed) => agreed && asked.submit());
  });
}

takeFiles();
document.documentElement.dataset.ready = "true";
