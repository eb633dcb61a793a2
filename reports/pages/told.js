// What is known of a point, in words, and its route as a drawing.
function tellOf(told, point, names, anchors) {
  if (!point) {
    told.replaceChildren(told.dataset.empty);
    return;
  }
  const list = document.createElement("dl");
  names.forEach((name, number) => {
    if (point.texts[number] === "\u2013") return;
    const [term, text] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    text.textContent = point.texts[number];
    list.append(term, text);
  });
  told.replaceChildren(list);
  if (anchors.length) told.append(drawRoute(point.row, anchors));
}
