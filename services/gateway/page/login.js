/** Who is logged in, in the head of the page, and the dialog in which one logs in and out. */

import { h, setAttributes, setText, show } from "./dom.js";
import { session } from "./session.js";

/** What a role may, for those who wonder. */
const RIGHTS = {
  viewer: "may look",
  shifter: "may acknowledge and shelve alarms",
  expert: "may change references, tests, layouts and subscriptions",
  admin: "may everything",
  producer: "sends events, and may nothing else",
};

export class Login {
  constructor() {
    this._button = h("button", { id: "who", type: "button", onclick: () => this.open() });
    this._dialog = this._build();
    document.body.append(this._dialog);
    document.getElementById("link").before(this._button);
    session.addEventListener("change", () => this._follow());
    session.addEventListener("wanted", ({ detail }) => this.open(detail.why));
    this._follow();
  }

  /** Another is logged in, or nobody: where nothing can be read then, the dialog shows itself. */
  _follow() {
    this.draw();
    if (session.isShut && !this._dialog.open) this.open();
  }

  /** Show the dialog; `why` says what for. */
  open(why = "") {
    this._say(why || session.problem);
    this.draw();
    if (!this._dialog.open) this._dialog.showModal();
    (session.name ? this._leave : this._token).focus();
  }

  draw() {
    const { name, role, provider } = session;
    const words = name ? `${name} · ${role}` : "Log in";
    setText(this._button, words);
    setAttributes(this._button, { "aria-label": name ? `Logged in as ${name}, role ${role}` : "Log in", "data-role": role });
    show(this._asking, !name);
    show(this._inside, Boolean(name));
    show(this._leave, Boolean(name));
    show(this._elsewhere, Boolean(provider) && !name);
    show(this._everywhere, Boolean(provider) && session.isOfProvider);
    show(this._close, !session.isShut);
    if (provider) {
      setText(this._elsewhere, `Log in at ${provider.name}`);
      setText(this._everywhere, `Log out at ${provider.name}, too`);
    }
    if (name) {
      const until = session.expires ? ` until ${new Date(session.expires).toLocaleString("sv")}` : "";
      setText(this._inside, `${name}, role ${role}${until}: ${RIGHTS[role] ?? ""}.`);
    }
    setText(this._head, name ? "Logged in" : session.isShut ? "Reading takes a token here" : "Log in");
  }

  _build() {
    this._head = h("h2", { id: "login-head" });
    this._problem = h("p", { class: "login-problem", role: "alert", hidden: true });
    this._token = h("input", {
      id: "login-token", type: "password", autocomplete: "off", spellcheck: "false", "aria-describedby": "login-hint", required: true,
    });
    this._enter = h("button", { type: "submit", class: "strong" }, "Log in");
    this._asking = h(
      "form",
      { onsubmit: (event) => this._login(event) },
      h("label", { for: "login-token" }, "Token"),
      h("div", { class: "login-row" }, this._token, this._enter),
      h("p", { id: "login-hint", class: "login-hint" }, "From `dqmstream token new`. It is kept in this tab only, until it is closed."),
    );
    this._inside = h("p");
    this._elsewhere = h("button", { type: "button", class: "strong", onclick: () => this._depart() });
    this._everywhere = h("button", { type: "button", onclick: () => this._logout(true) });
    this._leave = h("button", { type: "button", onclick: () => this._logout(false) }, "Log out");
    this._close = h("button", { type: "button", onclick: () => this._dialog.close() }, "Close");
    const dialog = h(
      "dialog",
      { id: "login", "aria-labelledby": "login-head" },
      this._head, this._problem, this._inside, this._elsewhere, this._asking,
      h("div", { class: "login-row" }, this._leave, this._everywhere, this._close),
    );
    // Escape closes nothing that would be empty behind.
    dialog.addEventListener("cancel", (event) => session.isShut && event.preventDefault());
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    return dialog;
  }

  async _login(event) {
    event.preventDefault();
    setAttributes(this._enter, { disabled: true });
    try {
      await session.login(this._token.value);
      this._token.value = "";
      this._dialog.close();
    } catch (error) {
      this._say(error instanceof TypeError ? "the gateway does not answer" : error.message);
    } finally {
      setAttributes(this._enter, { disabled: false });
    }
  }

  _logout(everywhere) {
    this._dialog.close();
    if (session.isOfProvider) session.leave(everywhere);
    else session.logout();
  }

  _depart() {
    session.loginElsewhere().catch((error) => this._say(error.message));
  }

  _say(problem) {
    setText(this._problem, problem);
    show(this._problem, Boolean(problem));
  }
}
