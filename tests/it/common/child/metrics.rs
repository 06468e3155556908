//! What a process says by HTTP of how it is.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use super::Site;

/// The status and the body of an answer to `GET`.
pub(crate) fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut connection = TcpStream::connect(address).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    connection.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse();
    (status.unwrap(), body.to_owned())
}

/// The value of a metric.
pub(crate) fn metric(site: &Site, name: &str) -> String {
    let (_, page) = get(site.admin(), "/metrics");
    let name = format!("{name} ");
    let line = page.lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap().trim().to_owned()
}
