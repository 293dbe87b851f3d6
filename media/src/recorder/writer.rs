//! The writer thread: frames in, sound WAV files out.

use super::chunk::{Chunk, ChunkPool};
use super::wav::{FRAME_BYTES, HEADER_BYTES, header};
use super::{Side, WriterJob};
use crate::{EventSink, MediaEvent, RecordingKey};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Jobs that may wait: several seconds of hundreds of calls. Full means `RecordingFailed`.
const JOBS_MAX: usize = 8192;
/// Audio newer than this is kept back for late packets: 200 ms.
const HOLD_BACK_SAMPLES: u32 = 1600;
/// What a file holds: what is kept back, and a frame or two that run past it.
const HELD_SAMPLES: usize = 2048;
/// Longest stretch written at once: 30 s (longer ones only after a stall).
const STRETCH_SAMPLES_MAX: u32 = 30 * 8000;

/// The workers' end of the queue.
#[derive(Clone, Debug)]
pub(crate) struct WriterQueue {
    jobs: Sender<WriterJob>,
}

impl WriterQueue {
    /// Never blocks; gives the job back when the queue is full.
    pub(crate) fn send(&self, job: WriterJob) -> Result<(), Box<WriterJob>> {
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => Box::new(job),
        })
    }
}

/// The running thread. It ends when every queue handle is gone and all jobs are done.
#[derive(Debug)]
pub(crate) struct Writer {
    thread: JoinHandle<()>,
}

impl Writer {
    pub(crate) fn start(
        events: EventSink,
        pool: Arc<ChunkPool>,
    ) -> io::Result<(Self, WriterQueue)> {
        let (jobs, inbox) = bounded(JOBS_MAX);
        let mut state = Files { events, pool, desk: Desk::default(), open: HashMap::new() };
        let run = move || state.run(&inbox);
        let thread = std::thread::Builder::new().name("media-writer".into()).spawn(run)?;
        Ok((Self { thread }, WriterQueue { jobs }))
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the last file.
    pub(crate) fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("the recording writer panicked");
        }
    }
}

struct Files {
    events: EventSink,
    pool: Arc<ChunkPool>,
    desk: Desk,
    /// `None` after a failure, until closed.
    open: HashMap<RecordingKey, Option<OpenFile>>,
}

impl Files {
    fn run(&mut self, inbox: &Receiver<WriterJob>) {
        while let Ok(job) = inbox.recv() {
            self.handle(job);
        }
        // A worker that died leaves its files behind: close what there is.
        for (recording, file) in std::mem::take(&mut self.open) {
            if let Some(Err(error)) = file.map(OpenFile::finish) {
                tracing::warn!(recording.id = %recording.0, %error, "recording not completed");
            }
        }
    }

    fn handle(&mut self, job: WriterJob) {
        match job {
            WriterJob::Open { recording, path, silence } => {
                let file = self.check(recording, OpenFile::create(&path, silence));
                self.open.insert(recording, file);
            }
            WriterJob::Append { recording, chunk, until } => {
                self.append(recording, chunk, until.saturating_sub(HOLD_BACK_SAMPLES));
            }
            WriterJob::Close { recording, chunk, end, announce } => {
                self.append(recording, chunk, end);
                let Some(file) = self.open.remove(&recording).flatten() else { return };
                let duration_ms = u64::from(file.committed) / 8;
                let finished = self.check(recording, file.finish());
                if finished.is_some() && announce {
                    (self.events)(MediaEvent::RecordingStopped { recording, duration_ms });
                }
            }
        }
    }

    fn append(&mut self, recording: RecordingKey, chunk: Box<Chunk>, until: u32) {
        if let Some(Some(file)) = self.open.get_mut(&recording) {
            let written = file.append(&chunk, until, &mut self.desk);
            if self.check(recording, written).is_none() {
                self.open.insert(recording, None);
            }
        }
        self.pool.give_back(chunk);
    }

    fn check<T>(&self, recording: RecordingKey, result: io::Result<T>) -> Option<T> {
        result
            .map_err(|error| {
                tracing::error!(recording.id = %recording.0, %error, "recording failed");
                let error = error.to_string();
                (self.events)(MediaEvent::RecordingFailed { recording, error });
            })
            .ok()
    }
}

/// Where the writer works on one file after the other, so that no file needs room for it.
#[derive(Default)]
struct Desk {
    /// Both channels of the file at hand, from its `committed` on.
    window: Vec<[i16; 2]>,
    bytes: Vec<u8>,
}

/// One file being written: `committed` samples are in it, what came after them is held.
struct OpenFile {
    file: File,
    committed: u32,
    /// Both channels, interleaved.
    held: Vec<[i16; 2]>,
}

impl OpenFile {
    /// A file that begins with so many samples of silence. The header counts them once they are there.
    fn create(path: &Path, silence: u32) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let file = File::create(path)?;
        file.write_all_at(&header(0), 0)?;
        if silence > 0 {
            let bytes = u64::from(silence) * FRAME_BYTES;
            file.set_len(HEADER_BYTES + bytes)?;
            file.write_all_at(&header(bytes), 0)?;
        }
        Ok(Self { file, committed: silence, held: Vec::with_capacity(HELD_SAMPLES) })
    }

    /// Lays the frames beside what is held and writes up to sample `until`.
    fn append(&mut self, chunk: &Chunk, until: u32, desk: &mut Desk) -> io::Result<()> {
        let Desk { window, .. } = desk;
        window.clear();
        window.extend_from_slice(&self.held);
        for frame in chunk.frames() {
            let channel = if frame.side == Side::Left { 0 } else { 1 };
            // What came too late for its place is left out; so is what lies beyond reason.
            let early = self.committed.saturating_sub(frame.at) as usize;
            let start = frame.at.max(self.committed) - self.committed;
            if early >= frame.words.len() || start > STRETCH_SAMPLES_MAX {
                continue;
            }
            let words = &frame.words[early..];
            let end = start as usize + words.len();
            if window.len() < end {
                window.resize(end, [0; 2]);
            }
            for (slot, word) in window[start as usize..end].iter_mut().zip(words) {
                slot[channel] = frame.codec.decode(*word);
            }
        }
        while self.committed < until {
            self.commit((until - self.committed).min(STRETCH_SAMPLES_MAX) as usize, desk)?;
        }
        self.held.clear();
        self.held.extend_from_slice(&desk.window);
        Ok(())
    }

    /// Writes this many samples (silence where nothing was said), then the header that counts
    /// them: a crash between the two leaves audio behind the header's back, which repair finds.
    fn commit(&mut self, samples: usize, desk: &mut Desk) -> io::Result<()> {
        let Desk { window, bytes } = desk;
        if window.len() < samples {
            window.resize(samples, [0; 2]);
        }
        bytes.clear();
        for [left, right] in window.drain(..samples) {
            let ([l0, l1], [r0, r1]) = (left.to_le_bytes(), right.to_le_bytes());
            bytes.extend_from_slice(&[l0, l1, r0, r1]);
        }
        let before = u64::from(self.committed) * FRAME_BYTES;
        self.file.write_all_at(bytes, HEADER_BYTES + before)?;
        self.committed += samples as u32;
        self.file.write_all_at(&header(before + bytes.len() as u64), 0)
    }

    fn finish(self) -> io::Result<()> {
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Recording;
    use media_proto::Codec;
    use media_proto::rtp::Packet;
    use std::sync::Mutex;
    use std::time::{Duration, Instant};
    use uuid::Uuid;

    struct Rig {
        pool: Arc<ChunkPool>,
        queue: WriterQueue,
        inbox: Receiver<WriterJob>,
        files: Files,
        events: Arc<Mutex<Vec<MediaEvent>>>,
    }

    /// The writer without its thread: jobs are handled when the test says so.
    fn rig(capacity: usize) -> Rig {
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        let sink: EventSink = Arc::new(move |e| heard.lock().expect("unpoisoned").push(e));
        let pool = Arc::new(ChunkPool::new());
        let (jobs, inbox) = bounded(capacity);
        let (pool_here, desk) = (Arc::clone(&pool), Desk::default());
        let files = Files { events: sink, pool: pool_here, desk, open: HashMap::new() };
        Rig { pool, queue: WriterQueue { jobs }, inbox, files, events }
    }

    impl Rig {
        fn write(&mut self) {
            while let Ok(job) = self.inbox.try_recv() {
                self.files.handle(job);
            }
        }

        fn events(&self) -> Vec<MediaEvent> {
            self.events.lock().expect("unpoisoned").clone()
        }
    }

    fn key() -> RecordingKey {
        RecordingKey(Uuid::from_u128(7))
    }

    fn packet(n: u32) -> Packet {
        let payload = 12..172;
        let (sequence, timestamp) = (n as u16, n * 160);
        Packet { marker: false, payload_type: 8, sequence, timestamp, ssrc: 1, payload }
    }

    fn channels(path: &Path) -> [Vec<i16>; 2] {
        let mut reader = hound::WavReader::open(path).expect("a sound wav at every moment");
        let samples: Vec<i16> = reader.samples().map(|s| s.expect("a sample")).collect();
        [0, 1].map(|c| samples.iter().skip(c).step_by(2).copied().collect())
    }

    #[test]
    fn both_parties_are_aligned_and_the_file_is_sound_after_every_flush() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tenant/call.wav");
        let (mut rig, start) = (rig(64), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut recording =
            Recording::start(start, 0, key(), path.clone(), &rig.pool, &rig.queue).expect("room");
        let ends = (&*rig.pool.clone(), &rig.queue.clone());
        let loud = [Codec::Pcma.encode(8000); 160];
        for n in 0..100_u32 {
            let now = at(u64::from(n) * 20);
            if n < 50 {
                let side = Side::Left;
                recording.append(now, side, &packet(n), Codec::Pcma, &loud, ends).expect("room");
            } else {
                let words = loud.map(|w| Codec::Pcma.to_other_law()[usize::from(w)]);
                let side = Side::Right;
                recording.append(now, side, &packet(n), Codec::Pcmu, &words, ends).expect("room");
            }
            recording.handle_timeout(now, ends.0, ends.1).expect("room");
            rig.write();
            let [left, right] = channels(&path);
            let unwritten = (n as usize * 160).saturating_sub(left.len());
            assert!(unwritten <= 8000, "more than a second is not on disk: {unwritten}");
            assert_eq!(left.len(), right.len());
        }
        let job = recording.finish(at(2500), &rig.pool);
        rig.files.handle(job);
        let [left, right] = channels(&path);
        assert_eq!((left.len(), right.len()), (20_000, 20_000));
        let loud_in = |samples: &[i16]| samples.iter().filter(|s| **s > 7000).count();
        assert_eq!((loud_in(&left[..8000]), loud_in(&left[8000..])), (8000, 0));
        assert_eq!((loud_in(&right[8000..16_000]), loud_in(&right)), (8000, 8000));
        let stopped = MediaEvent::RecordingStopped { recording: key(), duration_ms: 2500 };
        assert_eq!(rig.events(), [stopped]);
    }

    /// Second N of the file is second N after the answer, though nothing was kept at first (I09);
    /// and it is a sound file from its first moment on, longer than one stretch or not.
    #[test]
    fn the_time_before_anything_may_be_kept_is_silence_at_the_beginning() {
        for silence_ms in [2500_u32, 45_000] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("call.wav");
            let (mut rig, start) = (rig(64), Instant::now());
            let (pool, queue) = (&*rig.pool.clone(), &rig.queue.clone());
            let mut recording =
                Recording::start(start, silence_ms, key(), path.clone(), pool, queue)
                    .expect("room");
            rig.write();
            let silence = silence_ms as usize * 8;
            let silent = |samples: &[i16]| samples.iter().all(|s| *s == 0);
            for channel in channels(&path) {
                assert!(channel.len() == silence && silent(&channel), "{}", channel.len());
            }
            let loud = [Codec::Pcma.encode(8000); 160];
            for n in 0..50 {
                let now = start + Duration::from_millis(20 * u64::from(n));
                for side in [Side::Left, Side::Right] {
                    let (packet, codec) = (packet(n), Codec::Pcma);
                    let done = recording.append(now, side, &packet, codec, &loud, (pool, queue));
                    done.expect("room");
                }
                recording.handle_timeout(now, pool, queue).expect("room");
            }
            let job = recording.finish(start + Duration::from_secs(1), pool);
            rig.write();
            rig.files.handle(job);
            for channel in channels(&path) {
                assert_eq!(channel.len(), silence + 8000);
                assert!(silent(&channel[..silence]));
                assert!(channel[silence..].iter().all(|s| *s > 7000), "all that was said");
            }
            let duration_ms = u64::from(silence_ms) + 1000;
            let stopped = MediaEvent::RecordingStopped { recording: key(), duration_ms };
            assert_eq!(rig.events(), [stopped]);
        }
    }

    /// C15.
    #[test]
    fn a_pause_is_silence_in_both_channels() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("call.wav");
        let (mut rig, start) = (rig(64), Instant::now());
        let mut recording =
            Recording::start(start, 0, key(), path.clone(), &rig.pool, &rig.queue).expect("room");
        let ends = (&*rig.pool.clone(), &rig.queue.clone());
        let loud = [Codec::Pcmu.encode(8000); 160];
        for n in 0..100 {
            recording.set_paused((40..60).contains(&n));
            let now = start + Duration::from_millis(20 * u64::from(n));
            for side in [Side::Left, Side::Right] {
                recording.append(now, side, &packet(n), Codec::Pcmu, &loud, ends).expect("room");
            }
        }
        let job = recording.finish(start + Duration::from_secs(2), &rig.pool);
        rig.write();
        rig.files.handle(job);
        for channel in channels(&path) {
            assert!(channel[6400..9600].iter().all(|s| *s == 0));
            assert!(channel[..6400].iter().chain(&channel[9600..]).all(|s| *s > 7000));
        }
    }

    #[test]
    fn a_file_that_cannot_be_made_fails_once_and_quietly_afterwards() {
        let folder = tempfile::tempdir().expect("a folder");
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, b"in the way").expect("written");
        let (mut rig, start) = (rig(64), Instant::now());
        let path = blocked.join("call.wav");
        let mut recording =
            Recording::start(start, 0, key(), path, &rig.pool, &rig.queue).expect("room");
        let ends = (&*rig.pool.clone(), &rig.queue.clone());
        for n in 0..200 {
            let now = start + Duration::from_millis(20 * u64::from(n));
            let words = &[0; 160];
            recording.append(now, Side::Left, &packet(n), Codec::Pcma, words, ends).expect("room");
            rig.write();
        }
        let job = recording.finish(start + Duration::from_secs(4), &rig.pool);
        rig.files.handle(job);
        let events = rig.events();
        assert!(matches!(events[..], [MediaEvent::RecordingFailed { .. }]), "{events:?}");
    }

    #[test]
    fn a_full_queue_is_told_and_the_call_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let (rig, start) = (rig(2), Instant::now());
        let path = folder.path().join("call.wav");
        let mut recording =
            Recording::start(start, 0, key(), path, &rig.pool, &rig.queue).expect("room");
        let ends = (&*rig.pool, &rig.queue);
        let mut append = |n: u32| {
            let now = start + Duration::from_millis(20 * u64::from(n));
            recording.append(now, Side::Left, &packet(n), Codec::Pcma, &[0; 160], ends)
        };
        let overflows = (0..500).filter(|n| append(*n).is_err()).count();
        assert_eq!(overflows, 1);
        let again = Recording::start(start, 0, key(), folder.path().into(), &rig.pool, &rig.queue);
        assert!(again.is_err());
    }
}
