/**
 * On a narrow screen the sidebar is a drawer; closed, nothing in it can be reached.
 */

import { byId } from "./dom.js";

export class Drawer {
  constructor() {
    this.side = byId("sidebar");
    this.opener = byId("open-sidebar");
    this.shade = byId("shade");
    this.narrow = matchMedia("(max-width: 50rem)");
    this.open = false;
    this.narrow.addEventListener("change", () => this.set(false));
    this.opener.addEventListener("click", () => this.set(true));
    byId("close-sidebar").addEventListener("click", () => this.set(false));
    this.shade.addEventListener("click", () => this.set(false));
    this.set(false);
  }

  /** @param {boolean} open */
  set(open) {
    const was = this.open;
    this.open = open && this.narrow.matches;
    document.body.classList.toggle("drawer-open", this.open);
    this.side.inert = this.narrow.matches && !this.open;
    byId("main").inert = this.open;
    this.opener.setAttribute("aria-expanded", String(this.open));
    if (this.open) byId("close-sidebar").focus();
    else if (was) this.opener.focus();
  }
}
