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
  const place = event.target.closest("[data-document], [data-list]");
  if (place && !manage) {
    trigger("open", { ...place.dataset });
    window.pincite.opening(place);
  }
});
watch("value", () => window.pincite.changed(element));
