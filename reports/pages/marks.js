// One row is marked wherever the page has a mark of it: what is pointed at, else what was chosen.
const marks = new Map();
for (const mark of document.querySelectorAll("figure [data-row]")) {
  marks.set(mark.dataset.row, [...(marks.get(mark.dataset.row) ?? []), mark]);
}
let marked = null;

function markRow(row) {
  if (row === marked) return;
  for (const mark of marks.get(marked) ?? []) mark.classList.remove("marked");
  for (const mark of marks.get(row) ?? []) {
    mark.classList.add("marked");
    mark.parentElement.append(mark);  // above the others
  }
  marked = row;
}
