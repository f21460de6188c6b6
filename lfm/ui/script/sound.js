// Small things that several parts of the page need. All of lfm/ui/script is loaded once, in the head.

window.lfm ??= {};

// A text that is already there is left alone, or it would be read aloud again.
lfm.put = (node, text) => { if (node.textContent !== text) node.textContent = text; };

// `0:08`
lfm.clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

// Frames of samples to a 16-bit mono WAV file.
lfm.wav = (frames, rate) => {
  const length = frames.reduce((sum, frame) => sum + frame.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * length));
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + 2 * length, true); text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);       // PCM, one channel
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  text(36, "data"); view.setUint32(40, 2 * length, true);
  let at = 44;
  for (const frame of frames) for (const x of frame) { view.setInt16(at, Math.max(-1, Math.min(1, x)) * 32767, true); at += 2; }
  return new File([view], "recording.wav", { type: "audio/wav" });
};

lfm.loudness = (samples) => Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);

lfm.download = (url, name) => {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
};

lfm.exported = (path) => { if (path) lfm.download(`gradio_api/file=${encodeURI(path)}`, "conversation.zip"); };

// The clipboard needs https or localhost, and leave; a selected field needs neither.
lfm.copy = async (text) => {
  const copied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  if (copied) return;
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
};

// Line drawings on a grid of 24.
lfm.icon = (path) => `<svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">${path}</svg>`;
lfm.icons = {
  play: '<path d="M8.5 5.8v12.4L18.5 12z" fill="currentColor" stroke-width="1.25"/>',
  pause: '<path d="M9 6v12M15 6v12" stroke-width="2.5"/>',
  download: '<path d="M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 19.5h14"/>',
  copy: '<rect x="9" y="9" width="11" height="11" rx="2.5"/><path d="M15 5.5A1.5 1.5 0 0 0 13.5 4h-8A1.5 1.5 0 0 0 4 5.5v8A1.5 1.5 0 0 0 5.5 15"/>',
  done: '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
  retry: '<path d="M4.5 12a7.5 7.5 0 0 1 13-5.1L20 9.5M19.5 12a7.5 7.5 0 0 1-13 5.1L4 14.5M20 4.5v5h-5M4 19.5v-5h5"/>',
  warn: '<circle cx="12" cy="12" r="8.5"/><path d="M12 7.8v5M12 16v.1"/>',
};
