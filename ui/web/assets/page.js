// What the page does in the browser besides Gradio: scrolling to what was opened, the drawer, light and dark.
window.pincite = (() => {
  const narrow = window.matchMedia("(max-width: 900px)");
  const find = (id) => document.getElementById(id);
  let opener = null;
  let openNow = null;

  function samePlace(a, b) {
    return a && b && ["document", "start", "end"].every((name) => a.dataset[name] === b.dataset[name]);
  }

  // A place was chosen: on a narrow screen its panel slides over the conversation.
  function opening(button) {
    if (!button.closest("#source")) {
      opener = button;
      document.querySelectorAll(".open-now").forEach((one) => one.classList.remove("open-now"));
      openNow = button.matches(".mark, .passage") ? button : null;
      openNow?.classList.add("open-now");
    }
    slide(true);
    if (samePlace(button, find("source").querySelector("mark"))) showPlace();
  }

  function openDrawer() {
    opener = find("documents");
    slide(true);
    requestAnimationFrame(() => requestAnimationFrame(showPlace)); // what is still hidden takes no focus
  }

  // While the drawer lies over the conversation, the keyboard stays in it.
  function slide(open) {
    document.body.classList.toggle("source-open", open);
    for (const id of ["top", "talk"]) find(id).inert = open && narrow.matches;
  }

  function close() {
    slide(false);
    if (narrow.matches) opener?.focus();
  }

  function showPlace() {
    const panel = find("source");
    const text = panel.querySelector(".text");
    const place = panel.querySelector("mark, .nearest-passage, .place");
    if (!text) return;
    if (!place) text.scrollTop = 0;
    else {
      const box = place.getBoundingClientRect();
      const room = Math.max(24, (text.clientHeight - box.height) / 3);
      text.scrollTop += box.top - text.getBoundingClientRect().top - room;
    }
    if (narrow.matches && document.body.classList.contains("source-open")) panel.querySelector("h2")?.focus();
  }

  // Gradio has drawn a panel anew.
  function changed(element) {
    if (element.closest("#source")) showPlace();
    else if (element.closest("#current")) {
      keep(element);
      follow(element);
    }
  }

  // Drawing anew takes back what the reader did to an answer, for example while the one beside it goes on.
  function keep(element) {
    element.querySelectorAll("details").forEach((one) => "unfolded" in one && (one.open = one.unfolded));
    if (openNow?.isConnected) openNow.classList.add("open-now");
  }

  function unfolding(summary) {
    summary.parentElement.unfolded = !summary.parentElement.open;
  }

  // A new question is brought to the top once; after that the reader's own scrolling is left alone.
  let asked = "";
  function follow(element) {
    const exchanges = find("exchanges");
    const question = element.querySelector(".question")?.textContent ?? "";
    const now = question && `${find("past").querySelectorAll(".exchange").length}:${question}`;
    if (now !== asked) {
      asked = now;
      const top = element.getBoundingClientRect().top - exchanges.getBoundingClientRect().top;
      exchanges.scrollTo({ top: now ? exchanges.scrollTop + top - 8 : 0 });
    }
  }

  function switchTheme() {
    const dark = document.body.classList.toggle("dark");
    try {
      localStorage.setItem("pincite-theme", dark ? "dark" : "light");
    } catch {}
  }

  function start() {
    find("current").setAttribute("aria-live", "polite");
    find("source").setAttribute("aria-label", "Source");
    find("source").setAttribute("role", "complementary");
    try {
      const theme = localStorage.getItem("pincite-theme");
      if (theme) document.body.classList.toggle("dark", theme === "dark");
    } catch {}
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) close();
    const summary = event.target.closest("summary");
    if (summary) unfolding(summary);
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && close());
  narrow.addEventListener("change", () => slide(false));
  const waiting = new MutationObserver(() => {
    if (find("source") && find("current")) {
      waiting.disconnect();
      start();
    }
  });
  waiting.observe(document.documentElement, { childList: true, subtree: true });

  return { opening, openDrawer, changed, switchTheme };
})();
