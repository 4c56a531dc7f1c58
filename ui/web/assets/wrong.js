// "This citation is wrong": a button beside the words that a citation points at, which keeps the question as a case.
(() => {
  let cited = null;
  const words = (element) => {
    const copy = element.cloneNode(true);
    copy.querySelectorAll(".sr, .marks").forEach((one) => one.remove());
    return copy.textContent.trim();
  };

  function turnsBefore(exchange) {
    const all = [...document.querySelectorAll(".exchange")];
    return all.slice(0, all.indexOf(exchange)).flatMap((one) => [
      { role: "user", content: words(one.querySelector(".question")) },
      { role: "assistant", content: [...one.querySelectorAll(".answer .words")].map(words).join(" ") },
    ]);
  }

  document.addEventListener("click", (event) => {
    const mark = event.target.closest(".exchange .statement .mark[data-document]");
    if (!mark) return;
    const exchange = mark.closest(".exchange");
    cited = {
      question: words(exchange.querySelector(".question")),
      statement: words(mark.closest(".statement").querySelector(".words")),
      document: mark.dataset.document,
      start: Number(mark.dataset.start),
      end: Number(mark.dataset.end),
      history: turnsBefore(exchange),
    };
  }, true);

  async function report(button) {
    button.disabled = true;
    const sent = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(cited) };
    const answer = await (await fetch("/exam/wrong", sent)).json();
    button.textContent = answer.error ?? `Noted: it is a case of the evaluation now, in the set “${answer.set}”`;
  }

  function offer() {
    const head = document.querySelector("#source .source-head");
    const place = document.querySelector("#source mark")?.dataset;
    const same = cited && place && ["document", "start", "end"].every((name) => place[name] === String(cited[name]));
    if (!head || !same || head.querySelector(".wrong")) return;
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "quiet wrong", textContent: "This citation is wrong" });
    button.addEventListener("click", () => report(button));
    head.append(button);
  }
  new MutationObserver(offer).observe(document.documentElement, { childList: true, subtree: true });
})();
