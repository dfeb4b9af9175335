//! Pages in a real browser, the statement here and the report elsewhere: Chromium shows them, axe-core finds nothing
//! that WCAG 2.1 AA forbids, in both languages, light and dark, on a wide screen and on a narrow one.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::serve::program::run_with;
use crate::skip::{skip, without};
use crate::town::{Cms, POLICY, Town};

/// Where axe-core is, if not where pip puts it: the path of `axe.min.js`.
const AXE: &str = "TOWNCLERK_AXE";

#[test]
fn the_statement_has_no_barrier_that_a_browser_can_find() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = versions(folder.path());
    let pages = ["pl", "en"].map(|lang| {
        let said = run_with(&["statement", "--lang", lang, "--format", "html"], &config);
        assert_eq!(said.code, Some(0), "{}", said.err);
        assert!(
            said.out.matches("<table").count() == 2 && said.out.contains("hreflang"),
            "{}",
            said.out
        );
        said.out
    });
    barriers("the statement's accessibility", &pages);
}

/// Looks for barriers in pages, light and dark, wide and narrow, where there is something to look with.
pub fn barriers(what: &str, pages: &[String]) {
    if without("chromium", "--version", what) {
        return;
    }
    let Some(axe) = axe() else {
        return skip(what, "axe-core is not installed: pip install axe-playwright-python");
    };
    let axe = fs::read_to_string(axe).expect("axe-core");
    let folder = tempfile::tempdir().expect("a folder");
    for (at, page) in pages.iter().enumerate() {
        for (scheme, width) in [("light", 1280), ("dark", 1280), ("light", 500)] {
            let found = looked_at(folder.path(), page, &axe, scheme, width);
            assert_eq!(found["scheme"], scheme, "the browser shows it so");
            let violations = found["violations"].as_array().expect("a list");
            assert!(violations.is_empty(), "{at}, {scheme}, {width}: {violations:#?}");
            assert!(found["passes"].as_u64() > Some(15), "axe-core looked: {found}");
            assert_eq!(
                found["overflows"], false,
                "{at}, {scheme}, {width}: it must not be scrolled sideways"
            );
        }
    }
    // It would find one.
    let barrier = "<!DOCTYPE html><html><head><title>a</title></head><body><img src=\"data:,\"></body></html>";
    let found = looked_at(folder.path(), barrier, &axe, "light", 1280);
    assert!(!found["violations"].as_array().expect("a list").is_empty(), "{found}");
}

/// A site whose second version is in force, so that the page has all that it can have.
fn versions(folder: &Path) -> PathBuf {
    let first = POLICY
        .replace("version = \"1\"", "version = \"0\"")
        .replace("2026-11-21", "2026-11-20");
    let mut plan = Town::before(&Cms::page("a")).site("statement = \"/polityka-prywatnosci\"");
    for (from, to) in [
        ("[controller]", "legal_basis = \"public-task\"\n[controller]"),
        ("\"zapamietaj\"", "\"wordpress_logged_in_<hex32>\""),
        (
            "[statistics]",
            "[correspondence]\npl = \"Listy.\"\nen = \"Letters.\"\n[disclosure]\npl = \"Tylko sądom.\"\n\
             en = \"To courts only.\"\n[statistics]",
        ),
    ] {
        plan = plan.policy(from, to);
    }
    let (config, journal) = plan.write(folder);
    fs::create_dir_all(journal.join("policies")).expect("a folder");
    fs::write(journal.join("policies/0.toml"), first).expect("a file");
    let policy = fs::read_to_string(folder.join("policy.toml")).expect("text");
    fs::write(journal.join("policies/1.toml"), policy).expect("a file");
    config
}

/// What axe-core says of a page as Chromium shows it.
fn looked_at(folder: &Path, page: &str, axe: &str, scheme: &str, width: u32) -> Value {
    // The page itself has no script. This copy has axe-core, whose findings take the place of its content.
    let look = "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }).then(found => {\
         const root = document.documentElement;\
         const dark = matchMedia('(prefers-color-scheme: dark)').matches;\
         const told = { scheme: dark ? 'dark' : 'light', passes: found.passes.length,\
             overflows: root.scrollWidth > root.clientWidth,\
             violations: found.violations.map(one => ({ id: one.id, nodes: one.nodes.map(node => node.html) })) };\
         document.body.textContent = 'FOUND' + encodeURIComponent(JSON.stringify(told)) + 'DNUOF'; });";
    let copy = page.replace(
        "</body>",
        &format!("<script>{axe}</script><script>{look}</script></body>"),
    );
    let file = folder.join("page.html");
    fs::write(&file, copy).expect("a file");
    let preferred = if scheme == "dark" { 0 } else { 1 };
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
        ])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("--blink-settings=preferredColorScheme={preferred}"))
        .arg(format!("--window-size={width},1000"))
        .args(["--virtual-time-budget=60000", "--dump-dom"])
        .arg(format!("file://{}", file.display()))
        .env("HOME", folder)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .expect("chromium runs");
    let shown = String::from_utf8_lossy(&output.stdout);
    let told = shown.split_once("FOUND").and_then(|(_, rest)| rest.split_once("DNUOF"));
    let (told, _) = told.unwrap_or_else(|| panic!("axe-core said nothing: {}", &shown[..shown.len().min(2_000)]));
    serde_json::from_slice(&unescaped(told)).expect("JSON")
}

fn unescaped(told: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = told.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = |at: usize| after.get(at).and_then(|&digit| char::from(digit).to_digit(16));
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).expect("two digits"));
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    bytes
}

/// The file of axe-core: the one that is named, or that of a package from PyPI.
fn axe() -> Option<PathBuf> {
    if let Some(named) = env::var_os(AXE) {
        return Some(named.into());
    }
    let found = Command::new("python3")
        .args([
            "-c",
            "import importlib.util as u; print(u.find_spec('axe_playwright_python').submodule_search_locations[0])",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let path = Path::new(String::from_utf8(found.stdout).ok()?.trim()).join("axe.min.js");
    path.is_file().then_some(path)
}
