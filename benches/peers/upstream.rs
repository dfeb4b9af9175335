//! The CMS behind the proxies: three fixed pages, two lasting cookies, connections that stay.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::thread;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;

/// The paths, with how many bytes their pages have.
pub const SMALL: (&str, usize) = ("/small", 1024);
/// A page of a municipal site, without its pictures.
pub const PAGE: (&str, usize) = ("/page", 30 * 1024);
/// A film, or a scanned plan.
pub const BIG: (&str, usize) = ("/big", 10_000_000);
/// Any other path is answered with the request as it arrived.
pub const ECHO: &str = "/echo";
/// How many cookies each answer sets, both for a year.
pub const COOKIES: usize = 2;

const SENTENCE: &str = "<p>Refuse is collected on Tuesdays; the council meets on the first Monday.</p>\n";

/// Serves on a thread of its own until the program ends.
pub fn start() -> io::Result<SocketAddr> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let pages: &'static HashMap<String, Vec<u8>> = Box::leak(Box::new(pages()));
    thread::spawn(move || {
        runtime.block_on(async {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, pages));
            }
        });
    });
    Ok(address)
}

/// Each page by the beginning of the request for it.
fn pages() -> HashMap<String, Vec<u8>> {
    let page = |(path, bytes): (&str, usize)| {
        let body: String = SENTENCE.chars().cycle().take(bytes).collect();
        (format!("GET {path}"), answer(body.as_bytes()))
    };
    HashMap::from([page(SMALL), page(PAGE), page(BIG)])
}

fn answer(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nServer: cms\r\nDate: Sat, 21 Nov 2026 10:00:00 GMT\r\nContent-Type: text/html; charset=utf-8\r\n\
         Content-Length: {}\r\n\
         Set-Cookie: CMSSESSID=8f14e45fceea167a5a36dedd4bea2543; Path=/; Max-Age=31536000; HttpOnly\r\n\
         Set-Cookie: cms_pref=large-print; Path=/; Max-Age=31536000; Expires=Sun, 21 Nov 2027 10:00:00 GMT\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Answers requests without bodies, one after the other.
async fn serve(mut stream: TcpStream, pages: &HashMap<String, Vec<u8>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = Vec::with_capacity(4096);
    while stream.read_buf(&mut read).await? > 0 {
        while let Some(end) = memmem::find(&read, b"\r\n\r\n") {
            let head: Vec<u8> = read.drain(..end + 4).collect();
            let asked = std::str::from_utf8(&head)
                .ok()
                .and_then(|head| head.split(" HTTP/").next());
            match asked.and_then(|asked| pages.get(asked)) {
                Some(page) => stream.write_all(page).await?,
                None => stream.write_all(&answer(&head)).await?,
            }
        }
    }
    Ok(())
}
