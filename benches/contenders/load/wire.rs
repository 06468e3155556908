//! Finds fields in protobuf messages without decoding the rest of them.

/// Calls `visit` with the bytes of every field at `path`: field numbers from the
/// outside in, each but the last a message.
pub(crate) fn visit<'a>(message: &'a [u8], path: &[u64], found: &mut impl FnMut(&'a [u8])) {
    let Some((&number, rest)) = path.split_first() else {
        return found(message);
    };
    let mut left = message;
    while let Some(field) = next_field(&mut left) {
        if let (at, Some(bytes)) = field
            && at == number
        {
            visit(bytes, rest, found);
        }
    }
}

/// The number of the next field, and its bytes if it has any.
fn next_field<'a>(left: &mut &'a [u8]) -> Option<(u64, Option<&'a [u8]>)> {
    let key = varint(left)?;
    let skipped = match key & 7 {
        0 => {
            varint(left)?;
            return Some((key >> 3, None));
        }
        1 => 8,
        5 => 4,
        _ => usize::try_from(varint(left)?).ok()?,
    };
    let (bytes, rest) = left.split_at_checked(skipped)?;
    *left = rest;
    Some((key >> 3, (key & 7 == 2).then_some(bytes)))
}

fn varint(left: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = left.split_first()?;
        *left = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
