//! Numbers as text into a reused buffer: the generator must keep ahead of the programs it feeds.

/// A whole number.
pub(crate) fn whole(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// `value / 10^decimals` with exactly that many decimals; a plain whole number for 0 decimals.
pub(crate) fn fixed(out: &mut Vec<u8>, value: u32, decimals: u8) {
    let scale = 10u32.pow(u32::from(decimals));
    whole(out, u64::from(value / scale));
    if decimals > 0 {
        out.push(b'.');
        padded(out, value % scale, decimals);
    }
}

/// A whole number with leading zeros to `width` digits.
pub(crate) fn padded(out: &mut Vec<u8>, value: u32, width: u8) {
    for place in (0..u32::from(width)).rev() {
        out.push(b'0' + (value / 10u32.pow(place) % 10) as u8);
    }
}

/// 128 bits in the look of a version 4 UUID.
pub(crate) fn uuid(out: &mut Vec<u8>, high: u64, low: u64) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let high = (high & !0xf000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    for place in 0..32 {
        if matches!(place, 8 | 12 | 16 | 20) {
            out.push(b'-');
        }
        let half = if place < 16 { high } else { low };
        out.push(HEX[(half >> (60 - 4 * (place % 16)) & 0xf) as usize]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(write: impl Fn(&mut Vec<u8>), expected: &str) {
        let mut out = Vec::new();
        write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn numbers_are_written_as_the_standard_library_writes_them() {
        for value in [0, 7, 10, 999, 65_536, u64::MAX] {
            check(|out| whole(out, value), &value.to_string());
        }
        for value in [0, 5, 50, 1_234, 999_999] {
            check(|out| fixed(out, value, 3), &format!("{:.3}", f64::from(value) / 1000.0));
        }
        check(|out| fixed(out, 42, 0), "42");
        check(|out| padded(out, 7, 3), "007");
    }

    #[test]
    fn uuid_has_the_marks_of_version_four() {
        check(|out| uuid(out, 0, 0), "00000000-0000-4000-8000-000000000000");
        check(|out| uuid(out, u64::MAX, u64::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
