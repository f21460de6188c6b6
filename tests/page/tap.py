"""Hears what the player puts out: every sample, inside the page's own audio context, with the context's time."""

import base64
from dataclasses import dataclass

import numpy as np
from playwright.sync_api import Page

CONNECT = """async () => {
    const { context, output } = window.__player;
    const code = `registerProcessor("recorder", class extends AudioWorkletProcessor {
      process([[samples]]) { if (samples) this.port.postMessage([currentTime, samples.slice()]); return true; } })`;
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
    const tap = new AudioWorkletNode(context, "recorder");
    window.heard = [];
    tap.port.onmessage = ({ data }) => window.heard.push(data);
    output.connect(tap).connect(context.destination);
}"""
# Blocks that are not all zero: their times, and their samples one after the other, as base64.
HEARD = """() => {
    const loud = window.heard.filter(([, block]) => block.some((x) => x !== 0));
    const encode = (array) => {
        const bytes = new Uint8Array(array.buffer);
        let text = "";
        for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
        return btoa(text);
    };
    const all = new Float32Array(loud.length * 128);
    loud.forEach(([, block], i) => all.set(block, i * 128));
    return [encode(Float64Array.from(loud, ([time]) => time)), encode(all)];
}"""


@dataclass
class Heard:
    """Times of the blocks that sounded, (n,), in seconds of the context; all their samples, trimmed, (m,), in steps of int16."""

    times: np.ndarray
    samples: np.ndarray


def listen(page: Page) -> None:
    """Begin to hear; a browser makes no sound before the first gesture, so this makes one."""
    page.mouse.click(5, 5)
    page.evaluate(CONNECT)


def heard(page: Page) -> Heard:
    times, samples = (base64.b64decode(text) for text in page.evaluate(HEARD))
    return Heard(np.frombuffer(times), np.trim_zeros(np.frombuffer(samples, np.float32) * 32768))
