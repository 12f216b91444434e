// The clickable form of a quiz question. The cell's source holds the answer; this shows it, and writes clicks into it.

let count = 0; // makes the ids of two views of one question differ

/** Saves in turn, for all questions of a page: two saves at once make JupyterLab ask which of them to overwrite. */
function saveInTurn(context) {
  const turns = (globalThis[Symbol.for("msq-turns")] ??= new WeakMap()); // each widget loads this module anew
  if (!turns.has(context)) turns.set(context, { running: Promise.resolve(), next: null });
  const turn = turns.get(context);
  turn.next ??= turn.running.catch(() => {}).then(() => {
    turn.running = turn.next;
    turn.next = null;
    return context.save();
  });
  return turn.next;
}

/** The call in a source that answers the question, as {start, end} of the letters, or null unless there is exactly one. */
function findLetters(source, id) {
  const call = `\\.ask\\(\\s*(?:"${id}"|'${id}')\\s*,\\s*(?:answer\\s*=\\s*)?`;
  const pattern = new RegExp(`(${call}(["']))([^"'\\\\\\n]*)\\2\\s*,?\\s*\\)`, "g");
  const found = [...source.matchAll(pattern)].filter((match) => {
    const line = source.slice(source.lastIndexOf("\n", match.index) + 1, match.index);
    return !line.includes("#");
  });
  if (found.length !== 1) return null;
  const start = found[0].index + found[0][1].length;
  return { start, end: start + found[0][3].length };
}

/** The letters in typed text ("c, a" is AC), or null when the cell has to be run to hear what is wrong with it. */
function readLetters(text, question) {
  const letters = [...new Set(text.toUpperCase().replace(/[\s,;]/g, ""))].sort();
  const known = question.options.map((option) => option.letter);
  if (!letters.every((letter) => known.includes(letter))) return null;
  return question.kind === "one" && letters.length > 1 ? null : letters.join("");
}

/** JupyterLab's and Notebook 7's document around the cell: {cell, context}; null in editors that give no way to it. */
function findCell(model, id) {
  const context = model.widget_manager?.context;
  const cells = context?.model?.sharedModel?.cells;
  const cell = cells?.find?.((one) => one.id === id);
  return cell?.setSource && context.save ? { cell, context } : null;
}

function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function buildOption(question, option, name) {
  const input = element("input", {
    type: question.kind === "one" ? "radio" : "checkbox",
    id: `${name}-${option.letter}`,
    name,
    value: option.letter,
  });
  const text = element("span", { innerHTML: option.html }); // made by the kernel from the bank, with HTML escaped
  const label = element("label", { htmlFor: input.id }, element("b", { textContent: `${option.letter}. ` }), text);
  const row = element("div", { className: "msq-option" }, input, label);
  const reason = element("div", { className: "msq-reason", id: `${input.id}-reason`, hidden: true });
  return { option, input, reason, node: element("div", {}, row, reason) };
}

/** Right or wrong and why, below each picked option of a self-check; in words and a sign, not in colour alone. */
function showReason({ option, input, reason }) {
  const told = option.feedback !== undefined && input.checked;
  reason.hidden = !told;
  reason.replaceChildren();
  if (!told) return input.removeAttribute("aria-describedby");
  reason.className = `msq-reason ${option.right ? "msq-right" : "msq-wrong"}`;
  const mark = element("b", { textContent: option.right ? "✓ Right. " : "✗ Wrong. " });
  reason.append(mark, element("span", { innerHTML: option.feedback }));
  input.setAttribute("aria-describedby", reason.id);
}

/** The sentence on a self-check's picks as a whole; the same words as autograder/quiz/text.py. */
function verdict(question, letters) {
  if (!question.selfCheck || !letters) return "";
  const right = question.options.filter((option) => option.right).map((option) => option.letter);
  if (right.join("") === letters) return " That is right.";
  if ([...letters].every((letter) => right.includes(letter))) return " Right so far; something is missing.";
  return " Not right yet: read why, and pick again.";
}

function render({ model, el }) {
  const question = model.get("question");
  const name = `msq-${question.id}-${(count += 1)}`;
  const options = question.options.map((option) => buildOption(question, option, name));
  const status = element("div", { className: "msq-status", role: "status" });
  status.setAttribute("aria-live", "polite");
  const clear = element("button", { type: "button", className: "msq-clear", textContent: "Clear answer" });
  const above = question.selfCheck ? "" : " msq-above"; // a graded question's text stands in the cell above
  const text = element("div", { className: `msq-question${above}`, id: `${name}-text`, innerHTML: question.html });
  const legend = element("legend", { textContent: `${question.title} (${question.hint})` });
  const fieldset = element("fieldset", {}, legend, text, ...options.map((one) => one.node), clear, status);
  fieldset.setAttribute("aria-describedby", text.id);
  const root = element("div", { className: "msq" }, fieldset);
  for (const node of [root, clear, ...options.map((one) => one.input)]) {
    node.setAttribute("data-lm-suppress-shortcuts", "true"); // or JupyterLab takes arrows, space and letters
  }

  const example = (letters) => `quiz.ask("${question.id}", "${letters}")`;
  const listed = (letters) => (letters ? [...letters].join(", ") : "no answer");
  let writes = 0;

  function say(sentence, wrong = false) {
    status.textContent = sentence;
    status.classList.toggle("msq-problem", wrong);
  }
  function show(letters) {
    for (const one of options) {
      one.input.checked = letters.includes(one.option.letter);
      showReason(one);
    }
    clear.disabled = !letters;
  }
  function picked() {
    return options.filter((one) => one.input.checked).map((one) => one.option.letter).join("");
  }

  /** Brings the marks in line with what stands in the cell. */
  function mirror() {
    const place = findCell(model, question.cell);
    const source = place?.cell.getSource() ?? null;
    const spot = source === null ? null : findLetters(source, question.id);
    if (place && !spot) return say(question.problem || `This cell should read ${example("…")}, with your letters between the quotes.`, true);
    const letters = spot ? readLetters(source.slice(spot.start, spot.end), question) : question.letters;
    show(letters ?? "");
    if (letters === null) return say(question.problem || "Run this cell to check the letters typed in it.", true);
    if (!place && question.problem) return say(question.problem, true);
    if (!letters) return say("No answer yet.");
    say(`The cell says: ${listed(letters)}.${verdict(question, letters)}`);
  }

  /** Writes the picked letters into the cell and saves the notebook. */
  async function write() {
    const letters = picked();
    show(letters);
    const place = findCell(model, question.cell);
    if (!place) {
      const how = `This editor does not let a click change the cell: type ${example(letters)} there and save.`;
      return say(how + verdict(question, letters), true);
    }
    const source = place.cell.getSource();
    const spot = findLetters(source, question.id);
    if (!spot) return say(`The click was not written: this cell should read ${example(letters)}.`, true);
    place.cell.setSource(source.slice(0, spot.start) + letters + source.slice(spot.end));
    await save(place.context, letters);
  }
  async function save(context, letters) {
    const mine = (writes += 1);
    say(`Saving: ${listed(letters)}.${verdict(question, letters)}`);
    try {
      if (context.contentsModel?.writable === false) throw new Error("read-only");
      await saveInTurn(context);
      if (mine === writes) say(`Saved: ${listed(letters)}.${verdict(question, letters)}`);
    } catch {
      say(`Not saved: ${listed(letters)} stands in the cell; save the notebook yourself (File, Save).`, true);
    }
  }

  for (const one of options) one.input.addEventListener("change", write);
  clear.addEventListener("click", () => {
    for (const one of options) one.input.checked = false;
    options[0].input.focus(); // the button is about to be disabled and would drop the focus
    write();
  });
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return el.closest(".jp-Cell")?.focus(); // back to the notebook's own keys
    if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey)) return;
    const place = findCell(model, question.cell);
    if (!place) return;
    event.preventDefault(); // the browser would save the page
    save(place.context, picked());
  });

  const cell = findCell(model, question.cell)?.cell;
  const onChange = (_, change) => {
    if (change.sourceChange) mirror();
  };
  cell?.changed.connect(onChange);
  mirror();
  el.append(root);
  return () => cell?.changed.disconnect(onChange);
}

export default { render };
