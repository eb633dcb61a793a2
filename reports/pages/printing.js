// What is folded away is printed, too; of the points only what the reader has opened.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("section:not(#explore) > details:not([open])")];
  for (const one of folded) one.open = true;
});
addEventListener("afterprint", () => {
  for (const one of folded) one.open = false;
});
