//! A seed as a picture for a phone's camera: a QR code in a PNG of one bit a dot. Source: the key URI format that authenticator
//! programs read, IAM API reference, "VirtualMFADevice"; ISO/IEC 15948 (PNG).

use std::io::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// Dots of the picture for each of the code's.
const SCALE: usize = 5;
/// The white border, in the code's dots.
const BORDER: i32 = 4;

/// The picture of `text`; `None` if it is too long for one.
pub fn qr_code(text: &str) -> Option<Vec<u8>> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let side = usize::try_from(code.size() + 2 * BORDER).ok()?;
    let mut rows = Vec::new();
    for y in 0..side {
        let dots = (0..side).flat_map(|x| {
            let place = |at: usize| i32::try_from(at).map_or(-1, |at| at - BORDER);
            std::iter::repeat_n(code.get_module(place(x), place(y)), SCALE)
        });
        let dots: Vec<bool> = dots.collect();
        // Each line begins with its filter (none); eight dots a byte, white is one.
        let mut line = vec![0];
        line.extend(
            dots.chunks(8).map(|eight| {
                eight.iter().enumerate().fold(0_u8, |byte, (at, dark)| byte | (u8::from(!dark) << (7 - at)))
            }),
        );
        rows.extend(std::iter::repeat_n(line, SCALE).flatten());
    }
    let width = u32::try_from(side * SCALE).ok()?;
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(&rows).ok()?;
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let size = [width.to_be_bytes(), width.to_be_bytes()].concat();
    chunk(&mut png, *b"IHDR", &[&size[..], &[1, 0, 0, 0, 0]].concat());
    chunk(&mut png, *b"IDAT", &zlib.finish().ok()?);
    chunk(&mut png, *b"IEND", &[]);
    Some(png)
}

fn chunk(png: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let len = u32::try_from(data.len()).expect("a picture of a few kilobytes");
    png.extend(len.to_be_bytes());
    let start = png.len();
    png.extend(kind);
    png.extend(data);
    let sum = crc32fast::hash(&png[start..]);
    png.extend(sum.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_picture_has_the_codes_dots() {
        let png = qr_code("otpauth://totp/a@b?secret=ABCDEFGH").unwrap();
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.ends_with(b"IEND\xae\x42\x60\x82"));
        let width = usize::try_from(u32::from_be_bytes(png[16..20].try_into().unwrap())).unwrap();
        let at = png.windows(4).position(|four| four == b"IDAT").unwrap();
        let mut rows = Vec::new();
        flate2::read::ZlibDecoder::new(&png[at + 4..]).read_to_end(&mut rows).unwrap();
        let line = 1 + width.div_ceil(8);
        assert_eq!(rows.len(), line * width);
        let dark = |x: usize, y: usize| rows[y * line + 1 + x / 8] >> (7 - x % 8) & 1 == 0;
        // White border, then the dark corner that every code has, seven dots wide with a white ring.
        let dot = |x: usize, y: usize| dark(x * SCALE + 2, y * SCALE + 2);
        assert!(!dot(3, 3) && dot(4, 4) && dot(10, 4) && !dot(5, 5) && dot(6, 6) && !dot(11, 4));
    }

    #[test]
    fn what_is_too_long_has_no_picture() {
        assert!(qr_code(&"x".repeat(5000)).is_none());
    }
}
