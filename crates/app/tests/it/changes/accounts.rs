//! `/v1/accounts`

use serde_json::{Value, json};

use super::{names, opened, status, text};

#[test]
fn an_account_is_created_shown_renamed_and_described() {
    let (_server, operator, _) = opened("default");
    let order = json!({"name": "Bolt Ltd", "external_id": "cus_7", "metadata": {"plan": "pro"}});
    let created = operator.post("/v1/accounts", &order).expect(201).json();
    let path = format!("/v1/accounts/{}", text(&created, "id"));
    let shown = operator.get(&path).expect(200).json();
    assert_eq!((text(&shown, "api"), text(&shown, "state")), ("default", "active"));
    for field in ["name", "external_id", "metadata"] {
        assert_eq!(shown[field], order[field], "{field}");
    }
    let change = json!({"name": "Bolt AG", "metadata": {"plan": "free"}});
    let changed = operator.patch(&path, &change).expect(200).json();
    assert_eq!(
        (&changed["account"]["name"], &changed["account"]["metadata"]),
        (&change["name"], &change["metadata"])
    );
    assert_eq!(operator.get(&path).expect(200).json(), changed["account"]);
}

#[test]
fn a_suspended_account_has_no_working_key_until_it_is_reinstated() {
    let (server, operator, account) = opened("default");
    let other = operator.account("Other");
    let ours: Vec<_> = (0..3).map(|n| operator.issue_plain(&account, &format!("key {n}")).1).collect();
    let (_, theirs) = operator.issue_plain(&other, "of another account");
    let path = format!("/v1/accounts/{account}");
    let suspended = operator.patch(&path, &json!({"state": "suspended"})).expect(200).json();
    assert_eq!(
        (&suspended["account"]["state"], &suspended["receipt"]["complete"]),
        (&json!("suspended"), &json!(true))
    );
    assert!(ours.iter().all(|key| status(&server, key) == 401));
    assert_eq!(status(&server, &theirs), 200);
    let (_, made_meanwhile) = operator.issue_plain(&account, "made while suspended");
    assert_eq!(status(&server, &made_meanwhile), 401);
    assert_eq!(operator.verify(&json!({"key": ours[0]}))["denial"]["code"], "disabled");
    let server = server.kill().start();
    let operator = server.operator();
    assert!(ours.iter().all(|key| status(&server, key) == 401), "after a restart too");
    assert_eq!(operator.patch(&path, &json!({"state": "active"})).status, 200);
    assert!(ours.iter().chain([&made_meanwhile]).all(|key| status(&server, key) == 200));
}

#[test]
fn an_external_id_names_one_account_and_reaches_the_upstream() {
    let (server, operator, _) = opened("default");
    let order = json!({"name": "Bolt", "external_id": "cus_7"});
    let created = operator.post("/v1/accounts", &order).expect(201).json();
    let again = operator.post("/v1/accounts", &order).expect(409).json();
    assert_eq!(text(&again, "code"), "external_id_taken");
    let found = operator.get("/v1/accounts?external_id=cus_7").expect(200).json();
    assert_eq!((names(&found), &found["items"][0]["id"]), (vec!["Bolt"], &created["id"]));
    assert_eq!(names(&operator.get("/v1/accounts?external_id=cus_8").expect(200).json()), [""; 0]);
    for begins in ["bo", "BOLT", "cus"] {
        assert_eq!(names(&operator.get(&format!("/v1/accounts?name={begins}")).expect(200).json()), ["Bolt"]);
    }
    assert_eq!(names(&operator.get("/v1/accounts?name=olt").expect(200).json()), [""; 0]);
    let (_, key) = operator.issue_plain(text(&created, "id"), "n");
    let received = server.customer(&key).get("/v1/things").expect(200).json();
    assert!(received.to_string().contains(r#""external_id":"cus_7""#), "{received}");
    assert_eq!(operator.verify(&json!({"key": key}))["permit"]["external_id"], "cus_7");
}

#[test]
fn accounts_are_listed_each_once_and_in_order() {
    let (_server, operator, _) = opened("default");
    let mut wanted = vec!["Acme".to_owned()];
    for number in 0..120 {
        let name = format!("Account {number}");
        operator.account(&name);
        wanted.push(name);
    }
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = operator.get(&format!("/v1/accounts?api=default&limit=50{cursor}")).expect(200).json();
        listed.extend(names(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(listed, wanted);
    assert_eq!(operator.get("/v1/accounts?api=other").expect(200).json()["items"], json!([]));
}

#[test]
fn what_can_not_be_an_account_is_refused() {
    let (_server, operator, account) = opened("default");
    for order in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "   "}),
        json!({"name": "x".repeat(201)}),
        json!({"name": "bell\u{7}"}),
        json!({"name": "n", "api": "unknown"}),
        json!({"name": "n", "metadata": "text"}),
        json!({"name": "n", "external_id": "x".repeat(256)}),
        json!({"name": "n", "colour": "red"}),
    ] {
        assert_eq!(operator.post("/v1/accounts", &order).status, 422, "{order}");
    }
    for change in
        [json!({}), json!({"state": "closed"}), json!({"api": "default"}), json!({"external_id": "x"})]
    {
        assert_eq!(operator.patch(&format!("/v1/accounts/{account}"), &change).status, 422, "{change}");
    }
    assert_eq!(names(&operator.get("/v1/accounts").expect(200).json()), ["Acme"]);
    let missing = "/v1/accounts/acc_01h455vb4pex5vsknk084sn02q";
    assert_eq!(operator.get(missing).status, 404);
    assert_eq!(operator.patch(missing, &json!({"name": "n"})).status, 404);
}

#[test]
fn metadata_comes_back_as_it_went_in() {
    let (_server, operator, _) = opened("default");
    let metadata = json!({
        "z": 1, "a": [true, null, 1.5, -7, "\u{0}\"\\ü\u{1f511}"], "deep": {"er": {"est": {}}}, "": "",
    });
    let created =
        operator.post("/v1/accounts", &json!({"name": "n", "metadata": metadata})).expect(201).json();
    let shown = operator.get(&format!("/v1/accounts/{}", text(&created, "id"))).expect(200).json();
    assert_eq!(shown["metadata"], metadata);
    assert_eq!(Value::to_string(&shown["metadata"]), metadata.to_string(), "in its order");
}
