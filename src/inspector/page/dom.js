/** Elements. What comes from the service is text, never markup. */

/** @param {string} id */
export const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * @param {string} tag
 * @param {string} className
 * @param {...(string | Node)} content
 */
export const make = (tag, className, ...content) => {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  element.append(...content.map((part) => (typeof part === "string" ? document.createTextNode(part) : part)));
  return element;
};

/** Shows the text, or hides the element where there is none. */
export const tell = (element, text) => {
  element.hidden = text === "";
  element.textContent = text;
};
