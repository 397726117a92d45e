/** Keys: `/` searches, Escape goes back, arrows step from plot to plot, `r` is references; others are of the large plot. */

import { byId } from "./dom.js";
import { viewOf } from "./router.js";

export function listenToKeys({ router, grid, detail, references }) {
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const typing = event.target.matches("input, select, textarea");
    if (event.key === "Escape") back(router, detail, typing);
    else if (typing) leaveSearch(event, grid);
    else if (event.key === "/") {
      event.preventDefault();
      byId("search").focus();
      byId("search").select();
    } else if (event.key === "r" && !router.route.view) references.toggle();
    else if (router.route.path && detail.key(event.key)) event.preventDefault();
    else if (router.route.path && event.key.startsWith("Arrow")) stepDetail(event, detail);
    else if (event.key === "ArrowRight" && event.target === document.body && !viewOf(router.route)) {
      event.preventDefault();
      grid.focus(grid.paths[0]);
    }
  });
}

/** One step out: from the search, from the plot, from the search's results, from the workspace. */
function back(router, detail, typing) {
  const { view, layout, path, match, workspace, window: word } = router.route;
  if (typing) document.activeElement.blur();
  if (viewOf(router.route) && typing) return;
  if (view) router.go({ view: "" });
  else if (layout && !path) router.go({ view: "layouts" });
  else if (path) detail.leave();
  else if (match) router.go({ match: "" });
  else if (/^\d+-\d+$/.test(word) && !typing) router.go({ window: "last-10" });
  else if (workspace && !typing) router.go({ workspace: "", only: "" });
}

function leaveSearch(event, grid) {
  if (event.target.id !== "search" || !["Enter", "ArrowDown"].includes(event.key)) return;
  event.preventDefault();
  grid.focus(grid.paths[0]);
}

function stepDetail(event, detail) {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!by || event.defaultPrevented) return;
  event.preventDefault();
  detail.step(by);
}
