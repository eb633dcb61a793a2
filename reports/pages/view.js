// The linked view: what is shown of the points, and which of them is looked at.
class View {
  constructor(box) {
    this.box = box;
    this.svg = box.querySelector("svg");
    this.data = readPoints(document.getElementById("points"));
    this.anchors = JSON.parse(box.dataset.anchors);
    this.state = {
      score: this.data.scores[0], zoom: null, chosen: null,
      on: new Set(JSON.parse(box.dataset.first)), log: this.data.positive && this.data.wide,
    };
    fillControls(box, this.data, this.state);
    this.listen();
    box.hidden = false;
    document.getElementById("scriptless").remove();
    new ResizeObserver(() => this.draw()).observe(this.svg.parentElement);
  }

  draw() {
    this.drawn = drawPlot(this.svg, this.data, this.state);
    this.look(this.state.chosen);
  }

  // the point of a mark anywhere on the page: of a figure's, that of the first level that is on
  pointOf(mark) {
    const same = this.data.points.filter(point => point.row === mark?.dataset.row);
    return same.find(point => point.id === mark.id)
      ?? same.find(point => this.state.on.has(point.level)) ?? same[0] ?? null;
  }

  // marks and tells of a point; null: of none
  look(point) {
    const { svg, state } = this;
    markRow(point?.row ?? null);
    for (const mark of svg.querySelectorAll(".point")) {
      mark.classList.toggle("same", mark.dataset.row === point?.row);
      mark.classList.toggle("looked", mark.id === point?.id);
      mark.setAttribute("aria-selected", String(mark.id === state.chosen?.id));
    }
    if (this.drawn.inside.includes(point)) svg.setAttribute("aria-activedescendant", point.id);
    else svg.removeAttribute("aria-activedescendant");
    tellOf(this.box.querySelector(".told"), point, this.data.names, this.anchors);
  }

  choose(point) {
    this.state.chosen = point;
    this.look(point);
  }

  // by a factor, around what is chosen; 0: all of it
  zoom(factor) {
    const { drawn: { x, y, inside }, state } = this;
    const chosen = inside.includes(state.chosen) ? state.chosen : null;
    const around = (scale, value) => {
      const [low, high] = [scale.at(scale.low), scale.at(scale.high)];
      const middle = chosen ? scale.at(value) : (low + high) / 2;
      return [low, high].map(end => scale.of(middle + (end - middle) / factor));
    };
    state.zoom = factor
      ? { x: around(x, chosen?.cost), y: around(y, chosen?.values[state.score]) } : null;
    this.draw();
  }

  zoomTo(one, other) {
    const between = (scale, side) =>
      [scale.of(one[side]), scale.of(other[side])].sort((a, b) => a - b);
    this.state.zoom = { x: between(this.drawn.x, "x"), y: between(this.drawn.y, "y") };
    this.draw();
  }

  // along the cost with left and right; to the same row at another level with up and down
  step(key) {
    const { drawn: { inside }, state: { chosen } } = this;
    const now = inside.indexOf(chosen);
    if (key === "Home" || now < 0) return inside[0];
    if (key === "End") return inside.at(-1);
    const by = key === "ArrowRight" || key === "ArrowDown" ? 1 : -1;
    if (key === "ArrowLeft" || key === "ArrowRight") return inside[now + by] ?? chosen;
    const same = inside.filter(point => point.row === chosen.row);
    return same[(same.indexOf(chosen) + by + same.length) % same.length];
  }

  press(key) {
    const factor = { "+": 2, "-": 0.5, 0: 0 }[key];
    if (/^(Arrow|Home|End)/.test(key)) this.choose(this.step(key) ?? null);
    else if (key === "Escape") this.choose(null);
    else if (factor !== undefined) this.zoom(factor);
    else return false;
    return true;
  }

  change({ name, value, checked }) {
    const { state } = this;
    if (name === "level") state.on[checked ? "add" : "delete"](value);
    else state.zoom = null;
    if (name === "score") state.score = Number(value);
    if (name === "log") state.log = checked;
    this.draw();
  }

  listen() {
    const { box, svg, state } = this;
    const markAt = event => event.target.closest("[data-row]");
    document.addEventListener("pointerover", event => {
      if (this.drawn) this.look(this.pointOf(markAt(event)) ?? state.chosen);
    });
    document.addEventListener("click", event => {
      if (markAt(event)) this.choose(this.pointOf(markAt(event)));
    });
    svg.addEventListener("keydown", event => {
      if (this.press(event.key)) event.preventDefault();
    });
    svg.addEventListener("focus", () => {
      if (!state.chosen) this.choose(this.drawn.inside[0] ?? null);
    });
    onDragged(svg, (one, other) => this.zoomTo(one, other));
    box.addEventListener("change", event => this.change(event.target));
    box.addEventListener("click", ({ target }) => {
      if (target.dataset.zoom) this.zoom(Number(target.dataset.zoom));
    });
  }
}

new View(document.getElementById("view"));
