/** Filters as a word of the address has them: `name:value,name:value`. No page here. */

/** The values of these names; empty of those that the word lacks. */
export function parseWord(word, names) {
  const given = new Map(word.split(",").map((part) => [part.slice(0, part.indexOf(":")), part.slice(part.indexOf(":") + 1)]));
  return Object.fromEntries(names.map((name) => [name, given.get(name) ?? ""]));
}

/** The word of filters; empty without any. */
export function formatWord(filters, names) {
  return names.filter((name) => filters[name]).map((name) => `${name}:${filters[name].replaceAll(",", " ")}`).join(",");
}
