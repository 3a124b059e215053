//! Objects: Cairn (recording, durable before it answers) beside s3s-fs (neither), over the same signed load.

use std::path::Path;
use std::time::Duration;

use crate::load::{self, Run, Until};
use crate::report::{ROUNDS, Report};
use crate::requests::{Request, content};
use crate::server::Server;

/// What is put and got: bytes, connections.
const SIZES: [(&str, usize, usize); 2] = [("4 KiB", 4 << 10, 16), ("64 MiB", 64 << 20, 2)];

/// See the module.
pub fn beside_s3s_fs(report: &mut Report, binary: &Path, s3s_fs: &Path, time: Duration) {
    report.section("objects, cairn | s3s-fs");
    let servers = [Server::cairn(binary, &[]), Server::s3s_fs(s3s_fs)];
    for server in &servers {
        load::once(&server.address, &Request::s3(&server.address, "PUT", "/bench", "", [].into()));
    }
    for (name, bytes, clients) in SIZES {
        let body = content(bytes);
        // Large objects take long: a run has some of each client's.
        let time = if bytes > 1 << 20 { time * 2 } else { time };
        for method in ["PUT", "GET"] {
            let mut runs: [Vec<Run>; 2] = Default::default();
            for _ in 0..ROUNDS {
                for (server, runs) in servers.iter().zip(&mut runs) {
                    let address = &server.address;
                    let body = || if method == "PUT" { body.clone() } else { [].into() };
                    let request =
                        |client| Request::s3(address, method, &format!("/bench/{bytes}-{client}"), "", body());
                    runs.push(server.measured(|| load::run(address, clients, Until::Time(time), request)));
                }
            }
            report.pair("objects", &format!("{method} {name}"), clients, ["cairn", "s3s_fs"], runs);
        }
    }
}
