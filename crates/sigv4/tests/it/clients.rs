//! Requests as botocore 1.43.11 sends them (secret `secret/key+EXAMPLE`): awkward keys, tokens, every protocol.
//! `tests/data/botocore.txt`: a name, the request, and the body in hexadecimal.

use super::Request;
use sigv4::Error;

#[test]
fn what_botocore_signs_verifies_and_stops_to_when_touched() {
    let cases: Vec<&str> = include_str!("../data/botocore.txt").split("\n\n").collect();
    assert_eq!(cases.len(), 15);
    for case in cases {
        let (name, rest) = case.trim().split_once('\n').unwrap();
        let (text, body) = rest.rsplit_once("\nbody").unwrap();
        let mut request = Request::new(text);
        let digits = body.trim().as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        request.body = digits.chunks(2).map(byte).collect();
        let verified = request.verify("secret/key+EXAMPLE");
        assert!(verified.is_ok(), "{name}: {:?}", verified.unwrap_err().fields(sigv4::Family::S3));

        let touched: [fn(&mut Request); 4] = [
            |request| request.method.push('X'),
            |request| request.path.push('x'),
            |request| request.query.push_str("&x"),
            |request| request.set("host", "localhost:4567"),
        ];
        for touch in touched {
            let mut request = request.clone();
            touch(&mut request);
            let refused = request.verify("secret/key+EXAMPLE");
            assert!(matches!(refused, Err(Error::SignatureMismatch(_))), "{name}: {refused:?}");
        }
    }
}
