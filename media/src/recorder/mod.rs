//! Call recording: the worker appends payloads to a chunk, a writer thread makes the file.
//!
//! The two parties are laid on one clock (that of the recording, from its first moment) by
//! [`align::Alignment`]; what nobody said is silence. The file is a sound WAV after every
//! flush, so at most the last second is lost with the process; [`repair`] mends the rest.

mod align;
mod chunk;
mod wav;
mod writer;

pub use wav::{RepairOutcome, repair};

pub(crate) use chunk::ChunkPool;
pub(crate) use writer::{Writer, WriterQueue};

use crate::RecordingKey;
use align::Alignment;
use chunk::Chunk;
use media_proto::Codec;
use media_proto::rtp::Packet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A chunk is handed to the writer at the latest after this time, so that with the writer's
/// hold-back less than a second is ever unwritten.
const HAND_OVER: Duration = Duration::from_millis(400);

/// Channel of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The customer, or the caller of an internal call.
    Left,
    /// Our side.
    Right,
}

/// To the writer thread.
#[derive(Debug)]
pub(crate) enum WriterJob {
    /// Make the file, with so many samples of silence.
    Open { recording: RecordingKey, path: PathBuf, silence: u32 },
    /// Frames up to about `until` samples after the start.
    Append { recording: RecordingKey, chunk: Box<Chunk>, until: u32 },
    /// The last frames; the file ends `end` samples after its start.
    Close { recording: RecordingKey, chunk: Box<Chunk>, end: u32, announce: bool },
}

/// Ended unannounced: what was to be told to the writer did not fit in its queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Overflow;

/// One running recording, owned by the worker of its legs.
#[derive(Debug)]
pub(crate) struct Recording {
    key: RecordingKey,
    started: Instant,
    /// Samples of silence before that.
    silence: u32,
    paused: bool,
    failed: bool,
    sides: [Alignment; 2],
    chunk: Box<Chunk>,
    handed_over: Instant,
    /// Slots of the legs recorded now.
    pub(crate) legs: [Option<usize>; 2],
}

impl Recording {
    /// Starts the clock, `silence_ms` after the beginning of the file, and asks the writer for that.
    pub(crate) fn start(
        now: Instant,
        silence_ms: u32,
        key: RecordingKey,
        path: PathBuf,
        pool: &ChunkPool,
        queue: &WriterQueue,
    ) -> Result<Self, Overflow> {
        let silence = silence_ms.saturating_mul(8);
        queue.send(WriterJob::Open { recording: key, path, silence }).map_err(|_| Overflow)?;
        pool.reserve();
        Ok(Self {
            key,
            started: now,
            silence,
            paused: false,
            failed: false,
            sides: [Alignment::default(), Alignment::default()],
            chunk: pool.take(),
            handed_over: now,
            legs: [None, None],
        })
    }

    /// Another leg speaks on this side from now on.
    pub(crate) fn replace_leg(&mut self, side: Side, slot: usize) {
        self.legs[side as usize] = Some(slot);
        self.sides[side as usize] = Alignment::default();
    }

    /// While paused both channels are silent (C15).
    pub(crate) fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// What a party said, as received. A frame that does not fit waits for nobody: the chunk is
    /// handed over and the next one taken from the pool.
    #[inline]
    pub(crate) fn append(
        &mut self,
        now: Instant,
        side: Side,
        packet: &Packet,
        codec: Codec,
        words: &[u8],
        (pool, queue): (&ChunkPool, &WriterQueue),
    ) -> Result<(), Overflow> {
        let arrival = self.position(now);
        let at = self.sides[side as usize].place(arrival, packet.ssrc, packet.timestamp);
        if self.paused || self.failed || words.is_empty() {
            return Ok(());
        }
        if !self.chunk.has_room(words.len()) {
            self.hand_over(now, pool, queue)?;
        }
        self.chunk.push(side, codec, at, words);
        Ok(())
    }

    /// Hands over what waits, if it has waited long enough.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        pool: &ChunkPool,
        queue: &WriterQueue,
    ) -> Result<(), Overflow> {
        if self.failed || now.saturating_duration_since(self.handed_over) < HAND_OVER {
            return Ok(());
        }
        self.hand_over(now, pool, queue)
    }

    fn hand_over(
        &mut self,
        now: Instant,
        pool: &ChunkPool,
        queue: &WriterQueue,
    ) -> Result<(), Overflow> {
        self.handed_over = now;
        let until = self.position(now);
        let chunk = std::mem::replace(&mut self.chunk, pool.take());
        let job = WriterJob::Append { recording: self.key, chunk, until };
        queue.send(job).map_err(|_| {
            self.failed = true;
            Overflow
        })
    }

    /// The job that completes the file.
    pub(crate) fn finish(self, now: Instant, pool: &ChunkPool) -> WriterJob {
        pool.release();
        let end = self.position(now);
        let announce = !self.failed;
        WriterJob::Close { recording: self.key, chunk: self.chunk, end, announce }
    }

    /// Its name.
    pub(crate) fn key(&self) -> RecordingKey {
        self.key
    }

    fn position(&self, now: Instant) -> u32 {
        let elapsed = now.saturating_duration_since(self.started).as_micros() / 125;
        u32::try_from(elapsed).unwrap_or(u32::MAX).saturating_add(self.silence)
    }
}
