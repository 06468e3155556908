//! Values as people write them: `"10m"`, `"256KiB"`.

use std::{fmt, ops::Deref, str::FromStr, time::Duration};

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time, written as `"10m"`, `"15s"` or `"500ms"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

impl Span {
    /// A span of `secs` seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// A span of `mins` minutes.
    pub const fn from_mins(mins: u64) -> Self {
        Self::from_secs(mins * 60)
    }
}

impl Deref for Span {
    type Target = Duration;

    fn deref(&self) -> &Duration {
        &self.0
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        match humantime::parse_duration(text) {
            Ok(duration) => Ok(Self(duration)),
            Err(_) => Err(UnitError::Span(text.into())),
        }
    }
}

impl TryFrom<String> for Span {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        text.parse()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A number of bytes, written as `"256KiB"` or `"64MiB"`, or as a plain number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

impl Size {
    /// A size of `kib` KiB.
    pub const fn from_kib(kib: u64) -> Self {
        Self(kib << 10)
    }

    /// A size of `mib` MiB.
    pub const fn from_mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes; [`usize::MAX`] if that is less.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl From<u64> for Size {
    fn from(bytes: u64) -> Self {
        Self(bytes)
    }
}

impl From<Size> for u64 {
    fn from(size: Size) -> Self {
        size.0
    }
}

impl FromStr for Size {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        match text.parse::<ByteSize>() {
            Ok(size) => Ok(Self(size.as_u64())),
            Err(_) => Err(UnitError::Size(text.into())),
        }
    }
}

impl fmt::Display for Size {
    /// Exact, in the largest unit that divides it; [`ByteSize`] would round.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        let whole = |shift: u32| self.0 != 0 && self.0.trailing_zeros() >= shift;
        match units.into_iter().find(|(shift, _)| whole(*shift)) {
            Some((shift, unit)) => write!(f, "{}{unit}", self.0 >> shift),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl fmt::Debug for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Size;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as \"256KiB\", or a number of bytes")
            }

            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Size, E> {
                Ok(Size(bytes))
            }

            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Size, E> {
                let negative = |_| E::invalid_value(de::Unexpected::Signed(bytes), &self);
                u64::try_from(bytes).map(Size).map_err(negative)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// Why a text is not a [`Span`] or not a [`Size`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// It is not a length of time.
    #[error("`{0}` is not a length of time such as \"10m\", \"15s\" or \"500ms\"")]
    Span(String),
    /// It is not a number of bytes.
    #[error("`{0}` is not a size such as \"256KiB\" or \"64MiB\"")]
    Size(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_back_as_they_are_written() {
        for (text, millis) in [
            ("10m", 600_000),
            ("15s", 15_000),
            ("500ms", 500),
            ("1h 1ms", 3_600_001),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.as_millis(), millis, "{text}");
            assert_eq!(span.to_string().parse(), Ok(span), "{text}");
        }
        for text in ["", "10", "ten minutes", "-1s"] {
            assert_eq!(text.parse::<Span>(), Err(UnitError::Span(text.into())));
        }
    }

    #[test]
    fn sizes_read_back_exactly() {
        for (text, bytes, written) in [
            ("256KiB", 256 << 10, "256KiB"),
            ("64 MiB", 64 << 20, "64MiB"),
            ("1.5GiB", 1536 << 20, "1536MiB"),
            ("1000", 1000, "1000B"),
            ("1kB", 1000, "1000B"),
            ("0", 0, "0B"),
        ] {
            let size: Size = text.parse().unwrap();
            assert_eq!(size.bytes(), bytes, "{text}");
            assert_eq!(size.to_string(), written);
            assert_eq!(written.parse(), Ok(size));
        }
        for text in ["", "much", "-1"] {
            assert_eq!(text.parse::<Size>(), Err(UnitError::Size(text.into())));
        }
    }
}
