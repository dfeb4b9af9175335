//! One day at the site: Anna logs in to be remembered, uploads a picture, publishes, comments and logs out; then a
//! visitor comments, and wants the form to remember it.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::chromium::{Chromium, Held};
use super::site::{LOGIN, PASSWORD};
use crate::town::HOST;

/// What the jar held at each moment, and whether the comment form knew the visitor again.
pub struct Visit {
    pub logged_in: Vec<Held>,
    pub published: Vec<Held>,
    pub logged_out: Vec<Held>,
    pub commented: Vec<Held>,
    pub is_known_again: bool,
}

impl Visit {
    /// Names of those that ever outlived the browser, without what differs between installations.
    pub fn lasting(&self) -> BTreeSet<String> {
        let all = [&self.logged_in, &self.published, &self.logged_out, &self.commented];
        let lasting = all.into_iter().flatten().filter(|held| held.lasts);
        lasting.map(|held| kind(&held.name)).collect()
    }
}

/// A name without its hash.
pub fn kind(name: &str) -> String {
    match name
        .len()
        .checked_sub(32)
        .and_then(|start| name.split_at_checked(start))
    {
        Some((start, hash)) if hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => format!("{start}<md5>"),
        _ => name.to_owned(),
    }
}

pub fn names(jar: &[Held]) -> BTreeSet<String> {
    jar.iter().map(|held| kind(&held.name)).collect()
}

/// What the block editor does when somebody uploads a picture, writes, and publishes.
const PUBLISH: &str = "(async () => {
    const until = async is => { while (!is()) await new Promise(done => setTimeout(done, 50)); };
    await until(() => window.wp?.data?.select('core/editor')?.getCurrentPostId());
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 8;
    const picture = await new Promise(done => canvas.toBlob(done, 'image/png'));
    const media = await new Promise((done, fail) => wp.mediaUtils.uploadMedia({
        filesList: [new File([picture], 'herb.png', { type: 'image/png' })],
        onFileChange: ([file]) => file?.id && done(file),
        onError: error => fail(new Error(error.message)),
    }));
    const image = wp.blocks.createBlock('core/image', { id: media.id, url: media.url, alt: 'Herb' });
    wp.data.dispatch('core/block-editor').insertBlocks([image]);
    wp.data.dispatch('core/editor').editPost({ title: 'Odbiór odpadów', status: 'publish' });
    await wp.data.dispatch('core/editor').savePost();
    await until(() => !wp.data.select('core/editor').isSavingPost());
    const post = wp.data.select('core/editor').getCurrentPost();
    return post.status + ' ' + post.link;
})()";

/// The whole day.
pub fn day(chromium: &mut Chromium, address: SocketAddr) -> Visit {
    chromium.begin();
    log_in(chromium, address);
    let logged_in = chromium.jar();

    chromium.open(&at(address, "/wp-admin/post-new.php"));
    let said = chromium.text(PUBLISH);
    let (status, post) = said.split_once(' ').expect("a status and an address");
    assert_eq!(status, "publish");
    let published = chromium.jar();
    chromium.open(post);
    let shown = chromium.text("document.body.innerText");
    assert!(shown.contains("Odbiór odpadów"), "{shown}");
    let width = chromium.run(
        "(async () => {
            const picture = document.querySelector('.wp-block-image img');
            picture.loading = 'eager';
            await picture.decode();
            return picture.naturalWidth;
        })()",
    );
    assert_eq!(width, 8, "the picture is there");

    comment(chromium, "Zapraszamy", "");
    chromium.go_by("location.href = document.querySelector('#wp-admin-bar-logout a').href");
    let place = chromium.text("location.href");
    assert!(place.contains("/wp-login.php?loggedout=true"), "{place}");
    let logged_out = chromium.jar();
    chromium.open(&at(address, "/wp-admin/"));
    assert!(is_asked_to_log_in(chromium), "who logged out is logged out");

    chromium.open(post);
    comment(
        chromium,
        "Dziękuję",
        "document.querySelector('#author').value = 'Jan Testowy';
         document.querySelector('#email').value = 'jan@poczta.example';
         document.querySelector('#wp-comment-cookies-consent').checked = true;",
    );
    let commented = chromium.jar();
    chromium.open(post);
    let author = chromium.text("document.querySelector('#author').value");
    Visit {
        logged_in,
        published,
        logged_out,
        commented,
        is_known_again: author == "Jan Testowy",
    }
}

/// Logs in, to be remembered, and sees the dashboard.
pub fn log_in(chromium: &mut Chromium, address: SocketAddr) {
    chromium.open(&at(address, "/wp-login.php"));
    chromium.go_by(&format!(
        "document.querySelector('#user_login').value = '{LOGIN}';
         document.querySelector('#user_pass').value = '{PASSWORD}';
         document.querySelector('#rememberme').checked = true;
         document.querySelector('#wp-submit').click()"
    ));
    assert!(is_at_the_dashboard(chromium), "the log-in works");
}

pub fn is_at_the_dashboard(chromium: &mut Chromium) -> bool {
    chromium.run("document.querySelector('#dashboard-widgets') !== null") == true
}

pub fn is_asked_to_log_in(chromium: &mut Chromium) -> bool {
    chromium.run("document.querySelector('#loginform') !== null") == true
}

pub fn at(address: SocketAddr, path: &str) -> String {
    format!("http://{HOST}:{}{path}", address.port())
}

/// Writes below the post that is open; `who` fills in the rest of the form.
fn comment(chromium: &mut Chromium, text: &str, who: &str) {
    chromium.go_by(&format!(
        "document.querySelector('#comment').value = '{text}'; {who}
         document.querySelector('#commentform [type=submit]').click()"
    ));
    let shown = chromium.text("document.body.innerText");
    assert!(shown.contains(text) && shown.contains("Odbiór odpadów"), "{shown}");
}
