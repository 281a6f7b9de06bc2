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

/**
 * Shows the text in the element, or hides the element where the text is empty.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
export const showText = (element, text) => {
  element.hidden = text === "";
  element.textContent = text;
};
