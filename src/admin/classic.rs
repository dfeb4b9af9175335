//! OpenMetrics rewritten in the text format of Prometheus (0.0.4), for programs that know no other: they differ in what
//! a counter is called where it is described, in words for types, and in the end.

/// The same numbers. `page` is well-formed.
pub(super) fn of(page: &str) -> String {
    let mut counters = Vec::new();
    let mut infos = Vec::new();
    for line in page.lines() {
        match line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) {
            Some((name, "counter")) => counters.push(name),
            Some((name, "info")) => infos.push(name),
            _ => {}
        }
    }
    let full = |name: &str| match name {
        _ if counters.contains(&name) => format!("{name}_total"),
        _ if infos.contains(&name) => format!("{name}_info"),
        _ => name.to_owned(),
    };
    let mut text = String::with_capacity(page.len());
    for line in page.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("EOF" | "UNIT"), ..) => continue,
            (Some("#"), Some("TYPE"), Some(name), Some("info")) => text += &format!("# TYPE {} gauge", full(name)),
            (Some("#"), Some(what), Some(name), Some(rest)) => text += &format!("# {what} {} {rest}", full(name)),
            _ => text += line,
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn counters_and_infos_are_called_what_their_samples_are() {
        let page = "# HELP a_b How many.\n# TYPE a_b counter\na_b_total{site=\"x\"} 3\n\
                    # HELP a_time_seconds When.\n# TYPE a_time_seconds gauge\n# UNIT a_time_seconds seconds\n\
                    a_time_seconds 1.5\n# HELP a_build Which.\n# TYPE a_build info\na_build_info{v=\"1\"} 1\n# EOF\n";
        assert_eq!(
            super::of(page),
            "# HELP a_b_total How many.\n# TYPE a_b_total counter\na_b_total{site=\"x\"} 3\n\
             # HELP a_time_seconds When.\n# TYPE a_time_seconds gauge\na_time_seconds 1.5\n\
             # HELP a_build_info Which.\n# TYPE a_build_info gauge\na_build_info{v=\"1\"} 1\n"
        );
    }
}
