// @ts-check
/** Elements of a page. What comes from a server becomes text, never markup. */

/**
 * The element of that id, which the page's HTML has.
 *
 * @param {string} id
 */
export const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * A new element with that class (none where it is empty) and content.
 *
 * @param {string} tag
 * @param {string} className
 * @param {...(string | Node)} content
 */
export const make = (tag, className, ...content) => {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  element.append(...content);
  return element;
};

const svgSpace = "http://www.w3.org/2000/svg";

/**
 * A new element of a drawing with those attributes and content.
 *
 * @param {string} tag
 * @param {Readonly<Record<string, string | number>>} attributes
 * @param {...(string | Node)} content
 */
export const draw = (tag, attributes, ...content) => {
  const element = document.createElementNS(svgSpace, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...content);
  return element;
};

/**
 * The drawing that the page's HTML has as the symbol of that id; it is beside words, for the eye only.
 *
 * @param {string} id
 * @param {string} className
 */
export const icon = (id, className) => draw("svg", { class: className, "aria-hidden": "true" }, draw("use", { href: `#${id}` }));

/**
 * Shows the text in the element, or hides the element where the text is empty.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
export const showText = (element, text) => {
  element.hidden = text === "";
  setText(element, text);
};

/**
 * Changes nothing where the element has that text already: a screen reader would announce it again.
 *
 * @param {Element} element
 * @param {string} text
 */
export const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

/**
 * Sets the attribute, or removes it where the value is undefined. Changes nothing where it has that value already.
 *
 * @param {Element} element
 * @param {string} name
 * @param {string | undefined} value
 */
export const setAttribute = (element, name, value) => {
  if (value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
};

/**
 * Has exactly these children in this order, and moves or removes no other than those that differ.
 *
 * @param {Element} parent
 * @param {readonly Element[]} children
 */
export const setChildren = (parent, children) => {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  children.forEach((child, at) => {
    if (parent.children[at] !== child) parent.insertBefore(child, parent.children[at] ?? null);
  });
};
