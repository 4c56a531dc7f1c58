// "Connect a model": what each provider needs, servers on this machine, a key typed once, and a question to try it.
(() => {
  let dialog;
  const ask = async (path, options) => {
    try {
      return await (await fetch(`/models/${path}`, options)).json();
    } catch {
      return { error: "The server did not answer." };
    }
  };
  const encoded = (name) => name.split("/").map(encodeURIComponent).join("/");

  function make(tag, text = "", more = {}) {
    return Object.assign(document.createElement(tag), { textContent: text, ...more });
  }

  function open() {
    if (!dialog) {
      dialog = make("dialog", "", { id: "models" });
      dialog.setAttribute("aria-labelledby", "models-title");
      dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
      document.querySelector(".gradio-container").append(dialog);
    }
    dialog.replaceChildren(make("p", "Looking for models…"));
    if (!dialog.open) dialog.showModal();
    show();
  }

  async function show() {
    const rows = await ask("providers");
    if (rows.error) return dialog.replaceChildren(make("p", rows.error));
    const close = make("button", "Close", { type: "button", className: "quiet" });
    close.addEventListener("click", () => dialog.close());
    const head = make("header");
    head.append(make("h2", "Connect a model", { id: "models-title" }), close);
    const here = rows.filter((row) => row.leaves_machine === false && row.usable);
    const elsewhere = rows.filter((row) => row.leaves_machine);
    const missing = rows.filter((row) => row.leaves_machine === false && !row.usable);
    dialog.replaceChildren(head, make("p", "Without one, answers are quotations from your documents. A language model writes them; every sentence is checked all the same."));
    section("On this machine", "Nothing leaves it.", here);
    section("Hosted", "Each question, and the passages found for it, are sent there.", elsewhere);
    if (missing.length) {
      const details = make("details");
      details.append(make("summary", "Not running on this machine"), ...missing.map((row) => card(row)));
      dialog.append(details);
    }
  }

  function section(name, about, rows) {
    if (!rows.length) return;
    dialog.append(make("h3", name), make("p", about, { className: "about" }), ...rows.map((row) => card(row)));
  }

  function card(row) {
    const box = make("section", "", { className: "provider" });
    const head = make("div", "", { className: "name" });
    head.append(make("strong", row.name.replace("compatible:", "")), make("span", row.usable ? "ready" : "", { className: "ready" }));
    const said = make("p", "", { className: "said" });
    said.setAttribute("role", "status");
    box.append(head);
    if (row.key) box.append(keyForm(row, said));
    else if (!row.usable) box.append(make("p", row.why ?? "", { className: "why" }));
    else box.append(modelForm(row, said));
    box.append(said);
    return box;
  }

  function keyForm(row, said) {
    const form = make("form");
    const input = make("input", "", { type: "password", autocomplete: "off", placeholder: row.key, required: true });
    input.setAttribute("aria-label", `${row.key} of ${row.name}`);
    form.append(input, make("button", "Keep key", { type: "submit" }));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const got = await ask(`keys/${encoded(row.key)}`, { method: "PUT", body: input.value });
      input.value = "";
      if (got.error) said.textContent = got.error;
      else show();
    });
    return form;
  }

  function modelForm(row, said) {
    const form = make("form");
    const input = make("input", "", { type: "text", value: row.name === "offline" || row.name.startsWith("compatible:") ? row.name : row.example, spellcheck: false });
    const list = make("datalist", "", { id: `models-${row.name}` });
    input.setAttribute("aria-label", `Model of ${row.name}`);
    input.setAttribute("list", list.id);
    const use = make("button", "Use", { type: "submit" });
    const test = make("button", "Test", { type: "button", className: "plain" });
    form.append(input, list, test, use);
    if (row.name !== "offline") {
      ask(`of/${encoded(row.name)}`).then((got) => {
        list.replaceChildren(...(got.models ?? []).map((spec) => make("option", "", { value: spec })));
        if (got.models?.length) {
          said.textContent = `${got.models.length} ${got.models.length === 1 ? "model" : "models"}`;
          if (row.name.startsWith("compatible:") && input.value === row.name) input.value = got.models[0];
        } else if (got.error) said.textContent = got.error;
      });
    }
    if (row.kept) {
      const forget = make("button", "Forget key", { type: "button", className: "plain" });
      forget.addEventListener("click", async () => (await ask(`keys/${encoded(row.kept)}`, { method: "DELETE" }), show()));
      form.append(forget);
    }
    test.addEventListener("click", async () => {
      said.textContent = "Asking one question…";
      const got = await ask(`trial/${encoded(input.value)}`, { method: "PUT" });
      const cost = got.cost_usd === null ? "cost unknown" : got.cost_usd ? `$${got.cost_usd.toFixed(5)}` : "free of charge";
      said.textContent = got.error ?? `Answered in ${got.seconds} s, ${cost}${got.cited ? ", and named its source." : ", but did not name its source."}`;
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      window.pincite.choose(input.value.trim());
      dialog.close();
      document.querySelector("#question textarea").focus();
    });
    return form;
  }

  document.addEventListener("click", (event) => event.target.closest("#connect, [data-connect]") && open());
})();
