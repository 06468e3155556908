//! How much of a request's first message has come.

use bytes::Buf as _;

use crate::grpc::messages::pieces::PREFIX_BYTES;

/// What has come of the first message of a body. gRPC puts a prefix before each message: whether it
/// is compressed, and its length in four bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FirstMessage {
    prefix: [u8; PREFIX_BYTES],
    /// Bytes that have come, with the prefix.
    come: usize,
}

impl FirstMessage {
    /// Notes what comes next of the body.
    pub(super) fn add(&mut self, data: &[u8]) {
        if let Some(missing) = self.prefix.get_mut(self.come..) {
            let known = missing.len().min(data.len());
            missing[..known].copy_from_slice(&data[..known]);
        }
        self.come = self.come.saturating_add(data.len());
    }

    /// Its length as far as that is known, without the prefix.
    pub(super) fn bytes(&self) -> usize {
        let length = self.prefix.get(1..).filter(|_| self.come >= PREFIX_BYTES);
        length.map_or(0, |mut length| length.get_u32() as usize)
    }

    /// Whether all of it has come.
    pub(super) fn is_whole(&self) -> bool {
        self.come >= PREFIX_BYTES && self.come - PREFIX_BYTES >= self.bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_whole_with_its_last_byte_however_it_is_cut(
            length in 0_u32..400,
            cuts in prop::collection::vec(1_usize..50, 1..500),
            after in 0_usize..20,
        ) {
            let mut body = vec![0];
            body.extend(length.to_be_bytes());
            body.resize(PREFIX_BYTES + length as usize, 7);
            let whole = body.len();
            body.resize(whole + after, 9);
            let (mut message, mut come) = (FirstMessage::default(), 0);
            for cut in cuts {
                let next = body.len().min(come + cut);
                message.add(&body[come..next]);
                come = next;
                prop_assert_eq!(message.is_whole(), come >= whole);
                let known = if come < PREFIX_BYTES { 0 } else { length as usize };
                prop_assert_eq!(message.bytes(), known);
            }
        }
    }
}
