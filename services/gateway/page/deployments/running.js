/** Candidates that run beside, as the gateway told last. Event: `change`. */

class Running extends EventTarget {
  constructor() {
    super();
    /** Their names; a candidate's own page has none beside it. */
    this.names = [];
  }

  /** Take an answer of `deployments`. */
  take({ candidate, deployments }) {
    const names = candidate ? [] : deployments.filter(({ state }) => state === "running").map(({ name }) => name);
    if (names.join() === this.names.join()) return;
    this.names = names;
    this.dispatchEvent(new Event("change"));
  }
}

export const candidates = new Running();
