use std::{
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::Duration,
};

use tokio::task::JoinHandle;

use super::{super::connection::to_write, *};

static LOST: AtomicU32 = AtomicU32::new(0);

struct Place {
    writer: Arc<Writer>,
    dir: tempfile::TempDir,
}

/// A writer of one table, whose `parent` is checked at COMMIT only.
fn place(prepare: impl FnOnce(&Connection)) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let lock = Arc::new(DirectoryLock::take(dir.path()).unwrap());
    let file = DatabaseFile::make(dir.path().join("test.db")).unwrap();
    let connection = to_write(file.path()).unwrap();
    let table = "CREATE TABLE things (
                     id     INTEGER PRIMARY KEY,
                     parent INTEGER REFERENCES things (id) DEFERRABLE INITIALLY DEFERRED,
                     load   BLOB
                 ) STRICT";
    connection.execute_batch(table).unwrap();
    prepare(&connection);
    let outcome_lost = || _ = LOST.fetch_add(1, Ordering::Relaxed);
    let settings = Settings { name: "test-writer", file, lock, outcome_lost };
    Place { writer: Arc::new(Writer::start(connection, settings).unwrap()), dir }
}

type Work = Box<dyn FnOnce(&Connection) -> Outcome<()> + Send>;
type Answer = JoinHandle<Result<(), StoreError>>;

impl Place {
    /// Hands these over as one group: they are queued while the writer is busy with the group's first change.
    async fn together(&self, works: impl IntoIterator<Item = (Size, Work)>) -> Vec<Answer> {
        let (started, has_started) = tokio::sync::oneshot::channel();
        let (release, released) = mpsc::channel::<()>();
        let writer = Arc::clone(&self.writer);
        let busy = tokio::spawn(async move {
            let work = move |_: &Connection| {
                started.send(()).unwrap();
                released.recv().unwrap();
                Ok(())
            };
            writer.run(work).await
        });
        has_started.await.unwrap();
        let mut answers = Vec::new();
        for (size, work) in works {
            let writer = Arc::clone(&self.writer);
            answers.push(tokio::spawn(async move { writer.hand_over(work, size).await }));
            let queued = answers.len();
            while self.waiting().await < queued {
                tokio::task::yield_now().await;
            }
        }
        release.send(()).unwrap();
        if let Err(error) = busy.await.unwrap() {
            assert!(!matches!(error, StoreError::OutcomeUnknown(_)), "{error}");
        }
        answers
    }

    async fn waiting(&self) -> usize {
        let queue = self.writer.queue.lock().await;
        let queue = queue.as_ref().unwrap();
        queue.max_capacity() - queue.capacity()
    }

    fn things(&self) -> Vec<i64> {
        let connection = Connection::open(self.dir.path().join("test.db")).unwrap();
        let mut statement = connection.prepare("SELECT id FROM things ORDER BY id").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
    }
}

fn small(works: Vec<Work>) -> impl Iterator<Item = (Size, Work)> {
    works.into_iter().map(|work| (Size::Small, work))
}

fn insert(id: i64) -> Work {
    Box::new(move |connection| {
        connection.execute("INSERT INTO things (id) VALUES (?1)", [id])?;
        Ok(())
    })
}

fn refused(id: i64) -> Work {
    Box::new(move |connection| {
        insert(id)(connection)?;
        Err(StoreError::LastKey.into())
    })
}

fn panics(id: i64) -> Work {
    Box::new(move |connection| {
        insert(id)(connection)?;
        panic!("of a test")
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_fails_in_the_middle_spoils_no_other() {
    let place = place(|_| {});
    let works = vec![insert(1), refused(20), insert(2), panics(30), insert(1), insert(3)];
    let mut answers = Vec::new();
    for answer in place.together(small(works)).await {
        answers.push(answer.await.unwrap());
    }
    let [one, refused, two, panicked, twice, three] = &answers[..] else { panic!("{answers:?}") };
    assert!(one.is_ok() && two.is_ok() && three.is_ok(), "{answers:?}");
    assert!(matches!(refused, Err(StoreError::LastKey)));
    assert!(matches!(panicked, Err(StoreError::Internal(text)) if text.contains("of a test")));
    assert!(matches!(twice, Err(StoreError::Internal(_))));
    assert_eq!(place.things(), [1, 2, 3]);
}

/// A large change between small ones, whose own commit fails or which fails itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_change_is_committed_alone_and_in_its_turn() {
    let place = place(|_| {});
    let orphan = |connection: &Connection| {
        connection.execute("INSERT INTO things (id, parent) VALUES (40, 99)", [])?;
        Ok(())
    };
    let after_four = |connection: &Connection| {
        connection.execute("INSERT INTO things (id) SELECT id + 1 FROM things WHERE id = 4", [])?;
        Ok(())
    };
    let works: Vec<(Size, Work)> = vec![
        (Size::Small, insert(1)),
        (Size::Large, refused(20)),
        (Size::Large, panics(30)),
        (Size::Small, insert(2)),
        (Size::Large, Box::new(orphan)),
        (Size::Large, insert(3)),
        (Size::Small, insert(4)),
        (Size::Large, Box::new(after_four)),
    ];
    let mut answers = Vec::new();
    for answer in place.together(works).await {
        answers.push(answer.await.unwrap());
    }
    let [one, refused, panicked, two, orphan, three, four, after_four] = &answers[..] else {
        panic!("{answers:?}")
    };
    assert!([one, two, three, four, after_four].into_iter().all(Result::is_ok), "{answers:?}");
    assert!(matches!(refused, Err(StoreError::LastKey)));
    assert!(matches!(panicked, Err(StoreError::Internal(text)) if text.contains("of a test")));
    assert!(matches!(orphan, Err(StoreError::Internal(_))));
    assert_eq!(place.things(), [1, 2, 3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_refused_undoes_the_group_and_the_next_one_passes() {
    let place = place(|_| {});
    let orphan = |connection: &Connection| {
        connection.execute("INSERT INTO things (id, parent) VALUES (2, 99)", [])?;
        Ok(())
    };
    for answer in place.together(small(vec![insert(1), Box::new(orphan), insert(3)])).await {
        let answer = answer.await.unwrap();
        assert!(matches!(answer, Err(StoreError::Internal(_))), "{answer:?}");
    }
    assert_eq!(place.things(), [0; 0]);
    place.writer.run(insert(4)).await.unwrap();
    assert_eq!(place.things(), [4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_database_is_said_to_be_full_until_there_is_room() {
    let place = place(|connection| {
        connection.pragma_update_and_check(None, "max_page_count", 40, |_| Ok(())).unwrap();
    });
    let large = |connection: &Connection| {
        connection.execute("INSERT INTO things (load) VALUES (zeroblob(1000000))", [])?;
        Ok(())
    };
    let answers = place.together(small(vec![insert(1), Box::new(large), insert(2)])).await;
    let mut full = 0;
    for answer in answers {
        match answer.await.unwrap() {
            Ok(()) => {}
            Err(StoreError::StorageFull) => full += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(full >= 1);
    place.writer.run(insert(3)).await.unwrap();
    assert!(place.things().contains(&3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_database_refuses_until_it_is_free() {
    let place = place(|connection| connection.busy_timeout(Duration::from_millis(50)).unwrap());
    let holder = Connection::open(place.dir.path().join("test.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = place.writer.run(insert(3)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    holder.execute_batch("ROLLBACK").unwrap();
    place.writer.run(insert(4)).await.unwrap();
    assert_eq!(place.things(), [4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_finishes_what_waits_and_copies_the_log() {
    let place = place(|_| {});
    let answers = place.together(small((1..=50).map(insert).collect())).await;
    place.writer.close().await;
    for answer in answers {
        answer.await.unwrap().unwrap();
    }
    assert_eq!(place.things().len(), 50);
    let log = place.dir.path().join("test.db-wal");
    assert_eq!(std::fs::metadata(log).map_or(0, |log| log.len()), 0);
    let late = place.writer.run(insert(99)).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))));
    assert!(DirectoryLock::take(place.dir.path()).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_copied_into_the_database_as_it_grows() {
    let place = place(|_| {});
    let large = |connection: &Connection| {
        connection.execute("INSERT INTO things (load) VALUES (zeroblob(70000000))", [])?;
        Ok(())
    };
    for _ in 0..2 {
        place.writer.run(large).await.unwrap();
    }
    place.writer.run(insert(1000)).await.unwrap();
    let database = std::fs::metadata(place.dir.path().join("test.db")).unwrap().len();
    assert!(database > 70_000_000, "{database}");
}

/// Nobody may be told that it happened, or that it didn't.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_outcome_is_told_as_such_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let lock = Arc::new(DirectoryLock::take(dir.path()).unwrap());
    let file = DatabaseFile::make(dir.path().join("test.db")).unwrap();
    let connection = to_write(file.path()).unwrap();
    let outcome_lost = || _ = LOST.fetch_add(1, Ordering::Relaxed);
    let settings = Settings { name: "test-writer", file, lock, outcome_lost };
    let (_sender, queue) = tokio::sync::mpsc::channel(1);
    let desk = Desk { connection, settings, queue, next: None, committed: Arc::default() };

    let (caller, answer) = oneshot::channel();
    let job = Change { work: Some(insert(1)), size: Size::Small, left: None, caller };
    let failed = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
    desk.answer(vec![Box::new(job)], End::Unknown(rusqlite::Error::SqliteFailure(failed, None)));
    assert!(matches!(answer.await.unwrap(), Err(StoreError::OutcomeUnknown(_))));
    assert_eq!(LOST.load(Ordering::Relaxed), 1);
}
