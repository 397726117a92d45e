// How old what is shown is, and what may still be believed. Stale is never green.
//
// The gateway sends ages as of its own clock; here they grow by this page's clock, so that all
// turns grey by itself when nothing arrives any more.

const BEATS_MISSED = 3;

export class Freshness {
  #pulse = null;
  #at = 0;

  constructor(stream) {
    this.stream = stream;
  }

  take(pulse, now = performance.now()) {
    this.#pulse = pulse;
    this.#at = now;
  }

  // Seconds by which a stamp (nanoseconds of the gateway's clock) is old now.
  age(stamp, now = performance.now()) {
    if (!this.#pulse || stamp === null || stamp === undefined) return Infinity;
    return Math.max(0, (this.#pulse.header.now - stamp) / 1e9) + (now - this.#at) / 1000;
  }

  processes(now = performance.now()) {
    if (!this.#pulse) return [];
    const limit = this.#pulse.header.stale_after;
    return Object.values(this.#pulse.rows).map((row) => {
      const age = this.age(row.when, now);
      const stale = row.state !== "stopping" && age > limit;
      return { ...row, age, state: stale ? "stale" : row.state };
    });
  }

  alive(service, now = performance.now()) {
    return this.processes(now).some((row) => row.service.startsWith(service) && row.state === "ready");
  }

  // `data` and `outcomes` are "fresh" or "stale", each with the reason it is stale for.
  look(now = performance.now()) {
    const interval = this.stream.hello?.update_interval ?? 1;
    const silence = this.stream.silence(now);
    const connected = this.stream.status === "live" && silence < BEATS_MISSED * interval + 2;
    const dataAge = this.age(this.#pulse?.header.newest_set, now);
    const limit = this.#pulse?.header.data_stale_after ?? 0;
    const lost = "no connection to the gateway";
    let why = "";
    if (!connected) why = lost;
    else if (!this.alive("filler", now)) why = "no filler is alive";
    else if (dataAge > limit) why = "no new histograms";
    let whyOutcomes = why;
    if (!why && !this.alive("comparator", now)) whyOutcomes = "no comparator is alive";
    return { connected, silence, dataAge, data: why ? "stale" : "fresh", why, outcomes: whyOutcomes ? "stale" : "fresh", whyOutcomes };
  }
}
