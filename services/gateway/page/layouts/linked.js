/** Text for shifters, in which addresses are links. */

import { h } from "../dom.js";

const ADDRESS = /(https?:\/\/[^\s<>"')\]]+[^\s<>"')\].,;:!?])/;

/** Set the text of an element, only if it is another; `http` addresses become links that open beside. */
export function setLinked(element, text) {
  if (element.said === text) return;
  element.said = text;
  element.replaceChildren(...text.split(ADDRESS).map((part, i) => (i % 2 ? h("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part) : part)));
}
