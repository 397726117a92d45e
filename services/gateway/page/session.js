/**
 * Who is logged in here. The token is kept in this tab (sessionStorage) until it is closed or one
 * logs out: not in cookies, not in addresses, not on this machine.
 */

import { arrival, begin, leave, renew, take } from "./provider.js";

const KEY = "dqmstream.token";
const RENEWAL = "dqmstream.renewal";

/** Milliseconds before its end that a token is renewed, and between two tries. */
const EARLY = 60_000;
const AGAIN = 10_000;
const NOBODY = { name: "", role: null, may: [], expires: null, reading_takes_token: false, provider: null };

/** The subprotocols of the stream: a browser can set no header there. */
const PROTOCOL = "dqmstream";
const PROTOCOL_TOKEN = "dqmstream.token.";

/**
 * Events: `change`, when somebody else is logged in, nobody any more, or it becomes known; `wanted`
 * {why}, when somebody wants to do what takes another role.
 */
class Session extends EventTarget {
  constructor() {
    super();
    /** Whether the gateway has said who this is. */
    this.known = false;
    /** Why nobody is logged in any more, in words. */
    this.problem = "";
    this._me = NOBODY;
    this._token = sessionStorage.getItem(KEY) ?? "";
    this._renewal = sessionStorage.getItem(RENEWAL);
    this._check = null;
    this._renewing = null;
    this._waiting = [];
    const arrived = arrival();
    if (arrived) this._check = this._arrive(arrived);
    else this.check();
  }

  /** Name of the token, or of the person; empty for nobody. */
  get name() {
    return this._me.name;
  }

  /** The role; null for nobody. */
  get role() {
    return this._me.role;
  }

  /** When it ends, milliseconds since 1970; null for never. */
  get expires() {
    return this._me.expires === null ? null : this._me.expires / 1e6;
  }

  /** Where people log in with names of their own: `{name, start}`; null if there is no such place. */
  get provider() {
    return this._me.provider;
  }

  /** Whether the rights of a role are given: "viewer" reads, "shifter" acknowledges, ... */
  may(role) {
    return this._me.may.includes(role);
  }

  /** Whether nothing can be read before somebody logs in. */
  get isShut() {
    return this.known && this._me.reading_takes_token && !this.may("viewer");
  }

  /** Fulfilled as soon as reading is possible: at once, or after somebody has logged in. */
  async opened() {
    if (!this.known) await this._check;
    if (this.isShut) await new Promise((resolve) => this._waiting.push(resolve));
  }

  /** Headers that say who asks. */
  get headers() {
    return this._token ? { authorization: `Bearer ${this._token}` } : {};
  }

  /** What the stream offers as subprotocols. */
  get protocols() {
    return this._token ? [PROTOCOL, PROTOCOL_TOKEN + this._token] : [PROTOCOL];
  }

  /** Log in with a token; throws an Error that says why not. */
  async login(token) {
    const text = token.trim();
    // Anything else cannot be put into a header.
    if (!/^[\w.~+/=-]{1,4000}$/.test(text)) throw new Error("this is no token: it has other characters");
    const me = await whoIs(text);
    if (!me) throw new Error("the gateway knows no such token, or it has expired");
    this._renewal = null;
    this._become(me, text, "");
  }

  /** Log in at the provider: the page is left, and comes back as it was. */
  loginElsewhere() {
    return begin();
  }

  /** End the login of a provider, there too if `everywhere`. */
  async leave(everywhere) {
    const elsewhere = await leave(this._token, this._renewal).catch(() => null);
    await this.logout();
    if (everywhere && elsewhere) location.assign(elsewhere);
  }

  /** Whether this login came from the provider. */
  get isOfProvider() {
    return this._token.startsWith("dqm_p.");
  }

  /** Forget the token. */
  async logout(problem = "") {
    const nobody = { ...NOBODY, reading_takes_token: this._me.reading_takes_token, provider: this.provider };
    this._renewal = null;
    this._token = "";
    // Before anybody was known, what nobody may do here is not known either.
    if (this.known) this._become(nobody, "", problem);
    // Not by `check`: that may be what waits for this.
    const me = await whoIs("").catch(() => null);
    if (!this._token) this._become(me ?? nobody, "", problem);
  }

  /** Somebody wants to do what the role does not give: the page asks who is there. */
  want(why) {
    this.dispatchEvent(new CustomEvent("wanted", { detail: { why } }));
  }

  /** Somebody wants to do `what`, which takes a role that is not given. */
  lack(what, role) {
    this.want(`${what} takes the role ${role}${this.role ? `, yours is ${this.role}` : ""}.`);
  }

  /** A request with these headers was refused with 401. */
  refused(headers) {
    if (this._renewal) this._renew();
    else if (this._token && headers.authorization === this.headers.authorization) {
      this.logout("The token is in force no longer: log in again.");
    } else this.check();
  }

  /** Ask the gateway who this is. */
  check() {
    this._check ??= this._ask().finally(() => {
      this._check = null;
    });
    return this._check;
  }

  async _ask() {
    const token = this._token;
    try {
      const me = await whoIs(token);
      if (token !== this._token) return;
      if (me) this._become(me, token, this.problem);
      else if (this._renewal) await this._renew();
      else await this.logout("The token is in force no longer: log in again.");
    } catch {
      // The gateway is away: whoever was logged in still is, as far as is known.
    }
  }

  /** Come back from the provider. */
  async _arrive(arrived) {
    try {
      await this._took(await take(arrived));
    } catch (error) {
      this.problem = error.message;
      this._check = null;
      await this.check();
      this.want(error.message);
    } finally {
      this._check = null;
    }
  }

  async _took({ token, renewal }) {
    this._renewal = renewal;
    const me = await whoIs(token);
    if (!me) throw new Error("the gateway takes its own token no longer: log in again");
    this._become(me, token, "");
  }

  /** Another token for the same login. Refused requests come together; providers take what renews once. */
  _renew() {
    this._renewing ??= this._renewOnce().finally(() => {
      this._renewing = null;
    });
    return this._renewing;
  }

  async _renewOnce() {
    const renewal = this._renewal;
    try {
      const found = await renew(renewal);
      if (renewal === this._renewal) await this._took(found);
    } catch (error) {
      if (renewal !== this._renewal) return;
      // A provider that is away may come back before the token ends.
      const isOver = [401, 403].includes(error.status) || (this.expires ?? 0) < Date.now();
      if (isOver) await this.logout(`You are logged in no longer: ${error.message}.`);
      else this._timer = setTimeout(() => this._renew(), AGAIN);
    }
  }

  _become(me, token, problem) {
    const before = JSON.stringify([this._me, this._token, this.problem, this.known]);
    this._me = me;
    this._token = token;
    this.problem = me.name ? "" : problem;
    this.known = true;
    keep(KEY, token);
    keep(RENEWAL, this._renewal);
    clearTimeout(this._timer);
    if (this.expires) {
      const left = this.expires - Date.now();
      // Short tokens are renewed half way, so that no request comes with one that has just ended.
      const wait = this._renewal ? Math.max(left - EARLY, left / 2) : left + 500;
      this._timer = setTimeout(() => (this._renewal ? this._renew() : this.check()), Math.max(1000, Math.min(wait, 2 ** 31 - 1)));
    }
    if (JSON.stringify([this._me, this._token, this.problem, this.known]) === before) return;
    if (!this.isShut) for (const resolve of this._waiting.splice(0)) resolve();
    this.dispatchEvent(new Event("change"));
  }
}

function keep(key, text) {
  if (text) sessionStorage.setItem(key, text);
  else sessionStorage.removeItem(key);
}

/** What `/me` says of a token; null if it is in force no longer. Throws if there is no answer. */
async function whoIs(token) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const answer = await fetch("api/v1/me", { headers, cache: "no-store" });
  if (answer.status === 401) return null;
  if (!answer.ok) throw new Error(`the gateway answers ${answer.status}`);
  return answer.json();
}

export const session = new Session();
