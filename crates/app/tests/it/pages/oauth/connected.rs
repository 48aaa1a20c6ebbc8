//! Connected apps: who sees which, and who takes what back.

use claviger_testkit::{Server, Visitor};

use super::{application, asking, is_silent_of, says, server};
use crate::applications::led_back;
use crate::pages::stage::{sign_in, sign_in_as};

#[track_caller]
fn allow(visitor: &mut Visitor, client: &str) {
    let place = asking("cicosts", client, "&scope=costs%3Aread");
    let _ = visitor.get(&place).expect(200);
    let csrf = visitor.csrf();
    let allowed = visitor.post(&place, &[("csrf", &csrf), ("answer", "allow")]);
    let _ = led_back(&allowed);
}

/// The first page to withdraw something that is linked to.
#[track_caller]
fn withdrawal(page: &str) -> String {
    let (_, after) = page.split_once("href=\"/connected-apps/").expect("something can be withdrawn");
    format!("/connected-apps/{}", after.split('"').next().unwrap_or_default())
}

fn stage() -> (Server, String, String) {
    let server = server();
    let account = server.operator().account("Acme");
    let client = application(&server, "Cost Reports", &[("verified", "yes")]);
    (server, account, client)
}

#[test]
fn what_was_allowed_is_listed_and_withdrawn() {
    let (server, account, client) = stage();
    let mut ada = sign_in(&server, &account, "developer");
    says(&ada.get("/connected-apps").expect(200), "No connected apps");
    says(&ada.get("/sessions").expect(200), "href=\"/connected-apps\"");
    allow(&mut ada, &client);
    let listed = ada.get("/connected-apps").expect(200);
    for text in ["Cost Reports", "Verified", "Read cost data"] {
        says(&listed, text);
    }
    is_silent_of(&listed, "Allowed by");
    let withdraw = withdrawal(listed.text());
    says(&ada.get(&withdraw).expect(200), "Withdraw access from");
    let done = ada.submit(&withdraw, &[]).expect(303);
    assert_eq!(done.header("location"), Some("/connected-apps?done=withdrawn"));
    says(&ada.get("/connected-apps").expect(200), "No connected apps");
    let _ = ada.get(&withdraw).expect(404);
    // It is asked again from then on.
    let _ = ada.get(&asking("cicosts", &client, "&scope=costs%3Aread")).expect(200);
}

#[test]
fn administrators_see_everybodys_and_others_their_own() {
    let (server, account, client) = stage();
    let mut ada = sign_in_as(&server, &account, "ada@example.com", "administrator");
    let mut dora = sign_in_as(&server, &account, "dora@example.com", "developer");
    let mut bob = sign_in_as(&server, &account, "bob@example.com", "developer");
    allow(&mut dora, &client);
    is_silent_of(&bob.get("/connected-apps").expect(200), "Cost Reports");
    let page = ada.get("/connected-apps").expect(200);
    says(&page, "dora@example.com");
    let withdraw = withdrawal(page.text());
    let _ = bob.get(&withdraw).expect(404);
    let _ = bob.get("/connected-apps").expect(200);
    let csrf = {
        let _ = bob.get("/sessions").expect(200);
        bob.csrf()
    };
    let _ = bob.post(&withdraw, &[("csrf", &csrf)]).expect(403);
    let other = server.operator().account("Umbrella");
    let mut olga = sign_in_as(&server, &other, "olga@example.com", "administrator");
    let _ = olga.get(&withdraw).expect(404);
    let csrf = {
        let _ = olga.get("/sessions").expect(200);
        olga.csrf()
    };
    let _ = olga.post(&withdraw, &[("csrf", &csrf)]).expect(404);
    says(&dora.get("/connected-apps").expect(200), "Cost Reports");
    says(&ada.get(&withdraw).expect(200), "dora@example.com");
    let _ = ada.submit(&withdraw, &[]).expect(303);
    is_silent_of(&dora.get("/connected-apps").expect(200), "Cost Reports");
}

#[test]
fn a_withdrawal_counts_only_from_the_members_own_page() {
    let (server, account, client) = stage();
    let mut ada = sign_in(&server, &account, "developer");
    allow(&mut ada, &client);
    let withdraw = withdrawal(ada.get("/connected-apps").expect(200).text());
    let _ = ada.get(&withdraw).expect(200);
    let csrf = ada.csrf();
    let _ = ada.post(&withdraw, &[]).expect(403);
    let _ =
        ada.clone().with("Origin", "https://evil.example").post(&withdraw, &[("csrf", &csrf)]).expect(403);
    for nothing in ["/connected-apps/x/y/withdraw", &withdraw.replace("mem_", "app_")] {
        let _ = ada.get(nothing).expect(404);
        let _ = ada.post(nothing, &[("csrf", &csrf)]).expect(404);
    }
    says(&ada.get("/connected-apps").expect(200), "Cost Reports");
}

#[test]
fn what_is_too_much_for_a_page_is_on_the_next() {
    let (server, account, _) = stage();
    let mut ada = sign_in(&server, &account, "developer");
    for number in 0..51 {
        allow(&mut ada, &application(&server, &format!("Report {number:02}"), &[]));
    }
    let page = ada.get("/connected-apps").expect(200);
    says(&page, "Report 49");
    is_silent_of(&page, "Report 50");
    let (_, after) = page.text().split_once("rel=\"next\" href=\"").expect("there are more");
    let next = ada.get(after.split('"').next().unwrap_or_default()).expect(200);
    says(&next, "Report 50");
    is_silent_of(&next, "Report 49");
    is_silent_of(&next, "rel=\"next\"");
    let _ = ada.get(&withdrawal(next.text())).expect(200);
}
