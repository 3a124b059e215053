//! Sign-ins: as many as the hash of passwords (Argon2id, 19 MiB, two passes) allows.

use std::path::Path;
use std::time::Duration;

use crate::client::{ACCOUNT, encoded, iam};
use crate::load::{self, Run, Until};
use crate::report::{ROUNDS, Report, median, of_run, text};
use crate::requests::Request;
use crate::server::Server;

const PASSWORD: &str = "Correct-Horse-Battery-1";
/// What the form's hidden field and its cookie both say.
const TOKEN: &str = "bench-bench-bench-bench-bench-bench-bench-1";

/// Users who sign in with the right password, each over a connection of its own.
pub fn per_second(report: &mut Report, binary: &Path, time: Duration) {
    report.section("sign-ins");
    let server = Server::cairn(binary, &[]);
    let address = &server.address;
    for clients in [1, 4, 16] {
        for client in 0..clients {
            let name = format!("user-{clients}-{client}");
            iam(address, "CreateUser", &[("UserName", &name)]);
            iam(address, "CreateLoginProfile", &[("UserName", &name), ("Password", PASSWORD)]);
        }
        let request = |client: usize| sign_in(address, &format!("user-{clients}-{client}"));
        let runs: Vec<Run> = (0..ROUNDS)
            .map(|_| server.measured(|| load::run(address, clients, Until::Time(time * 2), request)))
            .collect();
        let run = median(runs);
        println!("{clients:>3} clients | {}", text(&run));
        let mut values = of_run(&run);
        values["clients"] = clients.into();
        report.line("sign-ins", values);
    }
}

fn sign_in(address: &str, user: &str) -> Request {
    let body = format!(
        "step=password&kind=user&csrf={TOKEN}&account={ACCOUNT}&user={}&password={}",
        encoded(user),
        encoded(PASSWORD)
    );
    Request::form(address, "/.cairn/signin", &format!("cairn-form={TOKEN}"), body)
}
