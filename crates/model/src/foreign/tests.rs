use super::*;

const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn read(text: &str) -> Result<Scheme, HashError> {
    text.parse::<ForeignHash>().map(|hash| hash.scheme())
}

#[test]
fn each_kind_is_read_as_its_system_writes_it() {
    let b64 = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0";
    for (text, kind) in [
        (format!("hmac-sha256${HEX}"), "Hmac"),
        (format!("hmac-sha256${b64}="), "Hmac"),
        (format!("sha512$${HEX}{HEX}"), "Sha2"),
        (format!("sha512${HEX}{HEX}"), "Sha2"),
        (format!("sha512-256${HEX}"), "Sha2"),
        (format!("sha256$salt${HEX}"), "Sha2"),
        (format!("pbkdf2_sha256$600000$salt${b64}="), "Pbkdf2"),
        ("pbkdf2_sha1$600000$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned(), "Pbkdf2"),
        (format!("$pbkdf2-sha256$29000$c2FsdHNhbHQ${}", b64.replace('+', ".")), "Pbkdf2"),
        (format!("$pbkdf2-sha256$i=29000,l=32$c2FsdHNhbHQ${b64}"), "Pbkdf2"),
        ("$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW".to_owned(), "Bcrypt"),
        ("bcrypt$$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW".to_owned(), "Bcrypt"),
        ("bcrypt_sha256$$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW".to_owned(), "Bcrypt"),
        (format!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ${b64}"), "Argon2"),
        (format!("argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHQ${b64}"), "Argon2"),
        (format!("$argon2i$m=19456,t=2,p=1$c2FsdHNhbHQ${b64}"), "Argon2"),
    ] {
        let scheme = read(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(format!("{scheme:?}").starts_with(kind), "{text}: {scheme:?}");
    }
    let Scheme::Bcrypt(django) =
        read("bcrypt_sha256$$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW").unwrap()
    else {
        panic!("it is bcrypt")
    };
    assert_eq!((django.cost, django.of_sha256), (12, true));
}

#[test]
fn what_is_no_hash_or_a_broken_one_is_unknown() {
    for text in [
        "",
        "$",
        "$$$$$$",
        HEX,
        "abc",
        "!",
        &format!("md5$salt${HEX}"),
        &format!("sha512$${HEX}"),
        &format!("sha512$${HEX}{HEX}\n"),
        &format!("hmac-sha256${HEX}{HEX}"),
        "$2x$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        "$2b$+4$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        "$2b$03$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMU",
        "pbkdf2_sha256$0$salt$ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
        "pbkdf2_sha256$-1$salt$ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
        "pbkdf2_sha256$1000$salt$c2hvcnQ=",
        "$pbkdf2-sha256$i=29000,l=16$c2FsdHNhbHQ$ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0",
        "$argon2id$v=19$m=8,t=2,p=2$c2FsdHNhbHQ$ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0",
        "$argon2id$v=19$m=19456,t=2,p=1,data=AA$c2FsdHNhbHQ$ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0",
        "$argon2id$v=19$m=19456,t=2,p=4294967295$c2FsdHNhbHQ$ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0",
        "$argon2id$v=20$m=19456,t=2,p=1$c2FsdHNhbHQ$ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0",
        "$scrypt$ln=16,r=8,p=1$c2FsdA$ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0",
        &format!("sha256${}${HEX}", "s".repeat(600)),
    ] {
        assert_eq!(read(text), Err(HashError::Unknown), "{text}");
    }
}

#[test]
fn what_would_cost_too_much_is_refused_by_what_it_may_cost() {
    for text in [
        "$2b$16$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        "$2b$31$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
        "pbkdf2_sha256$3000001$salt$ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
        "pbkdf2_sha1$2000000$salt$ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
        "$argon2id$v=19$m=1048576,t=1,p=1$c2FsdHNhbHQ$ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0",
        "$argon2id$v=19$m=65536,t=17,p=1$c2FsdHNhbHQ$ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0",
        "$argon2id$v=19$m=4294967295,t=4294967295,p=1$c2FsdHNhbHQ$ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0",
        "$argon2id$v=19$m=1024,t=1,p=17$c2FsdHNhbHQ$ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0",
    ] {
        assert!(matches!(read(text), Err(HashError::Costly(_))), "{text}");
    }
}

#[test]
fn a_stand_in_is_of_one_secret_of_one_api_and_nothing_is_told_of_a_hash() {
    let secret = |lookup: &str| ForeignSecret {
        lookup: lookup.into(),
        hash: format!("sha512-256${HEX}").parse().unwrap(),
    };
    assert_eq!(secret("ab").stand_in("a"), secret("ab").stand_in("a"));
    assert_ne!(secret("ab").stand_in("a"), secret("ac").stand_in("a"));
    assert_ne!(secret("ab").stand_in("a"), secret("ab").stand_in("b"));
    assert!(!format!("{:?}", secret("ab")).contains("ba78"));
}
