// A route as a drawing: the blocks of every anchor, those that are run through, and the joints.
function element(name, attributes = {}, ...children) {
  const found = document.createElementNS(document.querySelector("svg").namespaceURI, name);
  for (const [key, value] of Object.entries(attributes)) found.setAttribute(key, value);
  found.append(...children);
  return found;
}

// the joints of `0.3>1.4 1.6>2.7`, of an anchor alone none
function jointsOf(row) {
  return [...row.matchAll(/(\d+)\.(\d+)>(\d+)\.(\d+)/g)].map(found => found.slice(1).map(Number));
}

function segmentsOf(row, depths) {
  const joints = jointsOf(row);
  let [anchor, start] = [joints.length ? joints[0][0] : Number(row), 0];
  const found = [];
  for (const [front, last, back, next] of joints) {
    found.push([front, start, last]);
    [anchor, start] = [back, next];
  }
  return [...found, [anchor, start, depths[anchor] - 1]];
}

function drawRoute(row, anchors) {
  const depths = anchors.map(anchor => anchor.blocks);
  const segments = segmentsOf(row, depths);
  const [left, box, gap, high] = [78, 14, 4, 34];
  const x = block => left + block * (box + gap);
  const y = anchor => 6 + anchor * high;
  const told = segments.map(([anchor, first, last]) =>
    `blocks ${first} to ${last} of ${anchors[anchor].name}`);
  const drawing = element("svg", {
    class: "route", role: "img", "aria-label": `Route: ${told.join(", then ")}`,
    viewBox: `0 0 ${x(Math.max(...depths)) + 4} ${y(anchors.length)}`,
  });
  anchors.forEach(({ name, blocks }, anchor) => {
    drawing.append(element("text", { x: 0, y: y(anchor) + 11 }, name));
    for (let block = 0; block < blocks; block++) {
      const used = segments.some(([one, first, last]) =>
        one === anchor && first <= block && block <= last);
      drawing.append(element("rect", {
        x: x(block), y: y(anchor), width: box, height: box, rx: 2, class: used ? "used" : "",
      }));
    }
  });
  for (const [front, last, back, next] of jointsOf(row)) {
    const down = back > front;
    drawing.append(element("line", {
      x1: x(last) + box / 2, y1: y(front) + (down ? box : 0),
      x2: x(next) + box / 2, y2: y(back) + (down ? 0 : box),
    }));
  }
  return drawing;
}
