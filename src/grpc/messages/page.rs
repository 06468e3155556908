//! Limits the number of items and the bytes in one message.

use prost::Message;

use super::outgoing::FIELD_HEADER_BYTES_MAX;

/// The most bytes of one answer: gRPC's default limit of 4 MiB on a received message, less
/// some space for what is not an item (tags, the room, tokens).
pub(in crate::grpc) const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024 - 64 * 1024;

/// The most bytes of one part of a snapshot. It is less than a message may have, so that a
/// watch of a large room needs little memory at a time.
pub(in crate::grpc) const PART_BYTES_MAX: usize = 32 * 1024;

/// The items that fit into one message.
#[derive(Debug)]
pub(in crate::grpc) struct Page<T, M> {
    pub(in crate::grpc) messages: Vec<M>,
    /// The last item on the page, if more follow.
    pub(in crate::grpc) continue_after: Option<T>,
}

/// Takes as many items as fit into a page; at least one item, if there is any.
pub(in crate::grpc) fn fill_page<T, M: Message>(
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
        bytes += message.encoded_len() + FIELD_HEADER_BYTES_MAX;
        let is_full = messages.len() == items_max || bytes > bytes_max;
        if is_full && last.is_some() {
            return Page {
                messages,
                continue_after: last,
            };
        }
        messages.push(message);
        last = Some(item);
    }
    Page {
        messages,
        continue_after: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(lengths: &[usize], items_max: usize, bytes_max: usize) -> (usize, Option<usize>) {
        let page = fill_page(1..=lengths.len(), items_max, bytes_max, |&n| {
            "x".repeat(lengths[n - 1])
        });
        (page.messages.len(), page.continue_after)
    }

    #[test]
    fn a_page_holds_what_fits_and_says_where_to_continue() {
        assert_eq!(page(&[10, 10, 10], 2, 1000), (2, Some(2)));
        assert_eq!(page(&[10, 10], 2, 1000), (2, None));
        assert_eq!(page(&[10, 10, 10], usize::MAX, 40), (2, Some(2)));
        assert_eq!(page(&[], 2, 1000), (0, None));
    }

    #[test]
    fn one_item_is_taken_even_if_it_is_too_large() {
        assert_eq!(page(&[100, 1], usize::MAX, 10), (1, Some(1)));
    }
}
