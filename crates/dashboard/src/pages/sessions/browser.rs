//! What a browser calls itself, in a few words. It can say anything: nothing is decided by it.

/// `Firefox on Linux`; what is no browser's text, or an unknown one's, as it is.
pub(super) fn in_words(agent: &str) -> String {
    let Some(rest) = agent.strip_prefix("Mozilla/5.0 (").filter(|rest| !rest.starts_with("compatible;"))
    else {
        return agent.to_owned();
    };
    let (platform, products) = rest.split_once(')').unwrap_or((rest, ""));
    match (browser(products), system(platform)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => agent.to_owned(),
    }
}

/// Browsers name those they descend from as well: the youngest come first.
fn browser(products: &str) -> Option<&'static str> {
    const BROWSERS: [(&str, &str); 11] = [
        ("HeadlessChrome/", "Headless Chrome"),
        ("Edg/", "Edge"),
        ("EdgiOS/", "Edge"),
        ("EdgA/", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Version/", "Safari"),
    ];
    let named = |product: &str| products.split(' ').any(|word| word.starts_with(product));
    let found = BROWSERS.into_iter().find(|(product, _)| named(product))?.1;
    (found != "Safari" || named("Safari/")).then_some(found)
}

fn system(platform: &str) -> Option<&'static str> {
    const SYSTEMS: [(&str, &str); 7] = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows NT", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    SYSTEMS.into_iter().find(|(word, _)| platform.contains(word)).map(|(_, system)| system)
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn known_browsers_are_named() {
        for (agent, words) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
                "Chrome on Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
                "Chrome on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36",
                "Headless Chrome on Linux",
            ),
        ] {
            assert_eq!(in_words(agent), words, "{agent}");
        }
    }

    #[test]
    fn what_is_not_known_is_shown_as_it_is() {
        for agent in [
            "",
            "curl/8.12.1",
            "Mozilla/5.0",
            "Mozilla/5.0 (X11; Linux x86_64) Something/1.0",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html) Chrome/140.0 Safari/537.36",
            "<script>alert(1)</script>",
        ] {
            assert_eq!(in_words(agent), agent);
        }
    }
}
