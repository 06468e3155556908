//! Limits that several modules share.

/// The longest id of a room, one of its lives, a user or a session, in bytes. Vendors
/// allow from 127 to 255 bytes. A longer id could be kept, but clients could not ask
/// for it by gRPC, whose requests and page tokens name such ids.
pub const ID_BYTES_MAX: usize = 1024;

/// The longest text that is only shown, in bytes: a nickname, the name of a room, a platform,
/// what a client attached to its login. The rest of a longer one is cut off. Documented
/// callbacks are shorter as a whole. Such a text is kept for as long as the user is present,
/// so that without a limit each login could take as much memory as a body.
pub const SHOWN_BYTES_MAX: usize = 4096;

/// The beginning of a text that is only shown: whole characters, at most [`SHOWN_BYTES_MAX`]
/// bytes.
pub fn cut_shown(text: &str) -> &str {
    if text.len() <= SHOWN_BYTES_MAX {
        return text;
    }
    let ends = (0..=SHOWN_BYTES_MAX).rev();
    let end = ends.into_iter().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn as_many_whole_characters_are_shown_as_fit(
            characters in prop::collection::vec(any::<char>(), 0..40),
            before in SHOWN_BYTES_MAX - 80..SHOWN_BYTES_MAX + 3,
        ) {
            let text = "x".repeat(before) + &characters.iter().collect::<String>();
            let shown = cut_shown(&text);
            prop_assert!(text.starts_with(shown) && shown.len() <= SHOWN_BYTES_MAX);
            let next = text[shown.len()..].chars().next();
            prop_assert!(next.is_none_or(|next| shown.len() + next.len_utf8() > SHOWN_BYTES_MAX));
        }
    }
}
