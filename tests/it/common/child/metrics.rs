//! What the metrics of a process say.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use super::Site;

/// The value of a metric.
pub(crate) fn metric(site: &Site, name: &str) -> String {
    let mut connection = TcpStream::connect(site.admin()).unwrap();
    connection
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n")
        .unwrap();
    let mut page = String::new();
    connection.read_to_string(&mut page).unwrap();
    let name = format!("{name} ");
    let line = page.lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap().trim().to_owned()
}
