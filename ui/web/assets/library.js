// Adding documents: by the buttons, by dropping or pasting them anywhere on the page. And news of the folder.
(() => {
  const find = (id) => document.getElementById(id);
  const editable = () => document.querySelector("[data-pick]") || find("uploads");
  const listed = () => (document.querySelector("#source .text.list") ? "yes" : "");

  function uploads() {
    if (!find("uploads")) {
      const list = Object.assign(document.createElement("ul"), { id: "uploads" });
      list.setAttribute("role", "status");
      list.setAttribute("aria-label", "Files being added");
      find("composer").prepend(list);
    }
    return find("uploads");
  }

  // One line a file: how far it is, and in the end what became of it.
  function line(name) {
    const item = document.createElement("li");
    const said = Object.assign(document.createElement("span"), { className: "said", textContent: "waiting" });
    const close = Object.assign(document.createElement("button"), { type: "button", className: "gone", hidden: true });
    close.setAttribute("aria-label", `Dismiss ${name}`);
    close.addEventListener("click", () => item.remove());
    item.append(Object.assign(document.createElement("span"), { className: "name", textContent: name }), said, close);
    uploads().append(item);
    return {
      say: (text, over = false, bad = false) => {
        said.textContent = text;
        item.classList.toggle("bad", bad);
        close.hidden = !over;
        if (over && !bad) setTimeout(() => item.remove(), 6000);
      },
      offer: (text, then) => {
        const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
        button.addEventListener("click", () => (button.remove(), then()));
        said.after(button);
      },
    };
  }

  function send(file, name, told, replace) {
    return new Promise((done) => {
      const request = new XMLHttpRequest();
      const path = name.split("/").map(encodeURIComponent).join("/");
      request.open("PUT", `/library/files/${path}${replace ? "?replace=true" : ""}`);
      request.upload.addEventListener("progress", (event) => told.say(`sending, ${Math.round((100 * event.loaded) / event.total)} %`));
      request.addEventListener("loadend", () => {
        try {
          done({ status: request.status, ...JSON.parse(request.responseText) });
        } catch {
          done({ status: 0, error: "The server did not answer." });
        }
      });
      request.send(file);
    });
  }

  async function add(file, name, told = line(name), replace = false) {
    const got = await send(file, name, told, replace);
    if (got.status === 409) {
      told.say(got.error, true, true);
      told.offer("Replace", () => add(file, name, told, true));
    } else if (got.status !== 200) told.say(got.error, true, true);
    else await follow(got.name, told);
  }

  async function follow(name, told) {
    told.say("being read");
    const path = name.split("/").map(encodeURIComponent).join("/");
    for (;;) {
      await new Promise((later) => setTimeout(later, 400));
      const now = await (await fetch(`/library/files/${path}`)).json();
      if (now.state === "waiting") continue;
      const why = now.why.join(" ");
      if (now.state === "indexed") told.say(why ? `added, but: ${why}` : "added", true, Boolean(why));
      else told.say(`left out: ${why}`, true, true);
      return;
    }
  }

  async function addAll(files) {
    const lines = files.map(({ file, name }) => [file, name, line(name)]);
    for (const one of lines) await add(...one); // one after the other: a folder may hold thousands
  }

  function pick(kind) {
    const input = Object.assign(document.createElement("input"), { type: "file", multiple: true });
    if (kind === "folder") input.webkitdirectory = true;
    input.addEventListener("change", () =>
      addAll([...input.files].map((file) => ({ file, name: file.webkitRelativePath || file.name }))));
    input.click();
  }

  // The files in what was dropped, folders opened.
  async function dropped(items) {
    const found = [];
    async function walk(entry) {
      if (entry.isFile) found.push({ file: await new Promise((got, not) => entry.file(got, not)), name: entry.fullPath.slice(1) });
      else {
        const reader = entry.createReader();
        for (let some; (some = await new Promise((got, not) => reader.readEntries(got, not))).length; ) {
          for (const one of some) await walk(one);
        }
      }
    }
    for (const entry of [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean)) await walk(entry);
    return found;
  }

  const brings = (event) => editable() && [...(event.dataTransfer?.types ?? [])].includes("Files");
  let over = 0;
  document.addEventListener("dragenter", (event) => brings(event) && (over++, document.body.classList.add("dropping")));
  document.addEventListener("dragleave", (event) => brings(event) && --over < 1 && document.body.classList.remove("dropping"));
  document.addEventListener("dragover", (event) => brings(event) && event.preventDefault());
  document.addEventListener("drop", async (event) => {
    over = 0;
    document.body.classList.remove("dropping");
    if (!brings(event)) return;
    event.preventDefault();
    addAll(await dropped(event.dataTransfer.items));
  }, true);
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!editable() || !files.length) return;
    event.preventDefault();
    addAll(files.map((file) => ({ file, name: file.name })));
  }, true);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-pick]");
    if (button) pick(button.dataset.pick);
  });

  // What happens in the folder, here or elsewhere, is on the page a moment later.
  let version; // that of the list that is shown, then that of the last news
  async function look() {
    let busy = false;
    if (editable() && !document.hidden) {
      try {
        const got = await fetch("/library/news");
        if (got.status === 403) return location.reload(); // the server was started anew, and knows this browser no more
        const news = await got.json();
        busy = Boolean(news.busy);
        version ??= Number(document.querySelector("[data-news]")?.dataset.news ?? news.version);
        if (news.version !== version) window.pincite.library({ act: "news", listed: listed() });
        version = news.version;
      } catch {} // the server is being started anew
    }
    setTimeout(look, busy ? 700 : 2500);
  }
  look();
})();
