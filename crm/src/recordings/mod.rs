//! Recordings at rest: encrypted in chunks, in a folder or an S3 bucket, read from anywhere.
//!
//! The recorder writes WAV files into the spool; [`Keeper`] puts each away when its call says
//! that it is complete: encrypt, upload, read back, compare, and only then delete (H18).

mod keeper;
mod ogg;
mod peaks;
mod retention;
mod salvage;
mod sealed;
mod wav;

pub use keeper::Keeper;
pub use ogg::EncodeError;
pub use peaks::Peaks;
pub use retention::Retention;
pub use salvage::{Salvaged, salvage_spool};
pub use wav::{Salvage, repair};

use crate::{Store, StoreError, audit::AuditRecord, store::recordings::StoredAudio};
use bytes::Bytes;
use call::{CallId, TenantId, UserId};
use chrono::{DateTime, Utc};
use object_store::{
    ObjectStore, ObjectStoreExt, PutPayload, aws::AmazonS3Builder, local::LocalFileSystem,
    path::Path as ObjectPath,
};
use peaks::PeakMeter;
use sealed::{HEADER_LENGTH, Sealer};
use sha2::{Digest, Sha256};
use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Chunks uploaded or read back at once: S3 wants parts of 5 MiB.
const CHUNKS_PER_PART: u64 = 96;
/// Most bytes of one answer to [`AudioReader::read`].
const READ_MAX: u64 = 1024 * 1024;

/// What can go wrong with recordings.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The storage URL is none we know.
    #[error("storage url must begin with file:// or s3://")]
    BadUrl,
    /// The object store failed.
    #[error("object store")]
    Objects(#[from] object_store::Error),
    /// The spool failed.
    #[error("spool file")]
    Io(#[from] io::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What lies in the store does not decrypt to what was put there.
    #[error("stored audio is damaged")]
    Damaged,
    /// The compressed copy could not be made.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Which form of a recording is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioFormat {
    /// The master: two channels of PCM16.
    Wav,
    /// Opus in Ogg, made on first demand and kept.
    Ogg,
}

impl AudioFormat {
    /// For the `Content-Type` header.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Ogg => "audio/ogg",
        }
    }

    const fn ending(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Ogg => "ogg",
        }
    }
}

/// Where objects and spool files are.
#[derive(Clone, Debug)]
pub struct RecordingsConfig {
    /// `file:///folder` or `s3://bucket/prefix` (credentials from the environment).
    pub url: String,
    /// Where the recorder writes `<tenant>/<call>.wav`.
    pub spool: PathBuf,
}

/// The recordings of the installation. Cheap to clone.
#[derive(Clone)]
pub struct Recordings {
    store: Store,
    objects: Arc<dyn ObjectStore>,
    prefix: ObjectPath,
    /// Set where objects are files of ours, which must be made durable by hand.
    folder: Option<PathBuf>,
    spool: PathBuf,
}

impl Recordings {
    /// Opens the object store.
    pub fn open(store: Store, config: &RecordingsConfig) -> Result<Self, RecordingError> {
        std::fs::create_dir_all(&config.spool)?;
        let (objects, prefix, folder): (Arc<dyn ObjectStore>, _, _) =
            if let Some(path) = config.url.strip_prefix("file://") {
                let folder = PathBuf::from(path);
                std::fs::create_dir_all(&folder)?;
                let files = LocalFileSystem::new_with_prefix(&folder)?;
                (Arc::new(files), ObjectPath::default(), Some(folder))
            } else if let Some(rest) = config.url.strip_prefix("s3://") {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                let bucket = AmazonS3Builder::from_env().with_bucket_name(bucket).build()?;
                (Arc::new(bucket), ObjectPath::from(prefix), None)
            } else {
                return Err(RecordingError::BadUrl);
            };
        Ok(Self { store, objects, prefix, folder, spool: config.spool.clone() })
    }

    /// Where the recorder writes the audio of a call.
    pub fn spool_path(&self, tenant: TenantId, call: CallId) -> PathBuf {
        self.spool.join(tenant.to_string()).join(format!("{call}.wav"))
    }

    /// The spool folder.
    pub fn spool(&self) -> &Path {
        &self.spool
    }

    /// The audio of a call; `None` while it is not in the store (or never will be).
    pub async fn audio(
        &self,
        tenant: TenantId,
        call: CallId,
        format: AudioFormat,
    ) -> Result<Option<AudioReader>, RecordingError> {
        let Some(row) = self.store.recording_find(tenant, call).await? else { return Ok(None) };
        let Some(wav_key) = row.object_key else { return Ok(None) };
        match format {
            AudioFormat::Wav => Ok(Some(self.open_object(tenant, &wav_key).await?)),
            AudioFormat::Ogg => {
                let key = object_name(tenant, call, AudioFormat::Ogg);
                match self.open_object(tenant, &key).await {
                    Ok(reader) => Ok(Some(reader)),
                    Err(RecordingError::Objects(object_store::Error::NotFound { .. })) => {
                        let wav = self.open_object(tenant, &wav_key).await?;
                        self.make_ogg(tenant, &key, wav).await?;
                        Ok(Some(self.open_object(tenant, &key).await?))
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// The waveform of a call's audio.
    pub async fn peaks(
        &self,
        tenant: TenantId,
        call: CallId,
    ) -> Result<Option<Peaks>, RecordingError> {
        let value = self.store.recording_peaks(tenant, call).await?;
        Ok(value.and_then(|v| serde_json::from_value(v).ok()))
    }

    /// Writes down that somebody played or downloaded a recording (I12).
    pub async fn audit_access(
        &self,
        tenant: TenantId,
        call: CallId,
        who: UserId,
        action: &str,
        address: &str,
        now: DateTime<Utc>,
    ) -> Result<(), RecordingError> {
        let record = AuditRecord::new(Some(who), action, "recording", call).from_address(address);
        self.store.audit_append(tenant, &record, now).await?;
        Ok(())
    }

    /// Encrypts the spool file of a call into the store, reads it back, compares, marks it
    /// ready, and deletes the spool file. `false`: there is no spool file.
    pub async fn put_away(
        &self,
        tenant: TenantId,
        call: CallId,
        now: DateTime<Utc>,
    ) -> Result<bool, RecordingError> {
        let path = self.spool_path(tenant, call);
        let length = match tokio::fs::metadata(&path).await {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let name = object_name(tenant, call, AudioFormat::Wav);
        let file = std::fs::File::open(&path)?;
        let (sha256, peaks) = self.upload(tenant, &name, file, length).await?;
        if self.hash_of(tenant, &name).await? != sha256 {
            return Err(RecordingError::Damaged);
        }
        self.make_durable(&name).await?;
        let audio = StoredAudio {
            key: name,
            bytes: length,
            sha256,
            duration_ms: wav::duration_ms(length),
            peaks: serde_json::to_value(&peaks).map_err(|_| RecordingError::Damaged)?,
        };
        self.store.recording_stored(tenant, call, &audio, now).await?;
        tokio::fs::remove_file(&path).await?;
        Ok(true)
    }

    /// Deletes the audio of a call, in every form (PBX-19, SEC-04).
    pub async fn delete(&self, tenant: TenantId, call: CallId) -> Result<(), RecordingError> {
        for format in [AudioFormat::Ogg, AudioFormat::Wav] {
            let path = self.object_path(&object_name(tenant, call, format));
            match self.objects.delete(&path).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.store.recording_deleted(tenant, call).await?;
        Ok(())
    }

    /// An object as it lies in the store, still encrypted: for backups.
    pub async fn object_bytes(&self, key: &str) -> Result<Bytes, RecordingError> {
        Ok(self.objects.get(&self.object_path(key)).await?.bytes().await?)
    }

    /// Puts an object back as it was: for restoring.
    pub async fn object_restore(&self, key: &str, bytes: Bytes) -> Result<(), RecordingError> {
        self.objects.put(&self.object_path(key), PutPayload::from(bytes)).await?;
        Ok(())
    }

    fn object_path(&self, name: &str) -> ObjectPath {
        name.split('/').fold(self.prefix.clone(), |path, part| path.join(part))
    }

    async fn open_object(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> Result<AudioReader, RecordingError> {
        let path = self.object_path(name);
        let header = self.objects.get_range(&path, 0..HEADER_LENGTH as u64).await?;
        let key = self.store.tenant_key(tenant).await?;
        let sealer = Sealer::open(&key, name, &header).map_err(|_| RecordingError::Damaged)?;
        Ok(AudioReader { objects: self.objects.clone(), path, sealer })
    }

    /// Streams plain bytes into an encrypted object; their hash and peaks on the way.
    async fn upload(
        &self,
        tenant: TenantId,
        name: &str,
        source: impl Read + Send + 'static,
        length: u64,
    ) -> Result<(String, Peaks), RecordingError> {
        let key = self.store.tenant_key(tenant).await?;
        let sealer = Sealer::create(&key, name, length);
        let frames = length.saturating_sub(wav::HEADER_BYTES) / wav::FRAME_BYTES;
        let mut work = PartWork {
            source: Box::new(source),
            sealer: sealer.clone(),
            hash: Sha256::new(),
            meter: PeakMeter::new(frames),
            header_left: wav::HEADER_BYTES as usize,
            next: 0,
        };
        let mut upload = self.objects.put_multipart(&self.object_path(name)).await?;
        let mut part = sealer.header().to_vec();
        while work.next < sealer.chunks() {
            let (back, sealed) = tokio::task::spawn_blocking(move || {
                let sealed = work.seal_part();
                (work, sealed)
            })
            .await
            .map_err(|_| RecordingError::Damaged)?;
            work = back;
            part.extend_from_slice(&sealed?);
            upload.put_part(PutPayload::from(std::mem::take(&mut part))).await?;
        }
        upload.complete().await?;
        Ok((hex::encode(work.hash.finalize()), work.meter.finish()))
    }

    /// The hash of what an object decrypts to.
    async fn hash_of(&self, tenant: TenantId, name: &str) -> Result<String, RecordingError> {
        let reader = self.open_object(tenant, name).await?;
        let mut hash = Sha256::new();
        let mut at = 0;
        while at < reader.len() {
            let bytes = reader.read(at, reader.len()).await?;
            at += bytes.len() as u64;
            hash.update(&bytes);
        }
        Ok(hex::encode(hash.finalize()))
    }

    async fn make_durable(&self, name: &str) -> Result<(), RecordingError> {
        if let Some(folder) = &self.folder {
            let path = folder.join(name);
            tokio::task::spawn_blocking(move || wav::make_durable(&path))
                .await
                .map_err(|_| RecordingError::Damaged)??;
        }
        Ok(())
    }

    async fn make_ogg(
        &self,
        tenant: TenantId,
        name: &str,
        wav: AudioReader,
    ) -> Result<(), RecordingError> {
        let mut encoder = ogg::OggEncoder::new(1)?;
        let mut at = wav::HEADER_BYTES;
        while at < wav.len() {
            let bytes = wav.read(at, wav.len().min(at + READ_MAX)).await?;
            at += bytes.len() as u64;
            encoder = tokio::task::spawn_blocking(move || {
                encoder.take(&bytes)?;
                Ok::<_, EncodeError>(encoder)
            })
            .await
            .map_err(|_| RecordingError::Damaged)??;
        }
        let file = encoder.finish()?;
        let length = file.len() as u64;
        self.upload(tenant, name, io::Cursor::new(file), length).await?;
        Ok(())
    }
}

/// `recordings/<tenant>/<call>.wav.enc`.
fn object_name(tenant: TenantId, call: CallId, format: AudioFormat) -> String {
    format!("recordings/{tenant}/{call}.{}.enc", format.ending())
}

/// One part after the other, on a thread that may block.
struct PartWork {
    source: Box<dyn Read + Send>,
    sealer: Sealer,
    hash: Sha256,
    meter: PeakMeter,
    header_left: usize,
    next: u64,
}

impl PartWork {
    fn seal_part(&mut self) -> io::Result<Vec<u8>> {
        let mut sealed = Vec::new();
        let size = self.sealer.chunk_size();
        let last = (self.next + CHUNKS_PER_PART).min(self.sealer.chunks());
        while self.next < last {
            let wanted = (self.sealer.plain_length() - self.next * size).min(size);
            let mut plain = vec![0; usize::try_from(wanted).unwrap_or(0)];
            self.source.read_exact(&mut plain)?;
            self.hash.update(&plain);
            let header = self.header_left.min(plain.len());
            self.header_left -= header;
            self.meter.take(&plain[header..]);
            self.sealer.seal_chunk(self.next, &plain, &mut sealed);
            self.next += 1;
        }
        Ok(sealed)
    }
}

/// Reads any part of one recording.
pub struct AudioReader {
    objects: Arc<dyn ObjectStore>,
    path: ObjectPath,
    sealer: Sealer,
}

impl AudioReader {
    /// Length in bytes.
    #[allow(clippy::len_without_is_empty, reason = "a file with a header is never empty")]
    pub fn len(&self) -> u64 {
        self.sealer.plain_length()
    }

    /// Bytes from `start` up to and without `end`; fewer where that is more than a mebibyte,
    /// none at the end. Ask again from where it stopped.
    pub async fn read(&self, start: u64, end: u64) -> Result<Bytes, RecordingError> {
        let end = end.min(self.len()).min(start.saturating_add(READ_MAX));
        if start >= end {
            return Ok(Bytes::new());
        }
        let size = self.sealer.chunk_size();
        let (first, last) = (start / size, (end - 1) / size);
        let range = self.sealer.object_range(first, last + 1);
        let sealed = self.objects.get_range(&self.path, range).await?;
        let plain = self.sealer.open_chunks(first, &sealed).map_err(|_| RecordingError::Damaged)?;
        let skip = usize::try_from(start - first * size).map_err(|_| RecordingError::Damaged)?;
        let wanted = usize::try_from(end - start).map_err(|_| RecordingError::Damaged)?;
        let bytes = Bytes::from(plain);
        if bytes.len() < skip + wanted {
            return Err(RecordingError::Damaged);
        }
        Ok(bytes.slice(skip..skip + wanted))
    }

    /// Everything, part by part.
    pub fn stream(
        self,
        start: u64,
        end: u64,
    ) -> impl futures::Stream<Item = Result<Bytes, RecordingError>> + Send {
        futures::stream::unfold((self, start), move |(reader, at)| async move {
            match reader.read(at, end).await {
                Ok(bytes) if bytes.is_empty() => None,
                Ok(bytes) => {
                    let next = at + bytes.len() as u64;
                    Some((Ok(bytes), (reader, next)))
                }
                Err(error) => Some((Err(error), (reader, u64::MAX))),
            }
        })
    }
}
