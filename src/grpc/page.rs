//! How much goes into one message.

use prost::Message;

/// The most bytes of one answer: gRPC's default limit of 4 MiB on a received
/// message, less what comes with the items (tags, the room, tokens).
pub(super) const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024 - 64 * 1024;

/// The most bytes of one part of a snapshot. Smaller than it could be, so that a
/// watch with a large room needs little memory at a time.
pub(super) const PART_BYTES_MAX: usize = 1024 * 1024;

/// Tag and length of an item in its list.
pub(super) const ITEM_OVERHEAD: usize = 6;

/// What fits into one message.
#[derive(Debug)]
pub(super) struct Page<T, M> {
    pub(super) messages: Vec<M>,
    /// The last item on the page, if more follow.
    pub(super) go_on_after: Option<T>,
}

/// Takes as many items as fit, at least one if there is any.
pub(super) fn fill<T, M: Message>(
    items: impl Iterator<Item = T>,
    items_max: usize,
    bytes_max: usize,
    to_message: impl Fn(&T) -> M,
) -> Page<T, M> {
    let mut messages = Vec::new();
    let mut last = None;
    let mut bytes = 0;
    for item in items {
        let message = to_message(&item);
        bytes += message.encoded_len() + ITEM_OVERHEAD;
        let is_full = messages.len() == items_max || bytes > bytes_max;
        if is_full && last.is_some() {
            return Page {
                messages,
                go_on_after: last,
            };
        }
        messages.push(message);
        last = Some(item);
    }
    Page {
        messages,
        go_on_after: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(lengths: &[usize], items_max: usize, bytes_max: usize) -> (usize, Option<usize>) {
        let page = fill(1..=lengths.len(), items_max, bytes_max, |&n| {
            "x".repeat(lengths[n - 1])
        });
        (page.messages.len(), page.go_on_after)
    }

    #[test]
    fn a_page_holds_what_fits_and_says_where_to_go_on() {
        assert_eq!(page(&[10, 10, 10], 2, 1000), (2, Some(2)));
        assert_eq!(page(&[10, 10], 2, 1000), (2, None));
        assert_eq!(page(&[10, 10, 10], usize::MAX, 40), (2, Some(2)));
        assert_eq!(page(&[], 2, 1000), (0, None));
    }

    #[test]
    fn one_item_is_taken_however_large() {
        assert_eq!(page(&[100, 1], usize::MAX, 10), (1, Some(1)));
    }
}
