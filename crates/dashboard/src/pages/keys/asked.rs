//! What the list's address asks for, and the addresses of its neighbours.

use std::borrow::Cow;

use claviger_manage::{Browse, KeyShow, KeySort};

use crate::form::Query;

/// Keys a page of the list.
pub(super) const PER_PAGE: usize = 25;

const SHOWS: [(KeyShow, &str); 4] = [
    (KeyShow::Standing, "standing"),
    (KeyShow::Due, "due"),
    (KeyShow::Unused, "unused"),
    (KeyShow::Revoked, "revoked"),
];

/// Each order with its word, and whether it is the other way round unless the address says so.
const SORTS: [(KeySort, &str, bool); 4] = [
    (KeySort::Created, "created", true),
    (KeySort::Name, "name", false),
    (KeySort::LastUsed, "used", true),
    (KeySort::Expires, "expires", false),
];

/// What the address asks for. Words it has from elsewhere count as none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) search: String,
    pub(super) show: KeyShow,
    pub(super) sort: KeySort,
    pub(super) descending: bool,
    /// Counted from 0.
    pub(super) page: usize,
}

pub(super) fn word_of_show(show: KeyShow) -> &'static str {
    SHOWS.into_iter().find(|(known, _)| *known == show).map_or("", |(_, word)| word)
}

fn word_of_sort(sort: KeySort) -> &'static str {
    SORTS.into_iter().find(|(known, ..)| *known == sort).map_or("", |(_, word, _)| word)
}

fn begins_descending(sort: KeySort) -> bool {
    SORTS.into_iter().any(|(known, _, descending)| known == sort && descending)
}

impl Asked {
    pub(super) fn read(query: &Query) -> Self {
        let show = SHOWS.into_iter().find(|(_, word)| *word == query.get("state"));
        // A form's list of orders names the direction with the order.
        let (order, turned) = query.get("sort").split_once('.').unwrap_or((query.get("sort"), ""));
        let sort = SORTS.into_iter().find(|(_, word, _)| *word == order);
        let sort = sort.map_or(KeySort::Created, |(sort, ..)| sort);
        let direction = if turned.is_empty() { query.get("dir") } else { turned };
        let descending = match direction {
            "asc" => false,
            "desc" => true,
            _ => begins_descending(sort),
        };
        let page = query.get("page").parse::<usize>().unwrap_or(1);
        Self {
            search: query.get("q").trim().to_owned(),
            show: show.map_or(KeyShow::Standing, |(show, _)| show),
            sort,
            descending,
            page: page.saturating_sub(1),
        }
    }

    /// Whether only some of the keys in use are asked for.
    pub(super) fn is_narrow(&self) -> bool {
        self.show != KeyShow::Standing || !self.search.is_empty()
    }

    pub(super) fn browse(&self) -> Browse {
        Browse {
            show: self.show,
            search: Some(self.search.clone()).filter(|text| !text.is_empty()),
            sort: self.sort,
            descending: self.descending,
            page: self.page,
            per_page: PER_PAGE,
        }
    }

    /// The first page of all keys of this kind, in the order there is.
    pub(super) fn showing(&self, show: KeyShow) -> Self {
        Self { show, search: String::new(), page: 0, ..self.clone() }
    }

    /// The first page in another order; the other way round where it is the order there is.
    pub(super) fn sorted(&self, sort: KeySort) -> Self {
        let descending = if sort == self.sort { !self.descending } else { begins_descending(sort) };
        Self { sort, descending, page: 0, ..self.clone() }
    }

    /// The order there is, with its direction, as one word of a form.
    pub(super) fn order(&self) -> Cow<'static, str> {
        let word = word_of_sort(self.sort);
        match self.descending {
            usual if usual == begins_descending(self.sort) => word.into(),
            true => format!("{word}.desc").into(),
            false => format!("{word}.asc").into(),
        }
    }

    pub(super) fn at_page(&self, page: usize) -> Self {
        Self { page, ..self.clone() }
    }

    /// `path` with what is asked for, as far as it isn't what is shown anyway.
    pub(super) fn href(&self, path: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !self.search.is_empty() {
            query.append_pair("q", &self.search);
        }
        if self.show != KeyShow::Standing {
            query.append_pair("state", word_of_show(self.show));
        }
        if self.sort != KeySort::Created {
            query.append_pair("sort", word_of_sort(self.sort));
        }
        if self.descending != begins_descending(self.sort) {
            query.append_pair("dir", if self.descending { "desc" } else { "asc" });
        }
        if self.page > 0 {
            query.append_pair("page", &(self.page + 1).to_string());
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Asked {
        let request = http::Request::builder().uri(format!("/keys?{query}")).body(()).unwrap();
        Asked::read(&crate::form::query(&request.into_parts().0))
    }

    #[test]
    fn an_address_is_read_and_written_back() {
        for query in
            ["", "?q=a+b%26c", "?state=due&sort=name&dir=desc&page=3", "?sort=used", "?dir=asc", "?page=2"]
        {
            assert_eq!(asked(query.trim_start_matches('?')).href("/keys"), format!("/keys{query}"));
        }
    }

    #[test]
    fn a_form_that_names_its_order_keeps_the_direction() {
        for query in ["sort=name", "sort=name&dir=desc", "dir=asc", "sort=used&dir=asc", "sort=expires"] {
            let there = asked(query);
            assert_eq!(asked(&format!("q=&sort={}", there.order())), there, "{query}");
        }
    }

    #[test]
    fn what_an_address_says_wrongly_counts_as_nothing() {
        let plain = asked("");
        for query in [
            "state=all",
            "sort=secret",
            "sort=created.up",
            "dir=up",
            "page=0",
            "page=-1",
            "page=one",
            "q=+",
            "x=y",
        ] {
            assert_eq!(asked(query), plain, "{query}");
        }
    }

    #[test]
    fn an_order_chosen_again_is_turned_round() {
        let newest = asked("page=3");
        assert!(newest.descending);
        assert_eq!(newest.sorted(KeySort::Created).href("/keys"), "/keys?dir=asc");
        assert_eq!(newest.sorted(KeySort::Name).href("/keys"), "/keys?sort=name");
        assert_eq!(newest.sorted(KeySort::Name).sorted(KeySort::Name).href("/k"), "/k?sort=name&dir=desc");
    }
}
