//! Amounts as people read them: counts, bytes, times.

/// `12,345`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 file`, `2 files`: for words whose plural has an s.
pub fn counted(number: u64, word: &str) -> String {
    format!("{} {word}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `3.2 MiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if number < 1024 {
        return counted(number, "byte");
    }
    // Tenths of a unit, cut: nobody compares these.
    let mut tenths = u128::from(number) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let (whole, tenth) = (tenths / 10, tenths % 10);
    if whole >= 100 { format!("{whole} {}", UNITS[unit]) } else { format!("{whole}.{tenth} {}", UNITS[unit]) }
}

/// `4 s`, `12 min`, `3 h 12 min`, `2 d 5 h`. Times that have not come yet are none.
pub fn time(ms: i64) -> String {
    let secs = ms.max(0) / 1000;
    let two = |big: i64, big_unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{big} {big_unit}"),
        _ => format!("{big} {big_unit} {small} {small_unit}"),
    };
    match secs {
        0..60 => format!("{secs} s"),
        60..3600 => format!("{} min", secs / 60),
        3600..86400 => two(secs / 3600, "h", secs % 3600 / 60, "min"),
        _ => two(secs / 86400, "d", secs % 86400 / 3600, "h"),
    }
}

/// The same, the larger unit only: `3 h`.
pub fn about(ms: i64) -> String {
    let text = time(ms);
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_readable() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 1, 1023, 1024, 1536, 200 << 20, 5 << 40, u64::MAX].map(bytes),
            ["0 bytes", "1 byte", "1,023 bytes", "1.0 KiB", "1.5 KiB", "200 MiB", "5.0 TiB", "16383 PiB",]
        );
        assert_eq!(
            [-5, 59_999, 60_000, 3_600_000, 11_520_000, 86_400_000, 190_800_000].map(time),
            ["0 s", "59 s", "1 min", "1 h", "3 h 12 min", "1 d", "2 d 5 h",]
        );
        assert_eq!(about(11_520_000), "3 h");
    }
}
