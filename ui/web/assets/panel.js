// Runs once for each panel (conversation and source). `element`, `trigger` and `watch` come from Gradio.
element.addEventListener("click", (event) => {
  const example = event.target.closest("[data-question]");
  if (example) trigger("ask", { question: example.dataset.question });
  const place = event.target.closest("[data-document], [data-list]");
  if (place) {
    trigger("open", { ...place.dataset });
    window.pincite.opening(place);
  }
});
watch("value", () => window.pincite.changed(element));
