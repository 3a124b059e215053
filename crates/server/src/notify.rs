//! Tells the service manager (systemd) that the server is ready, is stopping, and still alive. Without one it says nothing. A failure
//! to tell never stops the server. Source: sd_notify(3).
#![expect(
    clippy::disallowed_methods,
    reason = "how to reach the service manager is in the environment, and no setting"
)]

use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// See the module.
pub struct Notify {
    to: Option<(UnixDatagram, SocketAddr)>,
    /// How often it wants to hear that we are alive.
    watchdog: Option<Duration>,
}

impl Notify {
    /// To the service manager that started us, if one did and wants to be told.
    pub fn from_environment() -> Notify {
        let var = |name| std::env::var(name).ok();
        let for_us = var("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let usec = var("WATCHDOG_USEC").and_then(|text| text.parse().ok()).filter(|usec| for_us && *usec > 0);
        Notify::to(var("NOTIFY_SOCKET").as_deref(), usec.map(Duration::from_micros))
    }

    fn to(path: Option<&str>, watchdog: Option<Duration>) -> Notify {
        let open = || Some((UnixDatagram::unbound().ok()?, address(path?)?));
        Notify { to: open(), watchdog }
    }

    /// Calls are taken now.
    pub fn ready(&self, status: &str) {
        self.say(&format!("READY=1\nSTATUS={}", status.replace('\n', " ")));
    }

    /// It has begun to stop.
    pub fn stopping(&self) {
        self.say("STOPPING=1\nSTATUS=finishing calls, delivering files");
    }

    /// Says that the program is alive, for as long as its tasks get their turn. Never ends.
    pub async fn stay_alive(&self) {
        let Some(watchdog) = self.watchdog else { return std::future::pending().await };
        loop {
            self.say("WATCHDOG=1");
            // Half the time that we are given, as the manual recommends.
            tokio::time::sleep(watchdog / 2).await;
        }
    }

    fn say(&self, message: &str) {
        let Some((socket, address)) = &self.to else { return };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), address) {
            tracing::debug!(%error, "the service manager could not be told");
        }
    }
}

fn address(path: &str) -> Option<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = path.strip_prefix('@') {
        return <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name).ok();
    }
    SocketAddr::from_pathname(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_said_arrives() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notify = Notify::to(path.to_str(), Some(Duration::from_secs(3600)));
        let heard = || {
            let mut buffer = [0; 100];
            let count = manager.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..count]).into_owned()
        };
        notify.ready("listens\nhere");
        assert_eq!(heard(), "READY=1\nSTATUS=listens here");
        let mut alive = Box::pin(notify.stay_alive());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(Future::poll(alive.as_mut(), &mut context).is_pending());
        assert_eq!(heard(), "WATCHDOG=1");
        notify.stopping();
        assert!(heard().starts_with("STOPPING=1\n"));
        Notify::to(None, None).ready("nobody listens");
    }
}
