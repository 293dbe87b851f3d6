//! `telehub carrier`: its arguments and its run.

use crate::{Behaviour, Carrier, Config, Mix, PlaceCall, StartError};
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Arguments of `telehub carrier`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// UDP and TCP address to serve on
    #[arg(long, default_value = "127.0.0.1:5090")]
    pub listen: SocketAddr,
    /// Share of calls to numbers without a fixed behaviour that are answered, 0 to 1
    #[arg(long, default_value_t = 0.6, value_parser = share)]
    pub answer_rate: f64,
    /// Same seed, same draws
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Language of the announcements
    #[arg(long, default_value = "en")]
    pub language: String,
    /// Folder of the prompts; those of the binary otherwise
    #[arg(long)]
    pub sounds: Option<PathBuf>,
    /// Place a call to this number of the switch, then stop
    #[arg(long, value_name = "DID")]
    pub call: Option<String>,
    /// Number shown by that call
    #[arg(long, value_name = "NUMBER", default_value = "+919812340001")]
    pub from: String,
    /// Behaviour of that caller: four digits or a name
    #[arg(long = "as", value_name = "BEHAVIOUR", default_value = "conversation")]
    pub behaviour: Behaviour,
    /// Where the switch listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:5060")]
    pub to: SocketAddr,
    /// Place that call by TCP
    #[arg(long)]
    pub tcp: bool,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("not between 0 and 1".to_owned()) }
}

impl Args {
    /// The settings they amount to.
    pub fn config(&self) -> Config {
        Config {
            listen: self.listen,
            mix: Mix { answer_rate: self.answer_rate, seed: self.seed },
            language: self.language.clone(),
            sounds_dir: self.sounds.clone(),
            rtp_listen: self.listen.ip(),
            ..Config::default()
        }
    }

    /// Serves until `shutdown` comes, or until the one call asked for is over.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), StartError> {
        let carrier = Carrier::start(self.config())?;
        tracing::info!(address = %carrier.address(), "simulated carrier listens");
        let Some(did) = self.call else {
            shutdown.await;
            carrier.stop().await;
            return Ok(());
        };
        let placed = carrier
            .place_call(PlaceCall {
                switch: self.to,
                tcp: self.tcp,
                did,
                from: self.from,
                behaviour: self.behaviour,
            })
            .await;
        tokio::select! {
            outcome = placed.outcome() => match outcome {
                Some(outcome) => tracing::info!(
                    status = outcome.status,
                    talked_ms = outcome.talked.map(|talked| talked.as_millis() as u64),
                    "call ended"
                ),
                None => tracing::error!("the carrier stopped under the call"),
            },
            () = shutdown => {}
        }
        carrier.stop().await;
        Ok(())
    }
}
