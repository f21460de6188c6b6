// The microphone as a stream of frames of 20 ms, and what to say where there is none.

window.lfm ??= {};

lfm.openMicrophone = async (hear) => {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } });
  const context = new AudioContext();
  const frames = `registerProcessor("frames", class extends AudioWorkletProcessor {
    frame = new Float32Array(Math.round(sampleRate / 50)); filled = 0;
    process([[samples = []]]) {
      for (const sample of samples) {
        this.frame[this.filled++] = sample;
        if (this.filled === this.frame.length) { this.port.postMessage(this.frame.slice()); this.filled = 0; }
      }
      return true;
    }
  })`;
  const module = URL.createObjectURL(new Blob([frames], { type: "text/javascript" }));
  await context.audioWorklet.addModule(module);
  URL.revokeObjectURL(module);
  const node = new AudioWorkletNode(context, "frames");
  node.port.onmessage = ({ data }) => hear(data);
  context.createMediaStreamSource(stream).connect(node);
  const [track] = stream.getTracks();
  return {
    rate: context.sampleRate,
    onLost(act) { track.onended = act; },     // unplugged, or forbidden while it runs
    close() { node.port.onmessage = null; track.onended = null; track.stop(); context.close(); },
  };
};

// Why the microphone did not open: a title, a remedy, and "again" where trying again can help.
lfm.whyNoMicrophone = (error) => {
  if (!window.isSecureContext) {
    return ["This page was opened over http", `Browsers hide the microphone then. Open http://localhost:${location.port || 80} on the computer itself. You can keep typing meanwhile.`, ""];
  }
  if (error?.name === "NotFoundError") return ["No microphone was found", "Connect one and try again. You can type or attach a file meanwhile.", "again"];
  return ["The browser is blocking the microphone", "Click the icon at the left of the address bar, choose Allow for the microphone, then try again. You can keep typing meanwhile.", "again"];
};
