// Calls `done` with two corners of a rectangle that is drawn with a mouse or pen.
function onDragged(svg, done) {
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
