// A mouth and an ear for pages: which tone one speaks, and how long one heard which other.

/** In the page: a microphone that speaks one tone, and an ear that measures another. */
export function ears({ spoken, expected }) {
  const context = new AudioContext({ sampleRate: 48_000 });
  const tone = context.createOscillator();
  const level = context.createGain();
  const mouth = context.createMediaStreamDestination();
  tone.frequency.value = spoken;
  level.gain.value = 0.4;
  tone.connect(level).connect(mouth);
  tone.start();
  window.microphone = mouth.stream;
  window.heard = 0;
  window.listen = (stream) => {
    // Chromium decodes a stream only while an element plays it.
    const player = new Audio();
    player.srcObject = stream;
    player.muted = true;
    void player.play();
    const analyser = context.createAnalyser();
    analyser.fftSize = 4096;
    context.createMediaStreamSource(stream).connect(analyser);
    const bins = new Float32Array(analyser.frequencyBinCount);
    const timer = setInterval(() => {
      analyser.getFloatFrequencyData(bins);
      const width = context.sampleRate / analyser.fftSize;
      let loudest = 0;
      for (let bin = 1; bin < bins.length; bin++) if (bins[bin] > bins[loudest]) loudest = bin;
      if (bins[loudest] > -50 && Math.abs(loudest * width - expected) <= 2 * width) window.heard += 0.05;
    }, 50);
    return () => clearInterval(timer);
  };
}
