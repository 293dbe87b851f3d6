//! Recordings: encrypted, read from anywhere, salvaged after a crash.

use crate::{
    engines::{Bench, on_both, sqlite},
    floor::{Floor, noon},
};
use call::{CallEventKind, CallId, CallStatus, RecordingId};
use chrono::TimeDelta;
use crm::{
    calls::RecordingState,
    fresh,
    recordings::{AudioFormat, Keeper, Recordings, RecordingsConfig, Retention, salvage_spool},
};
use futures::StreamExt;
use std::path::Path;

fn open(bench: &Bench) -> Recordings {
    let folder = bench.folder.path();
    let config = RecordingsConfig {
        url: format!("file://{}", folder.join("objects").display()),
        spool: folder.join("spool"),
    };
    Recordings::open(bench.store.clone(), &config).unwrap()
}

/// Two seconds: a rising ramp on the left, silence on the right.
fn write_wav(path: &Path, frames: u32) -> Vec<u8> {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for n in 0..frames {
        writer.write_sample((n % 20_000) as i16).unwrap();
        writer.write_sample(0_i16).unwrap();
    }
    writer.finalize().unwrap();
    std::fs::read(path).unwrap()
}

async fn recorded_call(floor: &Floor, ended: bool) -> CallId {
    let call: CallId = fresh();
    let journal = floor.journal().await;
    let recording = RecordingId::of(call);
    let mut events = if ended {
        floor.answered_call(call, noon(), TimeDelta::seconds(9))
    } else {
        floor.open_call(call, noon())
    };
    let begun = floor.stamp(
        noon() + TimeDelta::seconds(3),
        call,
        CallEventKind::RecordingStarted { recording, silence_ms: 1_250 },
    );
    events.insert(7, begun);
    if ended {
        events.push(floor.stamp(
            noon(),
            call,
            CallEventKind::RecordingStopped { recording, duration_ms: 9_000 },
        ));
    }
    for event in events {
        journal.sender().send(event).await.unwrap();
    }
    journal.close().await;
    call
}

#[tokio::test]
async fn a_recording_is_put_away_encrypted_and_reads_back_from_anywhere() {
    on_both(|bench| async move {
        let bench = &bench;
        let floor = Floor::build(&bench.store, "a", 1).await;
        let other = Floor::build(&bench.store, "b", 2).await;
        let recordings = open(bench);
        let call = recorded_call(&floor, true).await;
        let row = floor.store.call_find(floor.tenant, call).await.unwrap().unwrap();
        let begun = noon() + TimeDelta::milliseconds(1_750);
        assert_eq!(row.recording.unwrap().started_at, begun, "it begins at the answer");
        let spool = recordings.spool_path(floor.tenant, call);
        let wav = write_wav(&spool, 72_000);
        assert!(recordings.put_away(floor.tenant, call, noon()).await.unwrap());
        assert!(!spool.exists());
        assert!(!recordings.put_away(floor.tenant, call, noon()).await.unwrap());
        let object =
            bench.folder.path().join(format!("objects/recordings/{}/{call}.wav.enc", floor.tenant));
        let sealed = std::fs::read(&object).unwrap();
        assert!(!sealed.windows(64).any(|w| w == &wav[10_000..10_064]), "no audio in clear");

        let reader = recordings.audio(floor.tenant, call, AudioFormat::Wav).await.unwrap().unwrap();
        assert_eq!(reader.len(), wav.len() as u64);
        for (from, to) in [(0, 1), (0, 44), (65_535, 65_537), (70_000, 200_000), (287_000, 400_000)]
        {
            let part = reader.read(from, to).await.unwrap();
            let to = (to as usize).min(wav.len());
            assert_eq!(&part[..], &wav[from as usize..to], "{from}..{to}");
        }
        assert!(reader.read(400_000, 500_000).await.unwrap().is_empty());
        let whole: Vec<u8> = reader.stream(0, u64::MAX).map(|b| b.unwrap().to_vec()).concat().await;
        assert_eq!(whole, wav);

        let row = bench.store.recording_find(floor.tenant, call).await.unwrap().unwrap();
        assert_eq!((row.state, row.duration_ms), (RecordingState::Ready, 9_000));
        let peaks = recordings.peaks(floor.tenant, call).await.unwrap().unwrap();
        assert_eq!((peaks.customer.len(), peaks.agent.iter().max()), (1_000, Some(&0)));
        assert!(peaks.customer[100] > peaks.customer[10]);
        assert!(recordings.audio(other.tenant, call, AudioFormat::Wav).await.unwrap().is_none());

        let ogg = recordings.audio(floor.tenant, call, AudioFormat::Ogg).await.unwrap().unwrap();
        assert!(ogg.len() < wav.len() as u64 / 5);
        assert!(ogg.read(0, 4).await.unwrap().starts_with(b"OggS"));

        std::fs::write(&object, [&sealed[..100], &[sealed[100] ^ 1], &sealed[101..]].concat())
            .unwrap();
        let damaged =
            recordings.audio(floor.tenant, call, AudioFormat::Wav).await.unwrap().unwrap();
        assert!(damaged.read(0, 10).await.is_err());
        recordings.delete(floor.tenant, call).await.unwrap();
        assert!(!object.exists());
        assert!(recordings.audio(floor.tenant, call, AudioFormat::Wav).await.unwrap().is_none());
    })
    .await;
}

/// H01, H03: the crash left an open call and a cut file.
#[tokio::test]
async fn after_a_crash_the_call_is_closed_and_its_cut_recording_plays() {
    on_both(|bench| async move {
        let bench = &bench;
        let floor = Floor::build(&bench.store, "a", 1).await;
        let recordings = open(bench);
        let call = recorded_call(&floor, false).await;
        let spool = recordings.spool_path(floor.tenant, call);
        let wav = write_wav(&spool, 16_000);
        std::fs::write(&spool, &wav[..44 + 4 * 8_000 + 3]).unwrap();
        let salvage =
            async || salvage_spool(&bench.store, &recordings, floor.node, None).await.unwrap();
        let found = salvage().await;
        assert_eq!((found.calls_closed, found.files_repaired, found.files_empty), (1, 1, 0));
        let again = salvage().await;
        assert_eq!((again.calls_closed, again.files_repaired), (0, 0));
        let row = bench.store.call_find(floor.tenant, call).await.unwrap().unwrap();
        assert_eq!((row.status, row.recovered), (CallStatus::Completed, true));
        assert_eq!(row.recording.unwrap().state, RecordingState::Storing);

        let journal = floor.journal().await;
        let keeper = Keeper::start(recordings.clone(), &journal).await.unwrap();
        keeper.stop().await;
        journal.close().await;
        let audio = bench.store.recording_find(floor.tenant, call).await.unwrap().unwrap();
        assert_eq!(
            (audio.state, audio.recovered, audio.duration_ms),
            (RecordingState::Ready, true, 1_000)
        );
        let reader = recordings.audio(floor.tenant, call, AudioFormat::Wav).await.unwrap().unwrap();
        let bytes = reader.read(0, u64::MAX).await.unwrap();
        let reader = hound::WavReader::new(std::io::Cursor::new(bytes)).unwrap();
        assert_eq!(reader.duration(), 8_000);
    })
    .await;
}

/// H03: a recording that fails midway (the disk is full) keeps what it has: while the server runs once the call is
/// over, and after a restart at once. Nothing stays readable in the spool.
#[tokio::test]
async fn what_a_failed_recording_left_is_put_away_and_marked() {
    on_both(|bench| async move {
        let bench = &bench;
        let floor = Floor::build(&bench.store, "a", 1).await;
        let recordings = open(bench);
        let before = failing_call(&floor).await;
        let (journal, live) = (floor.journal().await, fresh::<CallId>());
        let cut = |call: CallId| {
            let path = recordings.spool_path(floor.tenant, call);
            let wav = write_wav(&path, 16_000);
            std::fs::write(&path, &wav[..44 + 4 * 8_000 + 3]).unwrap();
            path
        };
        let mut paths = vec![cut(before)];
        let ended_before = floor.answered_call(before, noon(), TimeDelta::seconds(9));
        for event in ended_before.into_iter().skip(floor.open_call(before, noon()).len()) {
            journal.sender().send(event).await.unwrap();
        }
        journal.flush().await;
        let keeper = Keeper::start(recordings.clone(), &journal).await.unwrap();
        let recording = RecordingId::of(live);
        let whole = floor.answered_call(live, noon(), TimeDelta::seconds(9));
        let begun = floor.open_call(live, noon()).len();
        for (n, event) in whole.into_iter().enumerate() {
            if n == begun {
                paths.push(cut(live));
                for kind in [
                    CallEventKind::RecordingStarted { recording, silence_ms: 0 },
                    CallEventKind::RecordingFailed { recording, error: "disk full".into() },
                ] {
                    journal.sender().send(floor.stamp(noon(), live, kind)).await.unwrap();
                }
                journal.flush().await;
                // Longer than the keeper waits at first: the file may still be written to.
                tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
                assert!(paths[1].exists(), "its call still runs");
            }
            journal.sender().send(event).await.unwrap();
        }
        journal.flush().await;
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while paths.iter().any(|path| path.exists()) {
            assert!(std::time::Instant::now() < deadline, "plain audio stays in the spool");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        keeper.stop().await;
        journal.close().await;
        for call in [before, live] {
            let row = bench.store.recording_find(floor.tenant, call).await.unwrap().unwrap();
            assert_eq!(
                (row.state, row.recovered, row.duration_ms),
                (RecordingState::Ready, true, 1_000)
            );
            let reader = recordings.audio(floor.tenant, call, AudioFormat::Wav).await.unwrap();
            assert_eq!(reader.unwrap().len(), 44 + 4 * 8_000);
        }
    })
    .await;
}

/// A call whose recording failed in a run that is over.
async fn failing_call(floor: &Floor) -> CallId {
    let call: CallId = fresh();
    let (journal, recording) = (floor.journal().await, RecordingId::of(call));
    let mut events = floor.open_call(call, noon());
    for kind in [
        CallEventKind::RecordingStarted { recording, silence_ms: 0 },
        CallEventKind::RecordingFailed { recording, error: "disk full".into() },
    ] {
        events.push(floor.stamp(noon(), call, kind));
    }
    for event in events {
        journal.sender().send(event).await.unwrap();
    }
    journal.close().await;
    call
}

/// H03: cut at every hundredth byte, and at each of the header and the first samples.
#[tokio::test]
async fn start_up_mends_a_recording_cut_anywhere_and_says_so() {
    on_both(|bench| async move {
        let bench = &bench;
        let floor = Floor::build(&bench.store, "a", 1).await;
        let recordings = open(bench);
        let whole = write_wav(&bench.folder.path().join("whole.wav"), 2_000);
        let cuts: Vec<usize> = (0..=52).chain((100..whole.len()).step_by(100)).collect();
        let journal = floor.journal().await;
        let mut calls = Vec::new();
        for cut in cuts {
            let call: CallId = fresh();
            let mut events = floor.open_call(call, noon());
            let recording = RecordingId::of(call);
            events.push(floor.stamp(
                noon(),
                call,
                CallEventKind::RecordingStarted { recording, silence_ms: 0 },
            ));
            for event in events {
                journal.sender().send(event).await.unwrap();
            }
            let path = recordings.spool_path(floor.tenant, call);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &whole[..cut]).unwrap();
            calls.push((call, cut, path));
        }
        journal.close().await;
        let found = salvage_spool(&bench.store, &recordings, floor.node, None).await.unwrap();
        assert_eq!((found.calls_closed, found.calls_adopted), (calls.len(), 0));
        for (call, cut, path) in calls {
            let (frames, ms) = (cut.saturating_sub(44) / 4, cut.saturating_sub(44) / 32);
            let row = bench.store.recording_find(floor.tenant, call).await.unwrap().unwrap();
            assert!(row.recovered, "cut at {cut}");
            if ms == 0 {
                assert_eq!(row.state, RecordingState::Failed, "cut at {cut}");
                assert!(!path.exists(), "cut at {cut}");
                continue;
            }
            assert_eq!(row.state, RecordingState::Storing, "cut at {cut}");
            assert_eq!(row.duration_ms, ms as u64, "cut at {cut}");
            let reader = hound::WavReader::open(&path).unwrap();
            assert_eq!(reader.duration() as usize, frames, "cut at {cut}");
            assert_eq!(std::fs::read(&path).unwrap()[44..], whole[44..44 + frames * 4]);
        }
    })
    .await;
}

/// H01: of a call whose row was never written at least the recording is left.
#[tokio::test]
async fn a_recording_without_a_call_gets_a_row_of_its_own_and_one_without_an_owner_stays() {
    on_both(|bench| async move {
        let bench = &bench;
        let floor = Floor::build(&bench.store, "a", 1).await;
        let recordings = open(bench);
        let (call, stray): (CallId, CallId) = (fresh(), fresh());
        let spool = recordings.spool_path(floor.tenant, call);
        let wav = write_wav(&spool, 24_000);
        // Cut, as a crash cuts it, after two seconds.
        std::fs::write(&spool, &wav[..44 + 4 * 16_000 + 1]).unwrap();
        let written = chrono::DateTime::<chrono::Utc>::from(
            std::fs::metadata(&spool).unwrap().modified().unwrap(),
        );
        let nobodys = recordings.spool_path(fresh(), stray);
        write_wav(&nobodys, 8_000);
        let salvage =
            async || salvage_spool(&bench.store, &recordings, floor.node, None).await.unwrap();
        assert_eq!(salvage().await.calls_adopted, 1);
        assert_eq!(salvage().await.calls_adopted, 0);
        assert!(nobodys.exists());
        let row = bench.store.call_find(floor.tenant, call).await.unwrap().unwrap();
        assert_eq!((row.status, row.recovered), (CallStatus::Completed, true));
        assert_eq!(row.duration_ms, 2_000);
        let ended = row.ended_at.unwrap();
        assert!((ended - written).abs() < TimeDelta::milliseconds(2), "{ended} {written}");
        let journal = floor.journal().await;
        Keeper::start(recordings.clone(), &journal).await.unwrap().stop().await;
        journal.close().await;
        let audio = bench.store.recording_find(floor.tenant, call).await.unwrap().unwrap();
        assert_eq!(
            (audio.state, audio.recovered, audio.duration_ms),
            (RecordingState::Ready, true, 2_000)
        );
    })
    .await;
}

#[tokio::test]
async fn the_keeper_puts_away_what_a_call_completes_and_marks_what_is_lost() {
    let bench = sqlite().await;
    let floor = Floor::build(&bench.store, "a", 1).await;
    let recordings = open(&bench);
    let lost = recorded_call(&floor, true).await;
    let journal = floor.journal().await;
    let keeper = Keeper::start(recordings.clone(), &journal).await.unwrap();
    let call: CallId = fresh();
    write_wav(&recordings.spool_path(floor.tenant, call), 8_000);
    let recording = RecordingId::of(call);
    let mut events = floor.answered_call(call, noon(), TimeDelta::seconds(1));
    events.push(floor.stamp(
        noon(),
        call,
        CallEventKind::RecordingStopped { recording, duration_ms: 1_000 },
    ));
    for event in events {
        journal.sender().send(event).await.unwrap();
    }
    let state =
        async |call| bench.store.recording_find(floor.tenant, call).await.unwrap().map(|r| r.state);
    let done = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        while state(call).await != Some(RecordingState::Ready)
            || state(lost).await != Some(RecordingState::Failed)
        {
            tokio::task::yield_now().await;
        }
    });
    done.await.expect("both come to their end");
    keeper.stop().await;
    journal.close().await;
}

/// PBX-19, SEC-06: from two at night on, once a day, by the days the tenant set.
#[tokio::test]
async fn recordings_past_their_time_are_deleted_at_night() {
    on_both(|bench| async move {
        let bench = &bench;
        let floor = Floor::build(&bench.store, "a", 1).await;
        let recordings = open(bench);
        let call = recorded_call(&floor, true).await;
        let spool = recordings.spool_path(floor.tenant, call);
        write_wav(&spool, 8_000);
        assert!(recordings.put_away(floor.tenant, call, noon()).await.unwrap());
        recordings.audio(floor.tenant, call, AudioFormat::Ogg).await.unwrap().unwrap();
        let objects = bench.folder.path().join(format!("objects/recordings/{}", floor.tenant));
        let count = || std::fs::read_dir(&objects).unwrap().count();
        assert_eq!(count(), 2);
        let mut nightly = Retention::new(recordings.clone());
        let kept = bench.store.tenant_find(floor.tenant).await.unwrap().unwrap();
        assert_eq!(kept.settings.recording.retention_days, 90);
        // Noon of the 89th day; then the night after the 90th, before and after two.
        let evening = noon() + TimeDelta::days(89);
        assert_eq!(nightly.run(evening).await.unwrap(), 0);
        let before_two = noon().date_naive().and_hms_opt(20, 0, 0).unwrap().and_utc();
        let mut nightly = Retention::new(recordings.clone());
        assert_eq!(nightly.run(before_two + TimeDelta::days(90)).await.unwrap(), 0);
        assert!(recordings.audio(floor.tenant, call, AudioFormat::Wav).await.unwrap().is_some());
        let after_two = before_two + TimeDelta::days(90) + TimeDelta::minutes(31);
        assert_eq!(nightly.run(after_two).await.unwrap(), 1);
        assert_eq!(nightly.run(after_two).await.unwrap(), 0, "once");
        assert_eq!(count(), 0);
        assert!(recordings.audio(floor.tenant, call, AudioFormat::Wav).await.unwrap().is_none());
        let row = bench.store.call_find(floor.tenant, call).await.unwrap().unwrap();
        assert!(row.recording.is_none() && row.status == CallStatus::Completed, "{row:?}");
        let audit = crm::audit::AuditFilter {
            entity_id: Some(call.to_string()),
            limit: 10,
            ..Default::default()
        };
        let audit = bench.store.audit_list(floor.tenant, &audit).await.unwrap();
        assert_eq!(audit.items[0].record.action, "recording.deleted");
    })
    .await;
}
