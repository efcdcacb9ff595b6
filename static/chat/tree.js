/**
 * Elements that are drawn again while they grow: what is the same stays on the page.
 *
 * A tree says what should stand there. No markup is parsed on the way to the page, so
 * text can only become text.
 *
 * @typedef {string | Branch | Leaf} Tree
 *
 * @typedef {object} Branch an element
 * @property {string} tag
 * @property {Record<string, string> | null} attributes
 * @property {Tree[]} children no empty string, and no two strings side by side
 *
 * @typedef {object} Leaf what has an inside of its own: code, a formula, an image
 * @property {string} key those with the same one look the same; "" is like no other
 * @property {() => HTMLElement} make
 */

/**
 * @param {string} tag
 * @param {Record<string, string> | null} attributes
 * @param {Tree[]} [children]
 * @returns {Branch}
 */
export function branch(tag, attributes, children = []) {
  return { tag, attributes, children };
}

/** @param {Tree} tree @returns {ChildNode} */
export function grow(tree) {
  if (typeof tree === "string") return document.createTextNode(tree);
  if ("make" in tree) return tree.make();
  const node = document.createElement(tree.tag);
  for (const name in tree.attributes) node.setAttribute(name, tree.attributes[name]);
  for (const child of tree.children) node.append(grow(child));
  return node;
}

/**
 * Make of what was grown from `old` what `fresh` says.
 * @param {ChildNode} node
 * @param {Tree | null} old null: not known any more
 * @param {Tree} fresh
 * @returns {ChildNode} in the place of `node`, and often `node` itself
 */
export function regrow(node, old, fresh) {
  if (typeof fresh === "string" && node instanceof Text) {
    rewrite(node, fresh);
  } else if (old && isAlike(old, fresh)) {
    const [before, after] = /** @type {Branch[]} */ ([old, fresh]);
    if (after.children) regrowChildren(node, before.children, after.children);
  } else {
    const other = grow(fresh);
    node.replaceWith(other);
    return other;
  }
  return node;
}

/** @param {Node} node @param {Tree[]} old @param {Tree[]} fresh */
function regrowChildren(node, old, fresh) {
  let child = /** @type {ChildNode | null} */ (node.firstChild);
  for (const [i, tree] of fresh.entries()) {
    if (child) child = regrow(child, old[i], tree).nextSibling;
    else node.appendChild(grow(tree));
  }
  while (child) {
    const next = child.nextSibling;
    child.remove();
    child = next;
  }
}

/** What is there already is often the beginning. @param {Text} node @param {string} text */
function rewrite(node, text) {
  const { data } = node;
  if (data === text) return;
  if (text.startsWith(data)) node.appendData(text.slice(data.length));
  else node.data = text;
}

/** @param {any} old @param {any} fresh whether the element can stay */
function isAlike(old, fresh) {
  if (fresh.make) return fresh.key !== "" && old.key === fresh.key;
  if (!fresh.tag || old.tag !== fresh.tag) return false;
  return JSON.stringify(old.attributes) === JSON.stringify(fresh.attributes);
}
