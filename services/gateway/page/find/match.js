/** What is meant by words in the search: a glob, a regular expression between slashes, or letters in order. No page here. */

/** `{kind, query}`: `glob` and `regex` are asked of the gateway, `fuzzy` is matched here. */
export function kindOf(words) {
  const regex = /^\/(.+)\/$/.exec(words);
  if (regex) return { kind: "regex", query: { regex: regex[1] } };
  if (/[*?[]/.test(words)) return { kind: "glob", query: { match: words } };
  return { kind: "fuzzy", query: null };
}

/**
 * Paths in which words are found: those that have them as they stand, in order of the paths; if there
 * are none, those that have all their letters in this order, the closest first.
 */
export function fuzzy(words, paths, most = 200) {
  const wanted = words.toLowerCase();
  const plain = paths.filter((path) => path.toLowerCase().includes(wanted));
  if (plain.length) return plain;
  const scored = paths.map((path) => [path, score(wanted.replaceAll(/\s+/g, ""), path)]).filter(([, points]) => points !== null);
  return scored.sort(([a, x], [b, y]) => y - x || a.length - b.length || a.localeCompare(b)).slice(0, most).map(([path]) => path);
}

/** Points for letters that stand together or begin a word, less for gaps; null if they are not all there in order. */
function score(letters, path) {
  const text = path.toLowerCase();
  let points = 0;
  let at = -1;
  for (const letter of letters) {
    const next = text.indexOf(letter, at + 1);
    if (next < 0) return null;
    if (next === at + 1) points += 3;
    else points -= Math.min(4, next - at - 1) / 4;
    if (next === 0 || "/_ -".includes(text[next - 1])) points += 2;
    at = next;
  }
  return points - text.length / 100;
}
