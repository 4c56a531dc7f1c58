const filter = document.getElementById("filter");
const cases = [...document.querySelectorAll(".case")];
const value = (id) => document.getElementById(id);
function show() {
  const boxes = [...document.querySelectorAll(".system")];
  const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
  const words = value("words").value.toLowerCase();
  const kind = value("kind").value;
  let shown = 0;
  for (const one of cases) {
    const passed = [...one.querySelectorAll("article")]
      .filter((part) => !boxes.length || chosen.includes(part.dataset.system))
      .map((part) => Number(part.dataset.passed) > 0);
    const fits = (!kind || one.dataset.kind === kind) &&
      (!value("failed").checked || passed.includes(false)) &&
      (!value("differs")?.checked || new Set(passed).size > 1) &&
      (!words || one.textContent.toLowerCase().includes(words));
    one.hidden = !fits;
    shown += fits;
  }
  for (const box of boxes)
    for (const part of document.querySelectorAll(`article[data-system="${box.value}"]`)) part.hidden = !box.checked;
  value("count").textContent = `${shown} of ${cases.length} cases`;
}
filter.hidden = false;
filter.addEventListener("input", show);
filter.addEventListener("submit", (event) => event.preventDefault());
show();
