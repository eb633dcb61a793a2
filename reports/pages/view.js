// The linked view: what is shown of the points, and what is told of the one that is looked at.
function openView(view) {
  const data = readPoints(document.getElementById("points"));
  const anchors = JSON.parse(view.dataset.anchors);
  const svg = view.querySelector("svg");
  const costs = data.points.map(point => point.cost);
  const wide = Math.min(...costs) > 0;
  const state = {
    score: data.scores[0], zoom: null, chosen: null,
    on: new Set(JSON.parse(view.dataset.first)),
    log: wide && Math.max(...costs) > 3 * Math.min(...costs),
  };
  let drawn;

  const pointOf = id => data.points.find(point => point.id === id);
  // of the levels that are on, the first that has the row
  const pointIn = row => data.points.find(point => point.row === row && state.on.has(point.level))
    ?? data.points.find(point => point.row === row);

  function draw() {
    drawn = drawPlot(svg, data, state);
    look(state.chosen);
  }

  // marks and tells of a point; null: of none
  function look(point) {
    markRow(point?.row ?? null);
    for (const mark of svg.querySelectorAll(".point")) {
      mark.classList.toggle("same", mark.dataset.row === point?.row);
      mark.classList.toggle("looked", mark.id === point?.id);
      mark.setAttribute("aria-selected", String(mark.id === state.chosen?.id));
    }
    if (point && svg.querySelector(`#${point.id}`)) svg.setAttribute("aria-activedescendant", point.id);
    else svg.removeAttribute("aria-activedescendant");
    tell(point);
  }

  function tell(point) {
    const told = view.querySelector(".told");
    if (!point) { told.replaceChildren(told.dataset.empty); return; }
    const list = document.createElement("dl");
    data.names.forEach((name, number) => {
      if (point.texts[number] === "\u2013") return;
      const [term, text] = [document.createElement("dt"), document.createElement("dd")];
      term.textContent = name;
      text.textContent = point.texts[number];
      list.append(term, text);
    });
    told.replaceChildren(list);
    if (anchors.length) told.append(drawRoute(point.row, anchors));
  }

  function choose(point) {
    state.chosen = point;
    look(point);
  }

  function zoom(factor) {
    const grow = (scale, middle) => {
      const [a, b] = [scale.at(scale.low), scale.at(scale.high)];
      return [middle - (middle - a) / factor, middle + (b - middle) / factor].map(scale.of);
    };
    const at = drawn.inside.includes(state.chosen) ? state.chosen : null;
    const middle = scale => (scale.at(scale.low) + scale.at(scale.high)) / 2;
    state.zoom = factor ? {
      x: grow(drawn.x, at ? drawn.x.at(at.cost) : middle(drawn.x)),
      y: grow(drawn.y, at ? drawn.y.at(at.values[state.score]) : middle(drawn.y)),
    } : null;
    draw();
  }

  // along the cost with left and right; to the same row at another level with up and down
  function step(key) {
    const { inside } = drawn;
    const now = inside.indexOf(state.chosen);
    const same = inside.filter(point => point.row === state.chosen?.row);
    const ends = { Home: 0, End: inside.length - 1 };
    if (key in ends) return inside[ends[key]];
    if (now < 0) return inside[0];
    const by = key === "ArrowRight" || key === "ArrowDown" ? 1 : -1;
    if (key === "ArrowUp" || key === "ArrowDown") {
      return same[(same.indexOf(state.chosen) + by + same.length) % same.length];
    }
    return inside[Math.min(inside.length - 1, Math.max(0, now + by))];
  }

  const keys = { "+": () => zoom(2), "-": () => zoom(0.5), 0: () => zoom(0), Escape: () => choose(null) };
  svg.addEventListener("keydown", event => {
    const point = /^(Arrow|Home|End)/.test(event.key) ? step(event.key) : null;
    if (point) choose(point);
    else if (keys[event.key]) keys[event.key]();
    else return;
    event.preventDefault();
  });
  svg.addEventListener("focus", () => { if (!state.chosen && drawn.inside.length) choose(drawn.inside[0]); });
  dragged(svg, (one, other) => {
    const sorted = (scale, side) => [scale.of(one[side]), scale.of(other[side])].sort((a, b) => a - b);
    state.zoom = { x: sorted(drawn.x, "x"), y: sorted(drawn.y, "y") };
    draw();
  });

  // in all figures of the page
  const aimed = event => event.target.closest("[data-row]");
  document.addEventListener("pointerover", event => {
    const mark = aimed(event);
    look(mark ? (pointOf(mark.id) ?? pointIn(mark.dataset.row) ?? null) : state.chosen);
  });
  document.addEventListener("click", event => {
    const mark = aimed(event);
    if (mark) choose(pointOf(mark.id) ?? pointIn(mark.dataset.row) ?? null);
  });

  view.addEventListener("change", ({ target }) => {
    if (target.name === "level") state.on[target.checked ? "add" : "delete"](target.value);
    if (target.name === "score") state.score = Number(target.value);
    if (target.name === "log") state.log = target.checked;
    if (target.name !== "level") state.zoom = null;
    draw();
  });
  view.addEventListener("click", ({ target }) => {
    if (target.dataset.zoom) zoom(Number(target.dataset.zoom));
  });
  fillControls(view, data, state, wide);
  view.hidden = false;
  document.getElementById("scriptless").remove();
  new ResizeObserver(draw).observe(svg.parentElement);
}

// what is to be chosen from
function fillControls(view, data, state, wide) {
  const levels = view.querySelector(".levels");
  data.levels.forEach((name, number) => {
    const label = document.createElement("label");
    const box = Object.assign(document.createElement("input"),
      { type: "checkbox", name: "level", value: name, checked: state.on.has(name) });
    const swatch = element("svg", { viewBox: "-8 -8 16 16", "aria-hidden": "true" },
      element("path", { d: shapeOf(number), class: `point level-${number % LOOKS}` }));
    label.append(box, swatch, name);
    levels.append(label);
  });
  const select = view.querySelector("select");
  select.append(...data.scores.map(number => new Option(data.names[number], number)));
  const log = view.querySelector("[name=log]");
  Object.assign(log, { checked: state.log, disabled: !wide });
}

// calls `done` with the corners of a rectangle that is drawn with a mouse or pen
function dragged(svg, done) {
  const place = event => {
    const box = svg.getBoundingClientRect();
    const per = svg.viewBox.baseVal.width / box.width;
    return { x: (event.clientX - box.left) * per, y: (event.clientY - box.top) * per };
  };
  let start, frame;
  svg.addEventListener("pointerdown", event => {
    if (event.pointerType !== "touch" && event.button === 0) start = place(event);
  });
  svg.addEventListener("pointermove", event => {
    if (!start) return;
    const now = place(event);
    frame ??= svg.appendChild(element("rect", { class: "frame" }));
    frame.setAttribute("x", Math.min(start.x, now.x));
    frame.setAttribute("y", Math.min(start.y, now.y));
    frame.setAttribute("width", Math.abs(now.x - start.x));
    frame.setAttribute("height", Math.abs(now.y - start.y));
  });
  document.addEventListener("pointerup", event => {
    const [from, to] = [start, place(event)];
    frame?.remove();
    start = frame = undefined;
    if (from && Math.min(Math.abs(to.x - from.x), Math.abs(to.y - from.y)) > 8) done(from, to);
  });
}

openView(document.getElementById("view"));
