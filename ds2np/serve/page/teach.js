// Teaches the network a voice: sentences are read one at a time, then the server trains on them.

let lesson = null, current = 0, take = null, asking = null, doubtful = null;

function tell(text) {
  $("teach-message").textContent = text;
}

async function refresh(options = {}, path = "teach") {
  lesson = await (await ask(path, options)).json();
  show();
}

/** Show how far the lesson is. */
function show() {
  const { sentences, fewest, learning, percent, line, ended, network } = lesson;
  const done = sentences.filter((each) => each.recorded).length;
  $("teach-part").hidden = false;
  $("teach-folder").textContent = lesson.folder;
  $("teach-count").textContent = `${done} of ${sentences.length} sentences are recorded` +
    (done < fewest ? `; ${fewest} at least, better all of them.` : ".");
  $("teach-sentence").textContent = sentences[current].text;
  $("teach-list").replaceChildren(...sentences.map(({ text, recorded }, i) => {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.className = recorded ? "recorded" : "";
    button.setAttribute("aria-current", i === current);
    button.onclick = () => { current = i; doubt(null); tell(""); show(); };
    item.append(button);
    return item;
  }));
  $("teach-record").disabled = learning || !navigator.mediaDevices?.getUserMedia;
  $("teach-hear").disabled = !sentences[current].recorded;
  $("teach-learn").disabled = !learning && done < fewest;
  $("teach-learn").textContent = learning ? "Stop learning" : "Learn my voice";
  $("teach-delete").disabled = !done && !network;
  $("teach-progress").hidden = !learning;
  $("teach-progress").value = percent ?? 0;
  $("teach-line").textContent = learning ? line || "beginning ..." : (ended?.lines ?? []).join(" · ");
  if (!learning && ended) tell(ended.helped
    ? "It has learned your voice, and listens with the new network from now on."
    : "It has not learned: the network from before goes on listening.");
  clearTimeout(asking);
  if (learning) asking = setTimeout(() => refresh().catch(gone), 1000);
}

function gone(error) {
  tell(error.message);
}

/** Offer to keep a take that sounds like another sentence; null: no such offer. */
function doubt(offer) {
  doubtful = offer;
  $("teach-keep").hidden = !offer;
}

/** Record the present sentence, and send it. */
async function recordSentence() {
  if (take) return take.stop();
  const number = current;
  doubt(null);
  tell("Speak.");
  $("teach-record").textContent = "Stop";
  try {
    take = await record((value) => { $("teach-level").value = value; });
    await sendTake(number, await take.done);
  } catch (error) {
    tell(`No recording: ${error.message}`);
  } finally {
    take = null;
    $("teach-record").textContent = "Record";
  }
}

/** Send a take; go on to the next sentence if nothing is wrong with it. */
async function sendTake(number, body, sure = "") {
  const options = { method: "POST", body, headers: { "Content-Type": "audio/wav" } };
  const answer = await (await ask(`teach/takes/${number}${sure}`, options)).json();
  await refresh();
  doubt(answer.doubtful ? { number, body } : null);
  if (!answer.kept) return tell(`${answer.message} Please read it again.`);
  const left = [...lesson.sentences.keys()].filter((i) => !lesson.sentences[i].recorded);
  if (left.length) current = left.find((i) => i > number) ?? left[0];
  show();
  tell(left.length ? "Kept. The next one:" : "All sentences are recorded.");
}

/** Play the present sentence. */
async function hearSentence() {
  const context = new AudioContext(), source = context.createBufferSource();
  const bytes = await (await ask(`teach/takes/${current}`)).arrayBuffer();
  source.buffer = await context.decodeAudioData(bytes);
  source.connect(context.destination);
  source.onended = () => context.close();
  source.start();
}

function forget() {
  if (!confirm(`Delete all recordings in ${lesson.folder}, and what was learned from them?`)) return;
  current = 0;
  refresh({ method: "DELETE" }, "teach/takes").then(() => tell("Deleted."), gone);
}

$("teach-record").addEventListener("click", recordSentence);
$("teach-keep").addEventListener("click", () => {
  sendTake(doubtful.number, doubtful.body, "?sure").catch(gone);
});
$("teach-hear").addEventListener("click", () => hearSentence().catch(gone));
$("teach-learn").addEventListener("click", () => {
  tell("");
  refresh({ method: lesson.learning ? "DELETE" : "POST" }, "teach/learning").catch(gone);
});
$("teach-delete").addEventListener("click", forget);
introduced.then(() => { if (about.teach) refresh().catch(gone); });
