//! Background work that is done in rounds, beside everything else: it waits for nobody, nobody waits for it, and it is broken off when
//! the node stops.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;

/// Until the node stops: after each interval, step after step while there may be more. `failed` is told what ended a round early.
pub(crate) async fn keep_up<Step, E>(
    interval: Duration,
    mut stop: watch::Receiver<bool>,
    step: impl Fn() -> Step,
    failed: impl Fn(E),
) where
    Step: Future<Output = Result<bool, E>>,
{
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(interval) => {}
        }
        let round = async {
            loop {
                let more = tokio::select! {
                    biased;
                    _ = stop.wait_for(|stop| *stop) => return Ok(()),
                    more = step() => more?,
                };
                if !more {
                    return Ok::<(), E>(());
                }
            }
        };
        if let Err(error) = worker::aside(round).await {
            failed(error);
        }
    }
}
