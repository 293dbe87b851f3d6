#!/usr/bin/env bash
# Makes every prompt of prompts.tsv with espeak-ng, and the hold music with sox: 8 kHz, mono, 16 bit.
# Run it after editing prompts.tsv and commit the result; nothing runs it at build time.
set -euo pipefail
cd "$(dirname "$0")"
for tool in espeak-ng sox; do command -v "$tool" >/dev/null || { echo "needs $tool" >&2; exit 2; }; done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p en hi music
six_seconds() {
  sox "$1" "$work/six.wav" tempo -s "$(awk -v s="$(soxi -D "$1")" 'BEGIN { print s / 6 }')" pad 0 0.5 trim 0 6
  mv "$work/six.wav" "$1"
}
tail -n +2 prompts.tsv | while IFS=$'\t' read -r name en hi; do
  for lang in en hi; do
    voice=en-us+f3; text=$en
    [ "$lang" = hi ] && { voice=hi+f3; text=$hi; }
    case $name in carrier_greeting | carrier_talk_*) voice=${voice/f3/m3} ;; esac
    espeak-ng -v "$voice" -s 150 -w "$work/raw.wav" -- "$text"
    # 0.1 s of air before and after, telephone band, level at -6 dBFS
    sox "$work/raw.wav" -r 8000 -c 1 -b 16 "$lang/$name.wav" \
      highpass 200 lowpass 3400 silence 1 0.05 0.5% reverse silence 1 0.05 0.5% reverse pad 0.1 0.1 norm -6 dither -S 2>/dev/null
    # The beep of the simulated answering machine comes after 6 s, in whatever language.
    [ "$name" = carrier_machine_greeting ] && six_seconds "$lang/$name.wav"
  done
done
# Hold music: four bars of plucked chords in C, written here note by note, so it belongs to the project.
part=0
for chord in "C4 E4 G4 C5" "A3 C4 E4 A4" "F3 A3 C4 F4" "G3 B3 D4 G4"; do
  notes=($chord)
  for pattern in 0 1 2 3 2 1 0 2; do
    part=$((part + 1))
    sox -n -r 8000 -c 1 -b 16 "$work/$(printf '%03d' $part).wav" synth 0.42 pluck "${notes[$pattern]}" fade l 0.01 0.42 0.08 gain -9
  done
done
sox "$work"/[0-9]*.wav -r 8000 -c 1 -b 16 music/hold.wav lowpass 3400 norm -12
