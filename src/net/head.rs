//! What the head of a request takes.

use http::HeaderMap;

/// What one header takes besides its name and value.
const HEADER_BYTES: usize = 64;

/// About how many bytes of memory the headers of a request take.
pub fn head_bytes(headers: &HeaderMap) -> usize {
    let bytes = headers
        .iter()
        .map(|(name, value)| HEADER_BYTES + name.as_str().len() + value.len());
    bytes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_takes_its_name_and_value_and_more() {
        let mut headers = HeaderMap::new();
        assert_eq!(head_bytes(&headers), 0);
        headers.insert("host", "h".parse().unwrap());
        headers.append("host", "other".parse().unwrap());
        let text = "host".len() + "h".len() + "host".len() + "other".len();
        assert_eq!(head_bytes(&headers), 2 * HEADER_BYTES + text);
    }
}
