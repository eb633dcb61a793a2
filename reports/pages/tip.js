// What a point is, without delay and by touch, too; without scripts browsers show it by themselves.
const tip = document.querySelector("main").appendChild(document.createElement("div"));
tip.className = "tip";
tip.hidden = true;

function showTip(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  tip.style.left = `${Math.max(8, Math.min(x + 12, innerWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${Math.max(8, y - tip.offsetHeight - 12)}px`;
}

document.addEventListener("pointerover", event => {
  const point = event.target.closest("svg g:has(> title), svg [data-words]");
  if (!point) { tip.hidden = true; return; }
  const title = point.querySelector(":scope > title");
  if (title) {
    point.dataset.words = title.textContent.trim();
    title.remove();  // else the browser shows it as well, later
  }
  showTip(point.dataset.words, event.clientX, event.clientY);
});
document.addEventListener("scroll", () => { tip.hidden = true; });
document.addEventListener("keydown", event => { if (event.key === "Escape") tip.hidden = true; });
