/** What is known of a lumisection besides its events, in words; nothing where nothing is known. */

import { number } from "./format.js";

/** Short words `STABLE BEAMS`, `PU 43.1`, ... for the head of the page. */
export function briefly(conditions) {
  if (!conditions) return [];
  const { beam_mode: mode, beams_stable: stable, pileup, dcs_off: off } = conditions;
  return [
    mode || (stable === false ? "beams not stable" : ""),
    pileup === null ? "" : `PU ${number(pileup, 3)}`,
    off.length ? `DCS off: ${off.join(", ")}` : "",
  ].filter(Boolean);
}

/** All that is known, for one LS. */
export function atLength(conditions) {
  if (!conditions) return ["conditions not known"];
  const { fill, luminosity, energy, prescale_index: index, prescale_name: name } = conditions;
  const prescale = [index === null ? "" : String(index), name && `(${name})`].filter(Boolean).join(" ");
  return [
    fill === null ? "" : `fill ${fill}`,
    ...briefly(conditions),
    energy === null ? "" : `beams of ${number(energy, 4)} GeV`,
    luminosity === null ? "" : `luminosity ${number(luminosity, 3)} /cm²/s`,
    prescale && `prescales ${prescale}`,
    conditions.physics === false ? "not for physics" : "",
  ].filter(Boolean);
}
