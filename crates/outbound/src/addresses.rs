//! Which addresses may be asked. Looked at after names were resolved, so that a name cannot lead elsewhere than it did when it was checked.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

/// How far requests may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Reach {
    /// Everywhere but to link-local addresses: also to this machine and its network.
    #[default]
    Private,
    /// To public addresses only.
    Public,
}

impl Reach {
    /// Whether an address may be asked; if not, why.
    pub fn check(self, address: IpAddr) -> Result<(), &'static str> {
        let address = address.to_canonical();
        let is_link_local = match address {
            IpAddr::V4(v4) => v4.is_link_local() || v4.is_unspecified() || v4.is_broadcast() || v4.is_multicast(),
            // fe80::/10, and the address at which AWS's machines find their metadata over IPv6.
            IpAddr::V6(v6) => {
                v6.segments()[0] & 0xffc0 == 0xfe80
                    || v6.is_unspecified()
                    || v6.is_multicast()
                    || v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
            }
        };
        if is_link_local {
            return Err("the address is link-local");
        }
        let is_private = match address {
            IpAddr::V4(v4) => {
                let [first, second, ..] = v4.octets();
                v4.is_private() || v4.is_loopback() || first == 0 || (first == 100 && second & 0xc0 == 64)
            }
            IpAddr::V6(v6) => v6.is_loopback() || v6.segments()[0] & 0xfe00 == 0xfc00,
        };
        match self {
            Reach::Public if is_private => Err("the address is private"),
            _ => Ok(()),
        }
    }
}

/// Resolves names to the addresses that may be asked.
#[derive(Clone)]
pub(crate) struct Resolver(pub Reach);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.0;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let why = found.iter().find_map(|address| reach.check(address.ip()).err());
            let allowed: Vec<_> = found.into_iter().filter(|address| reach.check(address.ip()).is_ok()).collect();
            if allowed.is_empty() {
                return Err(io::Error::other(why.unwrap_or("the name has no address")));
            }
            Ok(allowed.into_iter())
        })
    }
}
