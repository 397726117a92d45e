/** Whether what is shown can be trusted now. It turns grey by itself: nothing has to arrive. */

import { age } from "./format.js";

/**
 * State of what is shown: `live`, `ended` (final, and nothing more comes), `waiting` (nothing has
 * come yet), `stale` (it should have been renewed), `lost` (no connection, so nobody knows).
 *
 * @param link state of the stream
 * @param pulse the pulse board and when it came: `{header, rows, at}`; null before the first
 * @param run row of the run that is shown; null if there is none
 * @param now milliseconds on the clock of `pulse.at`
 * @returns {state, seconds, says}: age of the newest histogram set, and why, in words
 */
export function freshness({ link, pulse, run, now }) {
  const seconds = ageOf(pulse, run, now);
  if (link !== "live") {
    const says = link === "lost" ? "no connection to the gateway" : "connecting";
    return { state: link === "lost" ? "lost" : "waiting", seconds, says };
  }
  if (!pulse || !run) return { state: "waiting", seconds, says: "no run yet" };
  if (run.ended || !run.live) return { state: "ended", seconds, says: "run ended" };
  const silent = silentServices(pulse);
  if (silent.length) return { state: "stale", seconds, says: `no sign of ${silent.join(", ")}` };
  if (seconds === null) return { state: "waiting", seconds, says: "no histograms yet" };
  if (seconds > pulse.header.data_stale_after) {
    return { state: "stale", seconds, says: `nothing new for ${age(seconds)}` };
  }
  return { state: "live", seconds, says: "live" };
}

/** Seconds since the newest histogram set of a run, by the gateway's clock. */
function ageOf(pulse, run, now) {
  if (!pulse || !run?.newest) return null;
  return Math.max(0, (pulse.header.now - run.newest) / 1e9 + (now - pulse.at) / 1000);
}

/** Services without which plots or outcomes no longer move, and none of whose processes is alive. */
function silentServices({ rows }) {
  const alive = new Map();
  for (const { service, state } of Object.values(rows)) {
    alive.set(service, (alive.get(service) ?? false) || state !== "stale");
  }
  return [...alive].filter(([service, any]) => !any && matters(service)).map(([service]) => service);
}

const matters = (service) => service.startsWith("filler") || service === "comparator";
