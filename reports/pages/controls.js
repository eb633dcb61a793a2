// What the view lets one choose: levels, what is shown, and how the cost runs.
function levelControl(name, number, checked) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  Object.assign(box, { type: "checkbox", name: "level", value: name, checked });
  const mark = element("path", { d: shapeOf(number), class: `level-${colourOf(number)}` });
  label.append(box, element("svg", { viewBox: "-8 -8 16 16", "aria-hidden": "true" }, mark), name);
  return label;
}

function fillControls(view, data, state) {
  const levels = data.levels.map((name, number) => levelControl(name, number, state.on.has(name)));
  view.querySelector(".levels").append(...levels);
  const options = data.scores.map(number => new Option(data.names[number], number));
  view.querySelector("select").append(...options);
  const log = view.querySelector("[name=log]");
  Object.assign(log, { checked: state.log, disabled: !data.positive });
}
