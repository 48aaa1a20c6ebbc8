//! A PostgreSQL that follows another one.

use claviger_testkit::{Postgres, eventually};

#[test]
fn a_standby_has_what_its_primary_committed_until_it_stops_to_follow_and_takes_changes_when_promoted() {
    let primary = Postgres::builder().without_fsync().start();
    primary.sql("postgres", "CREATE TABLE t (n integer)").unwrap();
    let standby = primary.standby();
    primary.sql("postgres", "INSERT INTO t VALUES (1)").unwrap();
    eventually(|| primary.is_followed().then_some(()));
    assert_eq!(standby.sql("postgres", "SELECT n FROM t").as_deref(), Ok("1"));
    assert!(standby.sql("postgres", "INSERT INTO t VALUES (9)").unwrap_err().contains("read-only"));

    standby.stop_following();
    primary.sql("postgres", "INSERT INTO t VALUES (2)").unwrap();
    standby.promote();
    standby.sql("postgres", "INSERT INTO t VALUES (3)").unwrap();
    assert_eq!(standby.sql("postgres", "SELECT n FROM t ORDER BY n").as_deref(), Ok("1\n3"));
    assert_eq!(primary.sql("postgres", "SELECT n FROM t ORDER BY n").as_deref(), Ok("1\n2"));
}
