/** Ranges of axes by dragging over a canvas; a double click shows all again. */

import { h, show } from "../dom.js";

const LEAST = 6;

/**
 * @param located gives what `drawPlot` returned last: its `frame`, `x`, and of a map `y`
 * @param onZoom called with `a:b` or `a:b,c:d`, or with nothing for all
 */
export function zoomable(canvas, located, onZoom) {
  const box = h("div", { class: "zoom-box", hidden: true });
  canvas.parentElement.append(box);
  let from = null;
  const corners = ({ offsetX, offsetY }) => {
    const { frame, y } = located();
    const [px, py] = [within(offsetX, frame.left, frame.width), within(offsetY, frame.top, frame.height)];
    const [left, right] = [from[0], px].sort((a, b) => a - b);
    const [top, bottom] = y ? [from[1], py].sort((a, b) => a - b) : [frame.top, frame.top + frame.height];
    return { left, right, top, bottom };
  };
  canvas.addEventListener("pointerdown", (event) => {
    const { frame } = located() ?? {};
    if (!frame || event.button || !isInside(event, frame)) return;
    from = [event.offsetX, event.offsetY];
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!from || !located()?.frame) return;
    const { left, right, top, bottom } = corners(event);
    Object.assign(box.style, { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
    show(box, right - left >= LEAST);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!from || !located()?.frame) return;
    const { x, y } = located();
    const { left, right, top, bottom } = corners(event);
    from = null;
    show(box, false);
    if (right - left < LEAST || (y && bottom - top < LEAST)) return;
    onZoom([[x, left, right], ...(y ? [[y, bottom, top]] : [])].map(([of, a, b]) => ends(of, a, b)).join(","));
  });
  canvas.addEventListener("pointercancel", () => {
    from = null;
    show(box, false);
  });
  canvas.addEventListener("dblclick", () => onZoom(""));
}

const within = (pixel, start, long) => Math.min(start + long, Math.max(start, pixel));

const isInside = ({ offsetX, offsetY }, { left, top, width, height }) => (
  offsetX >= left && offsetX <= left + width && offsetY >= top && offsetY <= top + height
);

/** Both ends to four digits of what is between them: an address need not be longer. */
function ends(of, a, b) {
  const [low, high] = [of.value(a), of.value(b)];
  const digits = Math.max(0, Math.min(12, 3 - Math.floor(Math.log10(high - low))));
  return `${Number(low.toFixed(digits))}:${Number(high.toFixed(digits))}`;
}
