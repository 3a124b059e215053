//! The settings that protect a server from its callers and from its disk: rates and the reserve.

use gateway::{Rate, Reserve};

use crate::commands::Failure;

/// No machine answers more, and larger numbers would be a mistake.
const RATE_MAX: u32 = 1_000_000;

/// `rate_limit` and `rate_burst`.
pub fn rate(limit: Option<&str>, burst: Option<&str>) -> Result<Option<Rate>, Failure> {
    let number = |name: &str, text: &str| -> Result<u32, Failure> {
        let number = text.parse().ok().filter(|number| (1..=RATE_MAX).contains(number));
        number.ok_or_else(|| format!("{name}: {text:?} is not a number of calls; write 1 to {RATE_MAX}").into())
    };
    match (limit, burst) {
        (None | Some("off"), None) => Ok(None),
        (None | Some("off"), Some(_)) => Err("rate_burst says nothing without rate_limit: give both or neither".into()),
        (Some(limit), burst) => {
            let per_sec = number("rate_limit", limit).map_err(|_| {
                format!("rate_limit: {limit:?} is not a rate; write calls a second, 1 to {RATE_MAX}, or off")
            })?;
            let burst = burst.map_or(Ok(per_sec.saturating_mul(2)), |burst| number("rate_burst", burst))?;
            Ok(Some(Rate { per_sec, burst }))
        }
    }
}

/// `disk_reserve`.
pub fn reserve(text: Option<&str>) -> Result<Reserve, Failure> {
    let Some(text) = text else { return Ok(Reserve::Usual) };
    let read = match number_and_unit(text) {
        Some((percent, "%")) => u8::try_from(percent).ok().filter(|percent| *percent <= 90).map(Reserve::Percent),
        _ => size(text).map(Reserve::Bytes),
    };
    let bad = || format!("disk_reserve: {text:?} is not a size; write 512MiB, 2GiB, a part of the disk as in 5%, or 0");
    Ok(read.ok_or_else(bad)?)
}

/// A number of bytes, written with a unit from KiB to TiB; 0 needs none.
pub fn size(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let shift = match unit {
        "" if number == 0 => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    Some((number.parse().ok()?, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_mistakes_are_named() {
        assert_eq!(rate(None, None).unwrap(), None);
        assert_eq!(rate(Some("off"), None).unwrap(), None);
        assert_eq!(rate(Some("50"), None).unwrap(), Some(Rate { per_sec: 50, burst: 100 }));
        assert_eq!(rate(Some("50"), Some("500")).unwrap(), Some(Rate { per_sec: 50, burst: 500 }));
        let check = |limit, burst, expected: &str| {
            let error = rate(limit, burst).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(Some("0"), None, "rate_limit: \"0\" is not a rate");
        check(Some("fast"), None, "or off");
        check(Some("5"), Some("-1"), "rate_burst: \"-1\"");
        check(None, Some("5"), "without rate_limit");
    }

    #[test]
    fn reserves_are_read_and_mistakes_are_named() {
        assert_eq!(reserve(None).unwrap(), Reserve::Usual);
        assert_eq!(reserve(Some("0")).unwrap(), Reserve::Bytes(0));
        assert_eq!(reserve(Some("2GiB")).unwrap(), Reserve::Bytes(2 << 30));
        assert_eq!(reserve(Some("5%")).unwrap(), Reserve::Percent(5));
        for bad in ["", "5", "%", "+5%", "91%", "1 GiB", "1GB", "99999999999TiB"] {
            assert!(reserve(Some(bad)).unwrap_err().to_string().contains("disk_reserve"), "{bad}");
        }
    }
}
