//! The buffers that carry frames from worker to writer, and their pool.

use super::Side;
use crossbeam_queue::ArrayQueue;
use media_proto::Codec;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of one chunk: what two parties say between two hand-overs, and a frame or two.
const CHUNK_BYTES: usize = 7 * 1024;
/// One spare for so many recordings: housekeeping comes four times between two hand-overs, so
/// about a quarter of the chunks is on its way to the writer at once.
const RECORDINGS_PER_SPARE: usize = 4;
/// Bytes before each frame's words.
const FRAME_HEADER_BYTES: usize = 7;
/// Chunks that may lie in the pool.
const POOLED_MAX: usize = 4096;

/// Frames of one recording, packed.
#[derive(Debug)]
pub(crate) struct Chunk {
    bytes: Vec<u8>,
}

/// One frame of a chunk.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) side: Side,
    pub(super) codec: Codec,
    /// First sample, counted from the start of the recording.
    pub(super) at: u32,
    pub(super) words: &'a [u8],
}

impl Chunk {
    fn new() -> Box<Self> {
        Box::new(Self { bytes: Vec::with_capacity(CHUNK_BYTES) })
    }

    pub(super) fn has_room(&self, words: usize) -> bool {
        self.bytes.len() + FRAME_HEADER_BYTES + words <= CHUNK_BYTES
    }

    pub(super) fn push(&mut self, side: Side, codec: Codec, at: u32, words: &[u8]) {
        let kind = u8::from(side == Side::Right) | (u8::from(codec == Codec::Pcmu) << 1);
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&(words.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(&at.to_le_bytes());
        self.bytes.extend_from_slice(words);
    }

    pub(super) fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (header, after) = rest.split_first_chunk::<FRAME_HEADER_BYTES>()?;
            let [kind, l0, l1, a0, a1, a2, a3] = *header;
            let (words, after) =
                after.split_at_checked(usize::from(u16::from_le_bytes([l0, l1])))?;
            rest = after;
            Some(Frame {
                side: if kind & 1 == 0 { Side::Left } else { Side::Right },
                codec: if kind & 2 == 0 { Codec::Pcma } else { Codec::Pcmu },
                at: u32::from_le_bytes([a0, a1, a2, a3]),
                words,
            })
        })
    }
}

/// Empty chunks. Each recording brings its own when it starts, and every fourth a spare for
/// those on their way to the writer, so that taking one allocates only while the disk is slower
/// than the calls: then memory grows until the writer's queue is full.
#[derive(Debug)]
pub(crate) struct ChunkPool {
    free: ArrayQueue<Box<Chunk>>,
    recordings: AtomicUsize,
}

impl ChunkPool {
    pub(crate) fn new() -> Self {
        Self { free: ArrayQueue::new(POOLED_MAX), recordings: AtomicUsize::new(0) }
    }

    /// A recording starts.
    pub(super) fn reserve(&self) {
        let before = self.recordings.fetch_add(1, Ordering::Relaxed);
        self.give_back(Chunk::new());
        if before.is_multiple_of(RECORDINGS_PER_SPARE) {
            self.give_back(Chunk::new());
        }
    }

    /// A recording ends.
    pub(super) fn release(&self) {
        drop(self.free.pop());
        let left = self.recordings.fetch_sub(1, Ordering::Relaxed).saturating_sub(1);
        if left.is_multiple_of(RECORDINGS_PER_SPARE) {
            drop(self.free.pop());
        }
    }

    pub(super) fn take(&self) -> Box<Chunk> {
        self.free.pop().unwrap_or_else(Chunk::new)
    }

    pub(super) fn give_back(&self, mut chunk: Box<Chunk>) {
        // What a slow disk made grow is not kept.
        if self.free.len() <= self.recordings.load(Ordering::Relaxed) {
            chunk.bytes.clear();
            drop(self.free.push(chunk));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in() {
        let mut chunk = Chunk::new();
        chunk.push(Side::Left, Codec::Pcma, 7, &[1, 2, 3]);
        chunk.push(Side::Right, Codec::Pcmu, u32::MAX, &[]);
        let frames: Vec<Frame<'_>> = chunk.frames().collect();
        let left = Frame { side: Side::Left, codec: Codec::Pcma, at: 7, words: &[1, 2, 3] };
        let right = Frame { side: Side::Right, codec: Codec::Pcmu, at: u32::MAX, words: &[] };
        assert_eq!(frames, [left, right]);
    }

    #[test]
    fn a_chunk_never_grows() {
        let mut chunk = Chunk::new();
        let mut frames = 0;
        while chunk.has_room(160) {
            chunk.push(Side::Left, Codec::Pcma, 0, &[0; 160]);
            frames += 1;
        }
        assert_eq!((frames, chunk.bytes.capacity()), (42, CHUNK_BYTES));
    }
}
