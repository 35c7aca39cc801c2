// Letters that light up while their sound plays; a letter that is clicked plays from there on.

/** The letter that began last at a time in seconds, -1 before the first; starts are sorted. */
function lastStarted(starts, time) {
  return starts.filter((start) => start <= time).length - 1;
}

const LIT = "background: #f0c889; outline: 1px solid #9a4a00";
const LETTER = "font: 22px/1.6 system-ui, sans-serif; color: #222222; border: 0; padding: 0 2px;";

function buildLetters(place, figure) {
  const audio = figure.querySelector("audio");
  const starts = [...figure.querySelectorAll("[data-start]")].map((s) => Number(s.dataset.start));
  const letters = [...figure.querySelectorAll("[data-start]")].map((span, i) => make("button", {
    type: "button", style: LETTER, "aria-label": `${span.textContent}, ${starts[i]} seconds`,
    onclick: () => { audio.currentTime = starts[i]; audio.play(); light(); },
  }, span.textContent === " " ? "\u00a0" : span.textContent));

  function light() {
    const now = audio.paused && audio.currentTime === 0 ? -1 : lastStarted(starts, audio.currentTime);
    letters.forEach((letter, i) => {
      letter.style.cssText = LETTER + (i === now ? LIT : "background: #ffffff");
    });
  }

  function follow() {
    light();
    if (!audio.paused && !audio.ended) requestAnimationFrame(follow);
  }

  for (const event of ["play", "seeked", "ended"]) audio.addEventListener(event, follow);
  const caption = figure.querySelector("figcaption");
  place.append(...(caption ? [caption] : []), audio, make("p", {}, ...letters),
    make("p", {}, "Play, and watch; or click a letter to hear the sound from there on."));
  light();
}

if (typeof document === "undefined") {
  module.exports = { lastStarted };
} else {
  start("lit_letters", buildLetters);
}
