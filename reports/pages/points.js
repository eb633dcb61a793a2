// The points of the study, as the page's own table has them.
function readPoints(table) {
  const kinds = [...table.tHead.rows[0].cells].map(cell => cell.dataset.kind);
  const names = [...table.tHead.rows[0].cells].map(cell => cell.textContent.trim());
  const place = kind => kinds.indexOf(kind);
  const points = [...table.tBodies[0].rows].map((line, number) => {
    const texts = [...line.cells].map(cell => cell.textContent.trim());
    return {
      id: `point-${number}`,
      texts,
      level: texts[place("level")],
      row: texts[place("row")],
      cost: numberIn(texts[place("cost")]),
      values: texts.map(numberIn),
      spreads: texts.map(text => parseFloat(text.split("±")[1])),
      marked: "marked" in line.dataset,
    };
  });
  const levels = [...new Set(points.map(point => point.level))];
  const scores = kinds.flatMap((kind, number) => (kind === "score" ? [number] : []));
  return { names, kinds, points, levels, scores, cost: names[place("cost")] };
}

function wordsOf(point, data, score) {
  return `${point.row}, ${point.level}: ${data.cost} ${point.texts[2]}, ${data.names[score]} ${point.texts[score]}`;
}
