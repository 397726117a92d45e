/** Candidates that run beside, as the gateway told last. Event: `change`. */

/** Names of the candidates of an answer of `deployments`; a candidate's own page has none: of two systems production is the one that asks. */
export function runningOf({ candidate, deployments }) {
  return candidate ? [] : deployments.filter(({ state }) => state === "running").map(({ name }) => name);
}

class Running extends EventTarget {
  constructor() {
    super();
    /** Their names. */
    this.names = [];
  }

  /** Take an answer of `deployments`. */
  take(answer) {
    const names = runningOf(answer);
    if (names.join() === this.names.join()) return;
    this.names = names;
    this.dispatchEvent(new Event("change"));
  }
}

export const candidates = new Running();
