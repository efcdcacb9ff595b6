/**
 * Images of other sites. Such a site learns who reads, and when: it is asked only if
 * the reader wants that, for one image or (a preference) for all.
 *
 * A placeholder names image and site; in a finished block it offers to show the image,
 * in a frame whose policy allows just that (chat/pages/image.py). The page's own policy
 * allows no foreign image at all. Where nobody is signed in there is no such frame:
 * the link to the image has to do.
 */

import { el, readJson } from "./dom.js";
import { preferences } from "./preferences.js";
import { t } from "./strings.js";

// As chat/pages/image.py has it.
const ADDRESS = /^https:\/\/((?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*)(?:[/?#][!-~]*)?$/;
const LONGEST = 2000;

/** @type {Set<string>} what the reader of this page wanted to see */
const wanted = new Set();
/** @type {string | undefined} the frame's address; empty: there is none here */
let framePage;

/** @param {string} href @returns {string | null} an address that can be shown */
export function imageAddress(href) {
  try {
    const url = new URL(href).href;
    return url.length <= LONGEST && ADDRESS.test(url) ? url : null;
  } catch {
    return null;
  }
}

/** @param {string} src @param {string} alt */
export function placeholder(src, alt) {
  const host = ADDRESS.exec(src)?.[1] ?? "";
  const rel = "noopener noreferrer nofollow";
  return el(
    "span",
    { className: "image" },
    el("span", { className: "image-words", dir: "auto" }, alt || t("image")),
    el("a", { href: src, target: "_blank", rel }, host),
  );
}

/**
 * Offer, in a block that is finished, to show its images.
 * @param {Node} block
 */
export function offerImages(block) {
  if (!(block instanceof Element)) return;
  for (const image of block.querySelectorAll("span.image:not(:has(button))")) {
    framePage ??= /** @type {string} */ (readJson("page-data").imageFrame ?? "");
    if (framePage) offer(image, framePage);
  }
}

/** @param {Element} image @param {string} frame where the frame's page is */
function offer(image, frame) {
  const alt = image.querySelector(".image-words")?.textContent ?? "";
  const src = image.querySelector("a")?.href ?? "";
  const button = el("button", { type: "button", onclick: () => show(!image.querySelector("iframe")) });
  /** @param {boolean} shown */
  const show = (shown) => {
    const verb = t(shown ? "imageHide" : "imageShow");
    button.textContent = verb;
    button.setAttribute("aria-label", `${verb}: ${alt}`);
    image.classList.toggle("shown", shown);
    if (!shown) {
      wanted.delete(src);
      image.querySelector("iframe")?.remove();
      return;
    }
    wanted.add(src);
    image.append(frameOf(`${frame}?${new URLSearchParams({ src, alt })}`, alt));
  };
  image.append(button);
  show(wanted.has(src) || preferences().remoteImages);
}

/** @param {string} src @param {string} title */
function frameOf(src, title) {
  const node = el("iframe", { title, loading: "lazy", referrerPolicy: "no-referrer" });
  node.setAttribute("sandbox", "");
  node.setAttribute("src", src);
  return node;
}
