/**
 * Building elements without markup strings: text can never become an element.
 */

/**
 * @param {string} tag
 * @param {Record<string, unknown>} [props] `class`, `data-*`, `aria-*`, `role` and
 *   `hidden: true` are attributes, `on…` are listeners, the rest are properties.
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElement}
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), /** @type {any} */ (value));
    else if (name in node && !name.startsWith("aria")) /** @type {any} */ (node)[name] = value;
    else node.setAttribute(name === "className" ? "class" : name, String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** @param {string} id @returns {HTMLElement} an element the template must have */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`The page lacks #${id}`);
  return node;
}

/** @param {string} id @returns {any} what `json_script` wrote */
export function readJson(id) {
  return JSON.parse(byId(id).textContent || "null");
}

/** A fresh copy of an icon in the page's own sheet of symbols. @param {string} name */
export function icon(name) {
  const ns = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(ns, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(ns, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/**
 * A button that shows an icon and says its name.
 * @param {string} name of the icon
 * @param {string} label
 * @param {(event: MouseEvent) => void} onclick
 * @param {string} [className]
 */
export function iconButton(name, label, onclick, className = "") {
  return /** @type {HTMLButtonElement} */ (
    el(
      "button",
      { type: "button", className: `icon-button ${className}`.trim(), title: label, "aria-label": label, onclick },
      icon(name),
    )
  );
}
