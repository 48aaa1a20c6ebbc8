//! What the lease means, in two sentences, with the numbers of the configuration.

use std::time::Duration;

use claviger_verify::nodes::Leases;

/// For everybody who has to choose one.
pub(super) fn sentences(leases: &Leases) -> String {
    format!(
        "The lease is {}: a node that can't reach the database any more goes on deciding for at most so long, so an outage \
         of the database goes unnoticed for at least {}. A revocation is reported complete when no node accepts the key any \
         more, which takes milliseconds where all nodes answer, and at most {} where one doesn't.",
        seconds(leases.node),
        seconds(leases.rides_out(None)),
        seconds(leases.bound(None)),
    )
}

/// The same for the apis whose profiles ask for a shorter one.
pub(super) fn stricter(leases: &Leases) -> Vec<String> {
    let shorter = leases.stricter.keys().filter(|api| leases.lease(Some(api)) < leases.node);
    let told = shorter.map(|api| {
        format!(
            "For the api {api}, whose profile asks for a lease of {}, these are {} and {}.",
            seconds(leases.lease(Some(api))),
            seconds(leases.rides_out(Some(api))),
            seconds(leases.bound(Some(api))),
        )
    });
    told.collect()
}

/// Seconds with as many digits as say something, down to the millisecond.
fn seconds(span: Duration) -> String {
    let text = format!("{:.3}", span.as_secs_f64());
    format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_leases() {
        let mut leases = Leases::of(Duration::from_mins(2));
        leases.stricter.insert("strict".into(), Duration::from_secs(2));
        leases.stricter.insert("lax".into(), Duration::from_hours(1));
        let text = sentences(&leases);
        assert!(text.contains("lease is 120s") && text.contains("at most 122.4s"), "{text}");
        assert!(
            text.contains("at least 117.1s"),
            "a node renews as often as its shortest lease asks for: {text}"
        );
        let strict = "For the api strict, whose profile asks for a lease of 2s, these are 1.46s and 2.04s.";
        assert_eq!(stricter(&leases), [strict]);
    }

    #[test]
    fn the_readme_says_it_in_the_same_words() {
        let readme = include_str!("../../../../README.md").replace('\n', " ");
        let text = sentences(&Leases::of(Duration::from_mins(2)));
        assert!(readme.contains(&text), "{text}");
    }
}
