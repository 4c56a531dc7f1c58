// Runs once for each panel (list, conversation and source). `element`, `trigger` and `watch` come from Gradio.
element.addEventListener("click", (event) => {
  const example = event.target.closest("[data-question]");
  if (example) trigger("ask", { question: example.dataset.question });
  const visit = event.target.closest("[data-visit]");
  if (visit && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
    event.preventDefault();
    trigger("visit", { ...visit.dataset });
    window.pincite.closeSide();
  }
  const manage = event.target.closest("[data-do]");
  if (manage?.dataset.do === "rename") window.pincite.rename(manage, (title) => trigger("manage", { ...manage.dataset, title }));
  else if (manage) trigger("manage", { ...manage.dataset });
  const again = event.target.closest("[data-again]");
  if (again) trigger("again", { position: again.dataset.position, question: again.dataset.text });
  const edit = event.target.closest("[data-edit]");
  if (edit) window.pincite.edit(edit, (question) => trigger("again", { position: edit.dataset.position, question }));
  const rate = event.target.closest("[data-rate]");
  if (rate) trigger("rate", { ...rate.dataset });
  const copy = event.target.closest("[data-copy]");
  if (copy) window.pincite.copy(copy);
  const tick = event.target.closest("button[data-tick]");
  if (tick) trigger("tick", { ...tick.dataset });
  const act = event.target.closest("[data-act]");
  if (act) trigger("library", { ...act.dataset, listed: "yes" });
  const place = event.target.closest("[data-document], [data-list]");
  if (place && !manage) {
    trigger("open", { ...place.dataset });
    window.pincite.opening(place);
  }
});
element.addEventListener("change", (event) => {
  const tick = event.target.closest("input[data-tick]");
  const reason = event.target.closest(".reason");
  if (reason) trigger("rate", { ...reason.dataset, rate: "bad", reason: reason.value });
  if (tick) trigger("tick", { tick: tick.dataset.tick, on: tick.checked ? "yes" : "" });
});
if (element.closest("#source")) {
  window.pincite.library = (told) => trigger("library", told);
  window.pincite.choose = (spec) => trigger("choose", { spec });
}
watch("value", () => window.pincite.changed(element));
