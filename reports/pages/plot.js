// The linked view's picture: a point a row and level, over what it costs.
const SHAPES = [  // in the order of the figures' markers
  "M0-4A4 4 0 1 1 0 4A4 4 0 1 1 0-4Z", "M-3.5-3.5H3.5V3.5H-3.5Z", "M0-4.5L4.2 3.2H-4.2Z",
  "M0-5L4 0L0 5L-4 0Z", "M0 4.5L4.2-3.2H-4.2Z", "M-1.5-4.5H1.5V-1.5H4.5V1.5H1.5V4.5H-1.5V1.5H-4.5V-1.5H-1.5Z",
  "M-4-2L-2-4L0-2L2-4L4-2L2 0L4 2L2 4L0 2L-2 4L-4 2L-2 0Z",
];
const STAR = "M0-7L1.7-2.3L6.7-2.2L2.7.9L4.1 5.7L0 2.8L-4.1 5.7L-2.7.9L-6.7-2.2L-1.7-2.3Z";
const LOOKS = SHAPES.length;
const MARGIN = { left: 52, right: 14, top: 12, bottom: 42 };

// As in the figures: the baseline, 0, has a colour of its own; where colours repeat, shapes differ.
function colourOf(number) { return number && 1 + (number - 1) % (LOOKS - 1); }
function shapeOf(number) {
  const turn = number && Math.floor((number - 1) / (LOOKS - 1));
  return SHAPES[(colourOf(number) + turn) % LOOKS];
}

function extent(values, log) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const pad = log ? 1.08 : (high - low || Math.abs(high) || 1) * 0.06;
  return log ? [low / pad, high * pad] : [low - pad, high + pad];
}

// Scores with their spreads, as far as no single wide one presses all points into a strip.
function withSpreads(points, score) {
  const values = points.map(point => point.values[score] || 0);
  const most = (Math.max(...values) - Math.min(...values)) / 2;
  return points.flatMap((point, number) => {
    const spread = Math.min(point.spreads[score] || 0, most);
    return [values[number] - spread, values[number] + spread];
  });
}

function drawPoint(point, data, state, x, y) {
  const number = data.levels.indexOf(point.level);
  const value = point.values[state.score];
  const mark = element("path", {
    d: point.marked ? STAR : shapeOf(number), id: point.id, role: "option",
    class: `point level-${colourOf(number)}${point.marked ? " filled" : ""}`,
    transform: `translate(${x.at(point.cost).toFixed(1)} ${y.at(value).toFixed(1)})`,
    "aria-label": wordsOf(point, data, state.score), "aria-selected": "false",
    "data-words": wordsOf(point, data, state.score), "data-row": point.row,
  });
  return [spreadLine(point, number, state, x, y), mark].filter(Boolean);
}

function spreadLine(point, number, state, x, y) {
  const spread = point.spreads[state.score];
  if (isNaN(spread)) return null;
  const [middle, value] = [x.at(point.cost), point.values[state.score]];
  const within = one => y.at(Math.min(y.high, Math.max(y.low, one)));
  const ends = { x1: middle, x2: middle, y1: within(value - spread), y2: within(value + spread) };
  return element("line", { class: `spread level-${colourOf(number)}`, "aria-hidden": "true", ...ends });
}

function drawAxes(x, y, width, height, names) {
  const axes = element("g", { class: "axes", "aria-hidden": "true" });
  const [bottom, right] = [height - MARGIN.bottom, width - MARGIN.right];
  for (const tick of x.ticks) {
    const at = x.at(tick);
    axes.append(element("line", { x1: at, x2: at, y1: MARGIN.top, y2: bottom }),
      element("text", { x: at, y: bottom + 16, "text-anchor": "middle" }, tickText(tick)));
  }
  for (const tick of y.ticks) {
    const at = y.at(tick);
    axes.append(element("line", { x1: MARGIN.left, x2: right, y1: at, y2: at }),
      element("text", { x: MARGIN.left - 6, y: at + 4, "text-anchor": "end" }, tickText(tick)));
  }
  const middle = (MARGIN.top + bottom) / 2;
  axes.append(
    element("text", { x: (MARGIN.left + right) / 2, y: height - 6, "text-anchor": "middle" }, names.x),
    element("text", { x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` }, names.y));
  return axes;
}

// The picture of `state`: score (a column), levels that are on, log, and what was zoomed to.
function drawPlot(svg, data, state) {
  const [width, height] = [Math.max(280, svg.parentElement.clientWidth), 380];
  const shown = data.points.filter(point =>
    state.on.has(point.level) && !isNaN(point.values[state.score]) && !isNaN(point.cost));
  const whole = shown.length ? shown : data.points.slice(0, 1);
  const [left, right] = state.zoom?.x ?? extent(whole.map(point => point.cost), state.log);
  const [low, high] = state.zoom?.y ?? extent(withSpreads(whole, state.score));
  const x = makeScale(left, right, MARGIN.left, width - MARGIN.right, state.log);
  const y = makeScale(low, high, height - MARGIN.bottom, MARGIN.top);
  const inside = shown.filter(({ cost, values }) =>
    left <= cost && cost <= right && low <= values[state.score] && values[state.score] <= high);
  inside.sort((a, b) => a.cost - b.cost);
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const names = { x: data.cost + (state.log ? ", logarithmic" : ""), y: data.names[state.score] };
  svg.replaceChildren(drawAxes(x, y, width, height, names),
    ...inside.flatMap(point => drawPoint(point, data, state, x, y)));
  return { x, y, inside };
}
