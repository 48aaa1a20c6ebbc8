//! A server that Claviger is compared with; it says on standard output where it listens.
//!
//! `bare` answers fixed bytes, `proxy` forwards without a question; `sqlite`, `postgres` and `redis` are what one writes
//! to check keys against a database, and write the keys into it before they listen.

mod answers;
mod bare;
mod check;
mod listen;
mod postgres;
mod proxy;
mod redis;
mod service;
mod sqlite;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser};

/// The allocator the product ships with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
enum Rival {
    /// Answers each request with the answer in a file
    Bare { answer: PathBuf },
    /// Forwards each request to an upstream
    Proxy { upstream: SocketAddr },
    /// Checks keys in a file of SQLite
    Sqlite {
        file: PathBuf,
        #[command(flatten)]
        asked: Asked,
    },
    /// Checks keys in PostgreSQL
    Postgres {
        url: String,
        #[command(flatten)]
        asked: Asked,
    },
    /// Checks keys in Redis
    Redis {
        url: String,
        #[command(flatten)]
        asked: Asked,
    },
}

#[derive(Args)]
struct Asked {
    /// How many keys there are
    #[arg(long)]
    keys: u64,
    /// The key of those who may ask
    #[arg(long)]
    operator_key: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Rival::parse() {
        Rival::Bare { answer } => bare::serve(&answer).await,
        Rival::Proxy { upstream } => proxy::serve(upstream).await,
        Rival::Sqlite { file, asked } => {
            let keys = sqlite::Sqlite::filled(file, asked.keys)?;
            service::serve(keys, asked.operator_key).await
        }
        Rival::Postgres { url, asked } => {
            let keys = postgres::Postgres::filled(&url, asked.keys).await?;
            service::serve(keys, asked.operator_key).await
        }
        Rival::Redis { url, asked } => {
            let keys = redis::Redis::filled(&url, asked.keys).await?;
            service::serve(keys, asked.operator_key).await
        }
    }
}
