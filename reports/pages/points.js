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
  const costs = points.map(point => point.cost);
  const [least, most] = [Math.min(...costs), Math.max(...costs)];
  return {
    names, points, levels, scores, cost: names[place("cost")],
    positive: least > 0,  // so that it has a logarithm
    wide: most > 3 * least,
  };
}

function wordsOf(point, data, score) {
  return `${point.row}, ${point.level}: ${data.cost} ${point.texts[data.names.indexOf(data.cost)]}, ${data.names[score]} ${point.texts[score]}`;
}
