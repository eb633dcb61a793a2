// What a point is, without delay and by touch, too; without scripts browsers show it by themselves.
const tip = document.body.appendChild(document.createElement("div"));
tip.className = "tip";
tip.hidden = true;
document.addEventListener("pointerover", event => {
  const point = event.target.closest("svg g:has(> title), svg g[aria-label]");
  tip.hidden = !point;
  if (!point) return;
  const title = point.querySelector(":scope > title");
  if (title) {
    point.setAttribute("aria-label", title.textContent.trim());
    title.remove();  // else the browser shows it as well, later
  }
  tip.textContent = point.getAttribute("aria-label");
  const left = Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8);
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${Math.max(8, event.clientY - tip.offsetHeight - 12)}px`;
});
document.addEventListener("scroll", () => { tip.hidden = true; });
