/** Colours of event displays, dark and light. A shape goes with each: no colour alone says anything. */

const DARK = {
  text: "#e4ebf2", muted: "#8a98a9", faint: "#27323f", detector: "#3a4857", page: "#0b0f15",
  plus: "#f5b83d", minus: "#62b7f0", neutral: "#b4c0cd", vertex: "#ffffff", spot: "#4fe0d2",
  jet: "#e9d36a", muon: "#ff5f57", electron: "#46d39a", photon: "#d08bff",
};

const LIGHT = {
  text: "#18202a", muted: "#5d6a79", faint: "#e3e8ee", detector: "#c2ccd7", page: "#ffffff",
  plus: "#b76e00", minus: "#1668b0", neutral: "#5d6a79", vertex: "#10151c", spot: "#008578",
  jet: "#a88900", muon: "#c92a20", electron: "#0a7f52", photon: "#7b35b8",
};

/** The colours of a theme, `dark` or `light`. */
export const inks = (theme) => (theme === "light" ? LIGHT : DARK);

/** The colour of an object. */
export function inkOf(ink, kind, object) {
  if (kind !== "track") return ink[kind];
  if (!object.charge) return ink.neutral;
  return object.charge > 0 ? ink.plus : ink.minus;
}
