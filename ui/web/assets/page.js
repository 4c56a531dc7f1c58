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
    whenSeen(60);
  }

  // What is still hidden takes no focus.
  function whenSeen(frames) {
    if (frames && getComputedStyle(find("source").querySelector("h2")).visibility !== "visible") requestAnimationFrame(() => whenSeen(frames - 1));
    else showPlace();
  }

  // While the drawer lies over the conversation, the keyboard stays in it.
  function slide(open) {
    document.body.classList.toggle("source-open", open);
    for (const id of ["top", "talk"]) find(id).inert = open && narrow.matches;
  }

  function close() {
    if (document.body.classList.contains("side-open")) {
      closeSide();
      find("conversations").focus();
      return;
    }
    slide(false);
    if (narrow.matches) opener?.focus();
  }

  // The list of conversations: a drawer on narrow screens, put away at will on wide ones.
  function switchSide() {
    const name = narrow.matches ? "side-open" : "side-away";
    const now = document.body.classList.toggle(name);
    find("conversations").setAttribute("aria-expanded", String(now === narrow.matches));
    if (narrow.matches) {
      for (const id of ["talk", "source"]) find(id).inert = now;
      if (now) find("new").focus();
    } else keepLocally("pincite-side", now ? "away" : "");
  }

  function closeSide() {
    if (document.body.classList.contains("side-open")) switchSide();
  }

  // The title of a conversation becomes a box to type in; Enter keeps what is typed, Escape what was.
  function rename(button, keep) {
    const row = button.closest(".conversation");
    const link = row.querySelector("a");
    const box = Object.assign(document.createElement("input"), { type: "text", value: link.textContent, maxLength: 200 });
    box.setAttribute("aria-label", "Title");
    row.querySelector("details").open = false;
    link.replaceWith(box);
    box.select();
    let over = false;
    const end = (kept) => {
      if (over) return;
      over = true;
      box.replaceWith(link);
      if (kept && box.value.trim() !== link.textContent) keep(box.value);
    };
    box.addEventListener("keydown", (event) => {
      if (["Enter", "Escape"].includes(event.key)) {
        event.stopPropagation();
        end(event.key === "Enter");
      }
    });
    box.addEventListener("blur", () => end(true));
  }

  // The question becomes a box to type in; Enter asks it in place of what was asked.
  function edit(button, ask) {
    const question = button.closest(".exchange").querySelector(".question");
    const area = Object.assign(document.createElement("textarea"), { value: button.dataset.text, rows: 3, className: "editing" });
    area.setAttribute("aria-label", "Edit the question; Enter asks it, Escape leaves it as it was");
    question.hidden = true;
    question.after(area);
    area.focus();
    const end = () => {
      question.hidden = false;
      area.remove();
      button.focus();
    };
    area.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") end();
      if (event.key === "Enter" && !event.shiftKey && area.value.trim()) {
        event.preventDefault();
        const text = area.value;
        end();
        ask(text);
      }
    });
  }

  async function copy(button) {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    } catch {
      button.textContent = "The browser does not allow it";
    }
    setTimeout(() => (button.textContent = "Copy"), 2500);
  }

  // What the browser keeps: whose conversations these are, where others share the page, and what was being typed.
  function keepLocally(name, value) {
    try {
      value ? localStorage.setItem(name, value) : localStorage.removeItem(name);
    } catch {}
  }

  function kept(name) {
    try {
      return localStorage.getItem(name) ?? "";
    } catch {
      return "";
    }
  }

  // A page was opened: says which conversation its address names.
  function arrived(sent) {
    return [new URLSearchParams(location.search).get("c") ?? "", owner(sent[1]), ...sent.slice(2)];
  }

  // Where several people share the page ("?"), each browser knows its own conversations by a number nobody guesses.
  function owner(now) {
    if (now !== "?") return now;
    const number = [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
    if (!kept("pincite-owner")) keepLocally("pincite-owner", number);
    return kept("pincite-owner") || number;
  }

  const box = () => find("question").querySelector("textarea");
  const draft = () => `pincite-draft-${conversation}`;
  let conversation = new URLSearchParams(location.search).get("c") ?? "";

  // Another conversation is open: its address can be kept, and what was being typed in it comes back.
  function conversing(now) {
    now ??= "";
    if (now !== (new URLSearchParams(location.search).get("c") ?? "")) {
      history.pushState(null, "", now ? `/?c=${now}` : "/");
    }
    if (now !== conversation) {
      conversation = now;
      fill(kept(draft()) || (box().matches(":focus") ? box().value : ""));
    }
    document.querySelectorAll("#list a[aria-current]").forEach((one) => one.removeAttribute("aria-current"));
    document.querySelector(`#list a[data-visit="${CSS.escape(now)}"]`)?.setAttribute("aria-current", "page");
  }

  function fill(text) {
    const area = box();
    if (area.value === text) return;
    area.value = text;
    area.dispatchEvent(new Event("input", { bubbles: true }));
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
    const now = question && `${conversation}:${find("past").querySelectorAll(".exchange").length}:${question}`;
    if (now !== asked) {
      asked = now;
      const top = element.getBoundingClientRect().top - exchanges.getBoundingClientRect().top;
      exchanges.scrollTo({ top: now ? exchanges.scrollTop + top - 8 : 0 });
    }
  }

  function switchTheme() {
    keepLocally("pincite-theme", document.body.classList.toggle("dark") ? "dark" : "light");
  }

  function start() {
    find("current").setAttribute("aria-live", "polite");
    find("source").setAttribute("aria-label", "Source");
    find("source").setAttribute("role", "complementary");
    find("side").setAttribute("aria-label", "Conversations");
    find("side").setAttribute("role", "navigation");
    find("conversations").setAttribute("aria-expanded", "true");
    find("conversations").addEventListener("click", switchSide);
    const theme = kept("pincite-theme");
    if (theme) document.body.classList.toggle("dark", theme === "dark");
    if (narrow.matches) find("conversations").setAttribute("aria-expanded", "false");
    else if (kept("pincite-side")) switchSide();
    fill(kept(draft()));
    box().addEventListener("input", () => keepLocally(draft(), box().value));
    box().addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey) keepLocally(draft(), "");
    });
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) close();
    const summary = event.target.closest("summary");
    if (summary) unfolding(summary);
    for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(summary)) menu.open = false;
    if (event.target.closest("#question .submit-button")) keepLocally(draft(), "");
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    if (event.altKey && ["ArrowDown", "ArrowUp"].includes(event.key)) step(event.key === "ArrowDown" ? 1 : -1, event);
  });

  // Alt and an arrow: the next citation of the answer, or the one before.
  function step(by, event) {
    const marks = [...document.querySelectorAll(".exchange .mark")];
    if (!marks.length) return;
    event.preventDefault();
    const at = marks.indexOf(openNow);
    const first = marks.findIndex((mark) => mark.closest("#current"));
    const next = marks[at < 0 ? Math.max(first, 0) : (at + by + marks.length) % marks.length];
    next.scrollIntoView({ block: "nearest" });
    next.focus({ preventScroll: true });
    next.click();
  }
  window.addEventListener("popstate", () => location.reload());
  narrow.addEventListener("change", () => {
    closeSide();
    slide(false);
  });
  const waiting = new MutationObserver(() => {
    if (["conversations", "side", "source", "current", "question"].every(find) && box()) {
      waiting.disconnect();
      start();
    }
  });
  waiting.observe(document.documentElement, { childList: true, subtree: true });

  return { opening, openDrawer, changed, switchTheme, arrived, owner, conversing, closeSide, rename, edit, copy };
})();
