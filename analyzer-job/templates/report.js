"use strict";
// All of this is an extra: nothing is lost without it.
(function () {
  const tools = document.querySelector(".tools");
  if (tools) {
    tools.hidden = false;
    tools.querySelector("input").addEventListener("change", (event) => {
      document.body.classList.toggle("only-moved", event.target.checked);
    });
  }
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
  // A link into a folded table opens it.
  addEventListener("hashchange", () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const details = target && target.closest("details");
    if (details) details.open = true;
  });
  const key = (row, column) => {
    const cell = row.cells[column];
    return cell.title ? parseFloat(cell.title) : cell.textContent.trim();
  };
  const order = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a === "number") return -1;
    if (typeof b === "number") return 1;
    return a.localeCompare(b);
  };
  for (const table of document.querySelectorAll(".long table")) {
    const heads = table.tHead.rows[0].cells;
    for (let column = 0; column < heads.length; column++) {
      const head = heads[column];
      const button = document.createElement("button");
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = Array.from(table.tBodies[0].rows);
        rows.sort((a, b) => order(key(a, column), key(b, column)) * (up ? 1 : -1));
        table.tBodies[0].append(...rows);
      });
    }
  }
})();
