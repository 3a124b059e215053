//! AWS's Signature Version 4 test suite, where it is at hand: canonical request, string to sign and signature of each.

use std::path::{Path, PathBuf};

use super::Request;
use sigv4::Error;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

#[test]
fn the_test_suite_is_reproduced_byte_for_byte() {
    let Some(suite) = folder() else {
        eprintln!("skipped: no reference data (set CAIRN_REFERENCE_DATA to the folder that has sigv4-tests)");
        return;
    };
    let mut cases = Vec::new();
    collect(&suite, &mut cases);
    assert!(cases.len() >= 30, "only {} cases in {}", cases.len(), suite.display());
    for case in cases {
        check(&case);
    }
}

#[expect(clippy::disallowed_methods, reason = "a test finds its data through the environment")]
fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var("CAIRN_REFERENCE_DATA").map_or(beside, PathBuf::from);
    Some(data.join("sigv4-tests")).filter(|folder| folder.is_dir())
}

#[expect(clippy::disallowed_methods, reason = "test data")]
fn collect(folder: &Path, cases: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, cases);
        } else if path.extension().is_some_and(|extension| extension == "req") {
            cases.push(path);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "test data")]
fn check(case: &Path) {
    let read = |extension: &str| std::fs::read_to_string(case.with_extension(extension)).unwrap().replace("\r\n", "\n");
    let mut request = raw(&read("sreq"));
    request.set("authorization", read("authz").trim());

    let wrong = request.verify("not the secret");
    let Err(Error::SignatureMismatch(mismatch)) = wrong else { panic!("{}: {wrong:?}", case.display()) };
    assert_eq!(mismatch.canonical_request.unwrap(), read("creq"), "{}", case.display());
    assert_eq!(mismatch.string_to_sign, read("sts"), "{}", case.display());
    let right = request.verify(SECRET);
    assert!(right.is_ok(), "{}: {right:?}", case.display());
}

/// Reads a request as it would stand on the wire, with header values continued on the next line.
fn raw(text: &str) -> Request {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let unfolded = head.replace("\n ", " ");
    let (first, headers) = unfolded.split_once('\n').unwrap();
    let target = first.rsplit_once(' ').unwrap().0;
    let (method, target) = target.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request { method: method.into(), path: path.into(), query: query.into(), ..Request::default() };
    request.body = body.as_bytes().to_vec();
    for line in headers.lines() {
        let (name, value) = line.split_once(':').unwrap();
        request.add(name, value);
    }
    request
}
