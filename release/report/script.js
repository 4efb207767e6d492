// Searching and sorting; the page can be read without it.
/* global clearTimeout, document, setTimeout */
"use strict";

const wait = (work) => {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, 80);
  };
};

/** Shows what contains every word of the search, and says how many do. */
function searchIn(box, items, what) {
  const input = box.querySelector("input[type=search]");
  const output = box.querySelector("output");
  const texts = items.map((item) => item.textContent.toLowerCase());
  const search = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    items.forEach((item, i) => {
      const hit = words.every((word) => texts[i].includes(word));
      item.hidden = !hit;
      if (hit) found += 1;
    });
    output.textContent = words.length ? `${found} of ${items.length} ${what}` : "";
  };
  input.addEventListener("input", wait(search));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    input.value = "";
    search();
  });
}

function sortBy(table, column, button) {
  const head = button.closest("th");
  const descending = head.getAttribute("aria-sort") === "ascending";
  for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const value = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
  const order = (a, b) => value(a).localeCompare(value(b), "en", { numeric: true });
  const rows = [...table.tBodies[0].rows].sort((a, b) => (descending ? order(b, a) : order(a, b)));
  table.tBodies[0].append(...rows);
}

for (const box of document.querySelectorAll("[data-table]")) {
  const table = box.querySelector("table");
  searchIn(box, [...table.tBodies[0].rows], "packages");
  table.querySelectorAll("th button").forEach((button, column) => {
    button.addEventListener("click", () => sortBy(table, column, button));
  });
}
for (const box of document.querySelectorAll("[data-log]")) {
  // a closed log costs nothing
  box.addEventListener("toggle", () => searchIn(box, [...box.querySelectorAll("li")], "lines"), {
    once: true,
  });
}
