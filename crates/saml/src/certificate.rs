//! The public key in an X.509 certificate. Nothing else of it counts: the operator says by the metadata whose key it is. Source: RFC
//! 5280, section 4.1.

/// The `SubjectPublicKeyInfo` of a certificate in DER.
pub fn public_key(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (mut rest, _) = element(certificate.content, SEQUENCE).map(|(tbs, rest)| (tbs.content, rest))?;
    if rest.first() == Some(&VERSION) {
        rest = any(rest)?.1;
    }
    // Serial number, algorithm, issuer, validity, subject.
    for _ in 0..5 {
        rest = any(rest)?.1;
    }
    element(rest, SEQUENCE).map(|(key, _)| key.whole)
}

struct Element<'a> {
    whole: &'a [u8],
    content: &'a [u8],
}

fn element(bytes: &[u8], tag: u8) -> Option<(Element<'_>, &[u8])> {
    (bytes.first() == Some(&tag)).then(|| any(bytes))?
}

/// An element, and what stands behind it.
fn any(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let first = usize::from(*bytes.get(1)?);
    let (length, head) = match first {
        0..=0x7f => (first, 2),
        0x81..=0x83 => {
            let count = first & 0x7f;
            let digits = bytes.get(2..2 + count)?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), 2 + count)
        }
        _ => return None,
    };
    let whole = bytes.get(..head + length)?;
    Some((Element { whole, content: &whole[head..] }, &bytes[head + length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_off_has_no_key() {
        let tbs =
            [&[0xa0, 3, 2, 1, 2][..], &[2, 1, 5], &[0x30, 0], &[0x30, 0], &[0x30, 0], &[0x30, 0], &[0x30, 2, 5, 0]]
                .concat();
        let mut certificate = vec![0x30, u8::try_from(tbs.len() + 2).unwrap(), 0x30, u8::try_from(tbs.len()).unwrap()];
        certificate.extend(&tbs);
        assert_eq!(public_key(&certificate), Some(&[0x30, 2, 5, 0][..]));
        for end in 0..certificate.len() {
            assert_eq!(public_key(&certificate[..end]), None, "{end}");
        }
        assert_eq!(public_key(&[0x30, 0x84, 1, 1, 1, 1]), None);
    }
}
