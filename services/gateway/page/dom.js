/** Making and changing elements. Text is always set as text, never as markup. */

/** An element: `h("button", {class: "wide", onclick: go}, "Go", child)`; null children are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Set attributes; `on...` listen, false and null remove, true is an empty value. */
export function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === false || value === null || value === undefined) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Set the text of an element, only if it is another: a screen reader is not told the same twice. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Show or hide an element. */
export function show(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
}

export const byId = (id) => document.getElementById(id);

/**
 * Keep the children of `parent` equal to `keys`, in order: made by `make(key)`, kept when they are
 * there already, brought up to date by `update(element, key)`.
 */
export function keyed(parent, keys, make, update) {
  const held = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const key of keys) {
    let child = held.get(String(key));
    if (child) held.delete(String(key));
    else {
      child = make(key);
      child.dataset.key = String(key);
    }
    update(child, key);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const child of held.values()) child.remove();
}

/** A function that runs `body` once in the next frame, however often it is called before. */
export function framed(body) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      body();
    });
  };
}

/** A function that runs `body` when it has not been called for `milliseconds`. */
export function settled(body, milliseconds) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => body(...given), milliseconds);
  };
}

/** A function that runs `body` so many milliseconds after it is called, once: calls meanwhile do not put it off. */
export function spaced(body, milliseconds) {
  let timer = 0;
  return () => {
    timer ||= setTimeout(() => {
      timer = 0;
      body();
    }, milliseconds);
  };
}
