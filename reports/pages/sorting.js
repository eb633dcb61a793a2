// Tables are sorted by the heading that is pressed; pressed again, the other way round.
function numberIn(text) {  // the first: a mean before its interval
  return parseFloat(text.replaceAll("\u2212", "-").replace(/^\+/, ""));
}

function compareCells(one, other) {
  const [a, b] = [numberIn(one), numberIn(other)];
  if (isNaN(a) !== isNaN(b)) return isNaN(a) ? 1 : -1;  // numbers before words and dashes
  return a - b || one.localeCompare(other);
}

function sortTable(table, place) {
  const head = table.tHead.rows[0].cells[place];
  const falling = head.getAttribute("aria-sort") === "ascending";
  for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", falling ? "descending" : "ascending");
  const text = row => row.cells[place].textContent.trim();
  const rows = [...table.tBodies[0].rows].sort((a, b) => compareCells(text(a), text(b)));
  table.tBodies[0].append(...(falling ? rows.reverse() : rows));
}

for (const table of document.querySelectorAll("table")) {
  [...table.tHead.rows[0].cells].forEach((cell, place) => {
    const button = document.createElement("button");
    button.append(...cell.childNodes);
    button.addEventListener("click", () => sortTable(table, place));
    cell.append(button);
  });
}
