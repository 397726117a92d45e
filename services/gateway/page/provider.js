/**
 * Logging in at a provider. It goes by whole pages: away, and back with a text in the fragment that
 * is worth a token once, for a minute, and only with the verifier that was kept here meanwhile.
 */

const KEY = "dqmstream.login";
const ROOT = "api/v1/login";

/** Go to the provider; throws an Error where browsers have no cryptography for pages. */
export async function begin() {
  if (!window.isSecureContext) throw new Error("logging in there takes TLS: this page came over plain HTTP");
  const verifier = encoded(crypto.getRandomValues(new Uint8Array(32)));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  sessionStorage.setItem(KEY, JSON.stringify({ verifier, back: location.hash }));
  location.assign(`${ROOT}?challenge=${encoded(new Uint8Array(digest))}`);
}

/** What the provider's answer has brought, taken out of the address at once; null if nothing. */
export function arrival() {
  const code = new URLSearchParams(location.hash.slice(1)).get("login");
  if (!code) return null;
  const { verifier = "", back = "" } = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
  sessionStorage.removeItem(KEY);
  history.replaceState(null, "", back || location.pathname);
  return { code, verifier: verifier || "x".repeat(43) };
}

/** `{token, expires, renewal}` for an arrival; throws an Error that says why not. */
export const take = (arrived) => told("exchange", arrived);

/** The same for what renews a token. */
export const renew = (renewal) => told("renew", { renewal });

/** End a login; the address where it ends at the provider, too, or null. */
export async function leave(token, renewal) {
  return (await told("leave", { token, renewal })).elsewhere;
}

async function told(what, body) {
  const answer = await fetch(`${ROOT}/${what}`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), cache: "no-store",
  });
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  throw Object.assign(new Error(said.detail || `the gateway answers ${answer.status}`), { status: answer.status });
}

/** Bytes as base64url, without padding. */
function encoded(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
